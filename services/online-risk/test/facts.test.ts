// What other services report, over real topics: in any order, repeated, in batches, about nothing, and against each other.
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { TestKey } from "./keys.ts";
import type { Outgoing, Peer } from "./peer.ts";
import { CLEARED, clientOf, countRows, type Keys, newWithdrawal, shareWorld, type World } from "./world.ts";

const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 40_000, interval: 50 });
const hash = (text: string) => createHash("sha256").update(text).digest("hex");

const numbers = new Map<string, bigint>();

/** The semi-offline zone counts its reports without a gap; the same report keeps its number. */
function numberOf(report: string): bigint {
  if (!numbers.has(report)) numbers.set(report, BigInt(numbers.size + 1));
  return numbers.get(report) ?? 0n;
}

/** Makes the messages of one task; `n` tells messages of one kind apart. */
function about(keys: Keys, withdrawalIds: readonly string[], task = withdrawalIds.join("+")) {
  const txid = hash(task);
  const withdrawals = (attempt: number) => withdrawalIds.map((withdrawalId) => ({ withdrawalId, attempt }));
  const of = <K extends TestKey>(key: K, kind: string, n: number) => ({ key, id: `${task}/${kind}/${n}` });
  const inBlock = (attempt: number, revision: number) => {
    return {
      transactionId: txid,
      withdrawals: withdrawals(attempt),
      blockHash: hash(`${revision}`),
      height: 100,
      revision,
    };
  };
  const report = (attempt: number, kind: string) => {
    const taskId = `${task}-${attempt}`;
    return { number: numberOf(`${taskId}/${kind}`), taskId, withdrawals: withdrawals(attempt) };
  };
  const finding = (withdrawalId: string, verdict: string) => {
    return { withdrawalId, finding: { rule: "OFFLINE_LABEL", verdict, reason: "on the offline list", evidence: {} } };
  };
  return {
    txid,
    planned: (attempt = 1): Outgoing => ({
      ...{ ...of(keys.vault, "planned", attempt), type: "transaction.planned.v1" },
      message: {
        ...{ taskId: `${task}-${attempt}`, walletId: "hot", transactionId: txid, feeSat: 100n, vbytes: 200 },
        withdrawals: withdrawals(attempt),
      },
    }),
    signing: (attempt = 1): Outgoing => ({
      ...{ ...of(keys.vault, "signing", attempt), type: "signing.started.v1" },
      message: { taskId: `${task}-${attempt}`, transactionId: txid, withdrawals: withdrawals(attempt) },
    }),
    delayed: (attempt = 1): Outgoing => ({
      ...{ ...of(keys.zone, "delayed", attempt), type: "risk.reported.v1" },
      message: {
        ...{ ...report(attempt, "delayed"), transactionId: txid },
        verdict: { case: "delayed", value: { untilMs: 2_000_000_000_000, findings: [finding("", "delay")] } },
      },
    }),
    /** Of a further version, while the first may be signed. */
    refusedReplacement: (attempt: number, own: readonly string[]): Outgoing => ({
      ...{ ...of(keys.zone, "refused", attempt), type: "risk.reported.v1" },
      message: {
        ...{ ...report(attempt, "refused"), transactionId: "", orderedBefore: withdrawalIds },
        verdict: {
          case: "refused",
          value: { findings: own.map((id) => finding(id, "refuse")), signatureMayExist: false },
        },
      },
    }),
    refused: (attempt: number, own: readonly string[], signatureMayExist = false): Outgoing => ({
      ...{ ...of(keys.zone, "refused", attempt), type: "risk.reported.v1" },
      message: {
        ...{ ...report(attempt, "refused"), transactionId: "" },
        verdict: { case: "refused", value: { findings: own.map((id) => finding(id, "refuse")), signatureMayExist } },
      },
    }),
    zoneSigned: (attempt = 1): Outgoing => ({
      ...{ ...of(keys.zone, "zone-signed", attempt), type: "risk.reported.v1" },
      message: {
        ...{ ...report(attempt, "signed"), transactionId: txid },
        verdict: { case: "signed", value: { psbt: Uint8Array.of(1), holders: ["semi-offline-signer-a"] } },
      },
    }),
    signed: (attempt = 1): Outgoing => ({
      ...{ ...of(keys.vault, "signed", attempt), type: "transaction.signed.v1" },
      message: {
        ...{ taskId: `${task}-${attempt}`, walletId: "hot", transactionId: txid, transaction: Uint8Array.of(1) },
        ...{ spent: [], feeSat: 100n, changeSat: 0n },
        payouts: withdrawals(attempt).map((item) => {
          return { ...item, account: "acme", address: "bcrt1q", amountSat: 10_000n };
        }),
      },
    }),
    broadcast: (attempt = 1): Outgoing => ({
      ...{ ...of(keys.gateway, "broadcast", attempt), type: "transaction.broadcast.v1" },
      message: { transactionId: txid, withdrawals: withdrawals(attempt) },
    }),
    included: (revision: number, confirmations: number, attempt = 1): Outgoing => ({
      ...{ ...of(keys.gateway, "included", revision), type: "transaction.included.v1" },
      message: { ...inBlock(attempt, revision), confirmations, requiredConfirmations: 6 },
    }),
    reorged: (revision: number, attempt = 1): Outgoing => ({
      ...{ ...of(keys.gateway, "reorged", revision), type: "transaction.reorged.v1" },
      message: inBlock(attempt, revision),
    }),
    confirmed: (revision: number, attempt = 1): Outgoing => ({
      ...{ ...of(keys.gateway, "confirmed", revision), type: "transaction.confirmed.v1" },
      message: { ...inBlock(attempt, revision), confirmations: 6 },
    }),
  };
}

type Tale = {
  readonly name: string;
  readonly end: readonly [state: string, paid: boolean, confirmations: number];
  readonly tell: (its: ReturnType<typeof about>, id: string) => readonly Outgoing[];
};

const TALES: readonly Tale[] = [
  {
    name: "paid",
    end: ["completed", true, 6],
    tell: (its) => [
      ...[its.planned(), its.signing(), its.zoneSigned(), its.signed(), its.broadcast()],
      ...[1, 2, 3, 4, 5].map((n) => its.included(n, n)),
      its.confirmed(6),
    ],
  },
  {
    name: "paid after a delay and a reorganisation",
    end: ["completed", true, 6],
    tell: (its) => [
      ...[its.planned(), its.signing(), its.delayed(), its.zoneSigned(), its.signed(), its.broadcast()],
      ...[its.included(1, 1), its.included(2, 2), its.reorged(3), its.included(4, 1), its.confirmed(9)],
    ],
  },
  {
    name: "completed, taken back, completed anew",
    end: ["completed", true, 6],
    tell: (its) => [
      ...[its.planned(), its.signed(), its.broadcast(), its.included(1, 1), its.confirmed(2), its.reorged(3)],
      ...[its.included(4, 1), its.confirmed(5)],
    ],
  },
  {
    name: "in a block again",
    end: ["confirming", true, 1],
    tell: (its) => [
      its.planned(),
      its.signed(),
      its.broadcast(),
      its.included(1, 3),
      its.reorged(2),
      its.included(5, 1),
    ],
  },
  {
    name: "thrown out of its block",
    end: ["broadcast", true, 0],
    tell: (its) => [its.planned(), its.signing(), its.signed(), its.broadcast(), its.included(1, 1), its.reorged(2)],
  },
  {
    name: "refused",
    end: ["refused", false, 0],
    tell: (its, id) => [its.planned(), its.signing(), its.delayed(), its.refused(1, [id])],
  },
  {
    name: "paid, a replacement refused",
    end: ["completed", true, 6],
    tell: (its, id) => [
      ...[its.planned(), its.signing(), its.zoneSigned(), its.signed(), its.broadcast()],
      ...[its.planned(2), its.signing(2), its.delayed(2), its.refusedReplacement(2, [id])],
      ...[its.planned(3), its.signing(3), its.signed(3), its.confirmed(6)],
    ],
  },
  {
    name: "a replacement refused early",
    end: ["signing", false, 0],
    tell: (its, id) => [its.planned(), its.planned(2), its.signing(2), its.refusedReplacement(2, [id])],
  },
  {
    name: "planned again, and delayed",
    end: ["signing_delayed", false, 0],
    tell: (its) => [its.planned(), its.signing(), its.refused(1, []), its.planned(2), its.signing(2), its.delayed(2)],
  },
];

/** How many of these messages it has taken: what an earlier test told may still arrive meanwhile. */
async function taken(world: World, messages: readonly Outgoing[]): Promise<number> {
  const asked = [messages.map(({ type }) => type), messages.map(({ id }) => id)];
  const { rowCount } = await world.pool.query(
    "select from inbox where (message_type, message_id) in (select * from unnest($1::text[], $2::text[]))",
    asked,
  );
  return rowCount ?? 0;
}

/** What the policy holds until a person approves it. */
const HELD = { address: newWithdrawal().address, tier: "grey", category: "test", reason: "it is grey" };
const { world: shared, living, peer: nextTo } = shareWorld({ policy: { labels: [HELD] } });

describe("facts", () => {
  it("in any order, and some of them twice, end in the same state", async () => {
    const world = shared();
    const ids = TALES.flatMap(({ name }) =>
      Array.from({ length: 6 }, (_, n) => `${name.replaceAll(/\W+/g, "-")}-${n}`),
    );
    const { client, peer } = await allCleared("any-order", ids);
    const messages = TALES.flatMap(({ name, tell }) =>
      ids
        .filter((id) => id.slice(0, -2) === name.replaceAll(/\W+/g, "-"))
        .flatMap((id) => tell(about(world.keys, [id]), id)),
    );
    const order = shuffled([...messages, ...messages.filter(() => Math.random() < 0.2)]);
    await peer.publish(order);
    await eventually(() => taken(world, messages)).toBe(messages.length);
    expect(await countRows(world.pool, "dead_letter")).toBe(0);
    for (const { name, end } of TALES) {
      for (const id of ids.filter((one) => one.slice(0, -2) === name.replaceAll(/\W+/g, "-"))) {
        const { state, txid, confirmations, history } = await client.getWithdrawal(id);
        const paid = txid === about(world.keys, [id]).txid;
        const told = order.filter((message) => message.id.startsWith(id)).map((message) => message.id);
        expect([id, state, paid, confirmations, told]).toEqual([id, ...end, told]);
        expect(history.length).toBeGreaterThan(2);
      }
    }
    process.stderr.write(`told ${order.length} facts, ${order.length - messages.length} of them twice\n`);
  });

  it("of a batch change every withdrawal in it; a refused one leaves its companions to be planned again", async () => {
    const world = shared();
    const clearedBefore = await countRows(world.pool, CLEARED);
    const [a, b, c] = ["batch-a", "batch-b", "batch-c"] as const;
    const { client, peer } = await allCleared("batch", [a, b, c]);
    const first = about(world.keys, [a, b, c]);
    const told = [first.planned(), first.signing(), first.refused(1, [b])];
    await peer.publish(told);
    await eventually(async () => (await client.getWithdrawal(b)).state).toBe("refused");
    await eventually(() => taken(world, told)).toBe(told.length);
    const refused = await client.getWithdrawal(b);
    expect(refused.detail).toBe("refused by the semi-offline zone: OFFLINE_LABEL: on the offline list");
    expect(refused.findings.at(-1)).toMatchObject({
      by: "semi-offline-risk",
      rule: "OFFLINE_LABEL",
      verdict: "refuse",
    });
    for (const id of [a, c]) {
      const companion = await client.getWithdrawal(id);
      expect([companion.state, companion.findings.length]).toEqual(["cleared", 8]);
    }
    const second = about(world.keys, [a, c]);
    await peer.publish([second.planned(2), second.signed(2), second.broadcast(2), second.confirmed(7, 2)]);
    for (const id of [a, c]) await eventually(async () => (await client.getWithdrawal(id)).state).toBe("completed");
    // Nothing was cleared twice: the clearance of a companion stays the one that it has.
    expect(await countRows(world.pool, CLEARED)).toBe(clearedBefore + 3);
    await eventually(() => last(peer, a)).toBe("completed");
    expect(last(peer, b)).toBe("refused");
    const revisions = peer.changed.filter(({ message }) => message.withdrawalId === a).map((o) => o.message.revision);
    expect(revisions).toEqual(revisions.map((_, index) => index + 1));
  });

  it("after which a signature may exist end nothing, and say that a person has to look", async () => {
    const world = shared();
    const ids = ["signed-a", "signed-b"] as const;
    const { client, peer } = await allCleared("signed", ids);
    const its = about(world.keys, ids);
    const told = [its.planned(), its.signing()];
    await peer.publish(told);
    await eventually(() => taken(world, told)).toBe(told.length);
    await peer.publish([its.refused(1, [ids[0]], true)]);
    for (const id of ids) {
      await eventually(async () => (await client.getWithdrawal(id)).detail).toContain("a person has to look");
      expect((await client.getWithdrawal(id)).state).toBe("signing");
    }
  });
});

describe("a message that cannot be true is parked with its reason, and waits for a person", () => {
  it("each for its own reason, while the others go on; a retry counts once it can be true", async () => {
    const world = shared();
    expect(await countRows(world.pool, "dead_letter")).toBe(0);
    const { client, peer, internal, running } = await allCleared("parked", ["a", "b"]);
    await client.createWithdrawal(newWithdrawal({ id: "held", account: "parked", address: HELD.address }));
    await client.waitFor("held", ["held"], { pollMs: 100 });
    const [a, b] = [about(world.keys, ["a"]), about(world.keys, ["b"])];
    await peer.publish([a.refused(1, ["a"])]);
    await eventually(async () => (await client.getWithdrawal("a")).state).toBe("refused");
    const forged = { ...b.planned(2), key: world.keys.gateway };
    const stranger = { ...b.planned(3), key: { ...world.keys.gateway, producer: "vault" } as const };
    await peer.publish([
      ...[about(world.keys, ["nobody"]).planned(), about(world.keys, ["held"]).planned(), a.signed()],
      ...[stranger, b.planned()],
    ]);
    // The table of producers does not even let a peer seal what is not its own to say.
    await expect(peer.publish([forged])).rejects.toThrow("may not seal");
    await eventually(() => countRows(world.pool, "dead_letter")).toBe(4);
    // Letters and facts come over several topics, each at its own time.
    await eventually(async () => (await client.getWithdrawal("b")).state).toBe("planned");
    expect((await client.getWithdrawal("a")).state).toBe("refused");
    const letters = await lettersOf(internal);
    expect(letters.map(({ code }) => code).toSorted()).toEqual([
      ...["FACT_BEFORE_CLEARANCE", "FACT_CONTRADICTS", "SEAL_KEY_UNKNOWN", "WITHDRAWAL_UNKNOWN"],
    ]);
    for (const { reason } of letters) expect(reason).toMatch(/\w/);
    const early = letters.find(({ code }) => code === "FACT_BEFORE_CLEARANCE")?.id ?? "";
    const retry = () => fetch(`${internal}/dead-letters/${early}/retry`, { method: "POST" });
    expect((await retry()).status).toBe(409);
    await clientOf(running, world.keys.ann).approveWithdrawal("held");
    expect(await (await retry()).json()).toEqual({ id: early, resolution: "handled" });
    expect((await client.getWithdrawal("held")).state).toBe("planned");
    expect((await retry()).status).toBe(409);
    expect((await fetch(`${internal}/dead-letters/999/retry`, { method: "POST" })).status).toBe(404);
    expect((await fetch(`${internal}/dead-letters/x/retry`, { method: "POST" })).status).toBe(400);
    expect((await lettersOf(internal)).length).toBe(3);
  });
});

/** Of an account of their own: what the zone has refused lately holds back the next of the same account. */
async function allCleared(account: string, ids: readonly string[]) {
  const [running, peer] = await Promise.all([living(), nextTo()]);
  const client = clientOf(running, shared().keys.backend);
  for (const id of ids) await client.createWithdrawal(newWithdrawal({ id, account }));
  for (const id of ids) await client.waitFor(id, ["cleared"], { pollMs: 100 });
  return { client, peer, running, internal: running.internal };
}

type Letter = { readonly id: string; readonly code: string; readonly reason: string };

async function lettersOf(internal: string) {
  const answer = await (await fetch(`${internal}/dead-letters`)).json();
  return (answer as { readonly deadLetters: readonly Letter[] }).deadLetters;
}

function last(peer: Peer, id: string): string | undefined {
  return peer.changed.findLast(({ message }) => message.withdrawalId === id)?.message.state;
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((x, y) => x.at - y.at)
    .map(({ item }) => item);
}
