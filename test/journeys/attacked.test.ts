// An enemy on the online side of a running stack: on the topics, at the front door, in vault's place, and before a
// holder. Nothing is paid that should not be, everybody else is served meanwhile, and it is counted what really fired.
import { randomBytes } from "node:crypto";
import { type Coin, finalisePayout, outpointOf } from "@sluice/chains";
import { callConsole } from "@sluice/console";
import { createTrust, HOLDERS, type Holder, type MessageType, open, type Sealer, topicsFor } from "@sluice/contracts";
import { ONLINE_SERVICES, type OnlineService } from "@sluice/devstack";
import { afterAll, expect, it } from "vitest";
import { type FalseZone, type Order, openFalseZone, ordersWith } from "./enemy/as-semi-offline-risk.ts";
import {
  type FalseVault,
  openFalseVault,
  plan,
  type Report,
  type Task,
  verdictOf,
  type Zone,
} from "./enemy/as-vault.ts";
import { createAttempts } from "./enemy/attempts.ts";
import { coinsSpentBy, unspentCoins } from "./enemy/coins.ts";
import { forge, stranger } from "./enemy/envelopes.ts";
import { type Knock, knock, tampered, unsigned } from "./enemy/front-door.ts";
import { type Cleared, type Loot, taskAttacks, taskOf } from "./enemy/task-attacks.ts";
import { type TopicAttack, topicAttacks } from "./enemy/topic-attacks.ts";
import { countIn, openTopics, parkedAs, type Topics } from "./enemy/topics.ts";
import { follow, paymentsTo, withStack } from "./with-stack.ts";

const stack = withStack({
  policies: async () => ({
    online: {
      newDestination: { aboveMinor: "5000000", approvals: 1 },
      // Whoever plays vault here swallows what the zone says, and goes on longer than online-risk would stand it.
      zone: { gapMs: 86_400_000, zoneSilentMs: 86_400_000 },
    },
  }),
});
const attempts = createAttempts();
/** Each kind of attack has its untampered control. */
const CONTROLS = 7;

type Posted = Omit<Cleared, "clearance">;
/** Everything that the backend really asked for. */
const wanted: Posted[] = [];
let enemyAddress: string;
let topics: Topics;
let loot: Loot;
let vault: FalseVault | undefined;
/** The zone as it was when the enemy took vault's place. */
let before: Zone;
let zone: FalseZone | undefined;
/** Who signed the control in vault's place. */
let paidInPlace = "";
let signers: readonly Holder[] = [];

afterAll(async () => {
  await Promise.all([topics?.close(), vault?.close(), zone?.close()]);
});

async function post(id: string, amountSat = 150_000n): Promise<Posted> {
  const address = await stack().chain.newAddress();
  await stack().client.createWithdrawal({ id, account: "alice", asset: "BTC", amount: amountSat, address });
  const posted = { id, address, amountSat };
  wanted.push(posted);
  return posted;
}

function wantedAs(id: string): Posted {
  const found = wanted.find((posted) => posted.id === id);
  if (found === undefined) throw new Error(`${id} was never posted`);
  return found;
}

async function envelopeWith(topic: MessageType, id: string): Promise<Uint8Array> {
  return (await topics.messageWith(topic, id)).envelope;
}

async function clearedAs(id: string): Promise<Cleared> {
  return { ...wantedAs(id), clearance: await envelopeWith("withdrawal.cleared.v1", id) };
}

it("before the enemy comes, what is cleared is paid, and what is held waits for a person", async () => {
  await stack().fund([50n, 40n, 30n, 20n, 10n, 3n, 2n, 1n].map((millions) => millions * 1_000_000n));
  enemyAddress = await stack().chain.newAddress();
  topics = await openTopics(stack().inside, [
    "withdrawal.cleared.v1",
    "transaction.signed.v1",
    "transaction.broadcast.v1",
  ]);
  await post("control-1");
  await post("held-1", 6_000_000n);
  expect((await follow(stack(), "control-1", ["completed"])).state).toBe("completed");
  expect((await follow(stack(), "held-1", ["held"])).state).toBe("held");
  attempts.control("a withdrawal through the whole stack");
});

it("on the topics: what is forged is parked with its code, and who stands behind it is served", async () => {
  const captured = {
    clearance: await envelopeWith("withdrawal.cleared.v1", "control-1"),
    signed: await envelopeWith("transaction.signed.v1", "control-1"),
    broadcast: await envelopeWith("transaction.broadcast.v1", "control-1"),
  };
  expectThePenToWrite(captured.clearance);
  const { address, amountSat } = wantedAs("control-1");
  const aim = { address, amount: String(amountSat), enemyAddress, heldId: "held-1" };
  const sent: { readonly attack: TopicAttack; readonly position: Parameters<typeof parkedAs>[2] }[] = [];
  for (const attack of topicAttacks(stack(), captured, aim)) {
    // On the partition of the withdrawal that comes behind.
    const key = attack.topic === "withdrawal.cleared.v1" ? "behind-1" : stack().walletId;
    for (const position of await topics.put(attack.topic, [{ key, envelope: attack.envelope }])) {
      sent.push({ attack, position });
    }
  }
  await post("behind-1");
  expect((await follow(stack(), "behind-1", ["completed"])).state).toBe("completed");
  for (const topic of ["withdrawal.cleared.v1", "transaction.signed.v1"] as const) {
    const { partition } = await topics.messageWith(topic, "behind-1");
    const forged = sent.filter(({ attack }) => attack.topic === topic).map(({ position }) => position.partition);
    expect(new Set(forged), topic).toEqual(new Set([partition]));
  }
  attempts.control("a withdrawal behind the forged messages, in their partitions");
  for (const { attack, position } of sent) {
    await attempts.attempt(`${attack.topic}: ${attack.name}`, async () => {
      const readers = ONLINE_SERVICES.filter((name) => topicsFor(name).includes(attack.topic));
      expect(readers.length, attack.topic).toBeGreaterThan(0);
      for (const reader of readers) {
        await expect.poll(() => parkedAs(stack(), reader, position), { timeout: 20_000 }).toBe(attack.code);
      }
      return `${attack.code}, parked by ${readers.join(", ")}`;
    });
  }
  expect((await stack().client.getWithdrawal("held-1")).state).toBe("held");
  expect(await paymentsTo(stack(), enemyAddress)).toEqual([]);
});

/** The forger's own control: with the right key its envelope would be believed. */
function expectThePenToWrite(clearance: Uint8Array): void {
  const trust = createTrust(stack().inside.trust);
  const real = open(trust, clearance, ["withdrawal.cleared.v1"]);
  if (!real.ok) throw new Error(real.refusal.code);
  const { key, type, message } = real.value;
  const again = open(trust, forge(stack().inside.sealerOf("online-risk"), type, key, message), [type]);
  expect(again.ok && again.value.message).toEqual(message);
  attempts.control("an envelope by the enemy's pen, with the right key");
}

it("on the topics: real messages a hundred times over take effect once", async () => {
  for (const topic of ["withdrawal.cleared.v1", "transaction.signed.v1"] as const) {
    await attempts.attempt(`${topic}: a real message, 100 times more`, async () => {
      const readers = ONLINE_SERVICES.filter((name) => topicsFor(name).includes(topic));
      const before = await Promise.all(readers.map((name) => duplicatesOf(name, topic)));
      const envelope = await envelopeWith(topic, "control-1");
      await topics.put(
        topic,
        // On every partition.
        Array.from({ length: 100 }, (_, at) => ({ key: `replay-${at}`, envelope })),
      );
      for (const [at, name] of readers.entries()) {
        await expect.poll(() => duplicatesOf(name, topic), { timeout: 20_000 }).toBe((before[at] ?? 0) + 100);
      }
      return `duplicates, skipped by ${readers.join(", ")}`;
    });
  }
  expect(await paymentsTo(stack(), wantedAs("control-1").address)).toHaveLength(1);
});

async function duplicatesOf(service: OnlineService, topic: string): Promise<number> {
  const metrics = await (await fetch(`${stack().httpUrls[service]}/metrics`)).text();
  return countIn(metrics, "sluice_messages_total", `type="${topic}"`, 'outcome="duplicate"');
}

it("at the front door: what is not signed, fresh and new is refused, and nothing of it is stored", async () => {
  const { apiUrl, backend, client, inside } = stack();
  const idsOf = async () => (await client.listWithdrawals()).withdrawals.map(({ id }) => id);
  const address = await stack().chain.newAddress();
  const control = { id: "door-1", account: "alice", asset: "BTC", amount: "150000", address };
  const body = { ...control, id: "door-2" };
  const raise = (text: string) => text.replace('"150000"', '"950000"');
  const once = { body: control, signer: backend, nonce: randomBytes(8).toString("hex"), createdAtMs: Date.now() };
  expect(await knock(apiUrl, once)).toBe("202");
  wanted.push({ id: control.id, address, amountSat: 150_000n });
  attempts.control("a signed request, by hand");
  const before = await idsOf();
  const knocks: readonly (readonly [code: string, name: string, knock: Knock])[] = [
    ["401 SIGNATURE_MISSING", "unsigned", { body, signer: backend, after: unsigned }],
    ["401 DIGEST_MISMATCH", "another amount", { body, signer: backend, after: tampered(raise, false) }],
    [
      "401 SIGNATURE_INVALID",
      "another amount with its digest",
      { body, signer: backend, after: tampered(raise, true) },
    ],
    ["401 SIGNATURE_INVALID", "a stranger's key", { body, signer: stranger("exchange-backend") }],
    ["401 KEY_UNKNOWN", "vault's key", { body, signer: inside.sealerOf("vault") }],
    ["401 SIGNATURE_STALE", "an hour old", { body, signer: backend, createdAtMs: Date.now() - 3_600_000 }],
    ["401 SIGNATURE_REPLAYED", "the control's own bytes again", once],
    ["401 SIGNATURE_REPLAYED", "the control's nonce for another", { ...once, body }],
    [
      "409 WITHDRAWAL_ID_REUSED",
      "the control's id for more",
      { body: { ...control, amount: "950000" }, signer: backend },
    ],
  ];
  for (const [code, name, made] of knocks) {
    await attempts.attempt(`a request: ${name}`, async () => {
      const answer = await knock(apiUrl, made);
      expect(answer, name).toBe(code);
      return answer;
    });
  }
  expect(await idsOf()).toEqual(before);
  await expect(client.getWithdrawal("door-2")).rejects.toMatchObject({ status: 404, code: "WITHDRAWAL_UNKNOWN" });
  expect((await follow(stack(), "door-1", ["completed"])).amount).toBe("150000");
});

it("in vault's place: the semi-offline zone signs nothing that is not exactly what was asked for", async () => {
  await stack().kill("vault");
  await Promise.all([post("stolen-1"), post("stolen-2", 160_000n)]);
  await Promise.all([post("signed-1"), post("lone-1")]);
  const paid = await clearedAs("control-1");
  const [payment = ""] = await paymentsTo(stack(), paid.address);
  loot = {
    stack: stack(),
    coins: await unspentCoins(stack()),
    first: await clearedAs("stolen-1"),
    second: await clearedAs("stolen-2"),
    paid,
    spentCoins: await coinsSpentBy(stack(), payment),
    enemyAddress,
  };
  vault = openFalseVault(stack());
  before = await vault.zoneAfter(0);
  for (const { name, code, task } of taskAttacks(loot)) await expectRefusal(vault, name, code, task);
});

async function expectRefusal(enemy: FalseVault, name: string, code: string, task: Task): Promise<void> {
  await attempts.attempt(`a task: ${name}`, async () => {
    await enemy.send(task);
    const report = await enemy.reportOf(task.taskId);
    expect(verdictOf(report), name).toBe(`refused ${code}`);
    expect(report.verdict.value, name).toMatchObject({ signatureMayExist: false });
    // Its own finding: no holder was asked.
    expect(holdersIn(report), name).toEqual([]);
    return `${code}, reported by semi-offline-risk`;
  });
}

function holdersIn({ verdict }: Report): readonly string[] {
  if (verdict.case === "signed") return verdict.value.holders;
  return verdict.value.findings.flatMap(({ finding }) => finding.evidence["holder"] ?? []);
}

it("in vault's place: the one honest task is signed once, and nothing else is on any record", async () => {
  const enemy = vault;
  const coin = loot.coins.at(-1);
  if (enemy === undefined || coin === undefined) throw new Error("the enemy has nothing to work with");
  const signed = await clearedAs("signed-1");
  const honest = taskOf({ stack: stack(), coins: [coin] }, "as vault would", [signed], [signed.clearance]);
  await attempts.attempt("a task: in vault's name by another key", async () => {
    await enemy.send(honest, stranger("vault"));
    return "dropped with an alarm by semi-offline-risk";
  });
  await enemy.send(honest);
  const { verdict } = await enemy.reportOf(honest.taskId);
  if (verdict.case !== "signed") throw new Error(`the control was ${verdict.case}`);
  signers = HOLDERS.filter((holder) => verdict.value.holders.includes(holder));
  attempts.control("the same kind of task without a change: signed");

  await attempts.attempt("a task: other content under the id of the signed one", async () => {
    const reports = enemy.reports().length;
    await enemy.send(taskOf(loot, honest.taskId, [{ ...signed, address: enemyAddress }], [signed.clearance]));
    const again = taskOf(loot, "again", [signed], [signed.clearance]);
    await expectRefusal(enemy, "the signed one's clearance again, for other coins", "ALREADY_PAID", again);
    // That one came behind it and was answered, so this one never will be.
    expect(enemy.reports()).toHaveLength(reports + 1);
    return "dropped with an alarm by semi-offline-risk";
  });
  const after = await enemy.zoneAfter(Date.now());
  const tasks = (what: string) => countIn(after.metrics, "sluice_tasks_received_total", `what="${what}"`);
  expect({ notOpened: tasks("not-opened"), changed: tasks("changed") }).toEqual({ notOpened: 1, changed: 1 });
  // Of all that, two holders have put one transaction on record.
  const grown = HOLDERS.map((holder) => recordsOf(after, holder) - recordsOf(before, holder));
  expect(grown).toEqual(HOLDERS.map((holder) => (signers.includes(holder) ? 1n : 0n)));
  expect((await unspentCoins(stack())).map(outpointOf)).toEqual(loot.coins.map(outpointOf));
  paidInPlace = await broadcast(honest.psbt, verdict.value.psbt);
  expect(await paymentsTo(stack(), signed.address)).toHaveLength(1);
});

function recordsOf({ holders }: Zone, holder: Holder): bigint {
  const report = holders.find((each) => each.holder === holder)?.report;
  if (report === undefined) throw new Error(`${holder} has not reported`);
  return report.journalRecords;
}

async function broadcast(planned: Uint8Array, signed: Uint8Array): Promise<string> {
  const finalised = finalisePayout(planned, signed, stack().wallet);
  if (!finalised.ok) throw new Error(finalised.refusal.code);
  await stack().chain.rpc("sendrawtransaction", Buffer.from(finalised.value.transaction).toString("hex"));
  await stack().chain.mine(1);
  attempts.control("the signed control: taken by the node");
  return finalised.value.txid;
}

it("before a holder: without semi-offline-risk's seal it answers nothing, and with it it still thinks for itself", async () => {
  const [holder, other] = signers;
  const [lone, signed] = [await clearedAs("lone-1"), await clearedAs("signed-1")];
  const coins = (await unspentCoins(stack())).toReversed();
  if (holder === undefined || other === undefined) throw new Error("nobody has signed the control");
  await vault?.close();
  await stack().kill("semi-offline-risk");
  const enemy = openFalseZone(stack(), holder);
  zone = enemy;
  const before = await enemy.reportAfter(0);
  const { sealerOf } = stack().inside;
  const real = sealerOf("semi-offline-risk");
  const order = (taskId: string, changes: OrderChanges = {}) => orderFor(holder, taskId, coins, lone, changes);

  const silent: readonly (readonly [code: string, name: string, sealer: Sealer])[] = [
    ["SEAL_INVALID", "in semi-offline-risk's name by another key", stranger("semi-offline-risk")],
    ["SEAL_KEY_UNKNOWN", "by a key of nobody", stranger("semi-offline-risk", "semi-offline-risk-9")],
    ["PRODUCER_NOT_PERMITTED", "sealed by vault", sealerOf("vault")],
    [
      "SEAL_KEY_UNKNOWN",
      "sealed by vault in semi-offline-risk's name",
      { ...sealerOf("vault"), producer: real.producer },
    ],
    ["PRODUCER_NOT_PERMITTED", "sealed by another holder", sealerOf(other)],
  ];
  for (const [, name, sealer] of silent) await enemy.send(sealOrder(sealer, order(name)));

  // From here on semi-offline-risk itself is in enemy hands.
  const wrong: readonly (readonly [code: string, name: string, order: Order])[] = [
    ["PAYMENT_UNMATCHED", "a payment redirected", order("redirected", { pays: { address: enemyAddress } })],
    ["HOLDER_OTHER", "an order for another holder", { ...order("other"), holder: other }],
    ["WITHDRAWAL_ALREADY_SIGNED", "a withdrawal that it signed before", orderFor(holder, "again", coins, signed)],
  ];
  for (const [code, name, made] of wrong) {
    await attempts.attempt(`an order by semi-offline-risk itself: ${name}`, async () => {
      await enemy.send(sealOrder(real, made));
      const { answer } = await enemy.answerOf(made.taskId);
      expect(answer, name).toMatchObject({ case: "refusal", value: { code } });
      return `${code}, answered by ${holder}`;
    });
  }
  await enemy.send(sealOrder(real, order("control")));
  expect((await enemy.answerOf("control")).answer.case).toBe("signatures");
  const after = await enemy.reportAfter(Date.now());
  for (const [code, name] of silent) {
    await attempts.attempt(`an order: ${name}`, async () => {
      expect(ordersWith(after, code), name).toBe(silent.filter((each) => each[0] === code).length);
      return `${code}, dropped by ${holder} without an answer`;
    });
  }
  expect(enemy.answers()).toHaveLength(wrong.length + 1);
  expect(after.journalRecords).toBe(before.journalRecords + 1n);
  attempts.control("the same order under semi-offline-risk's seal: signed by one holder, which pays nothing");
});

type OrderChanges = { readonly pays?: { readonly address: string } };

/** As semi-offline-risk would have it, except for the changes. */
function orderFor(
  holder: Holder,
  taskId: string,
  coins: readonly Coin[],
  cleared: Cleared,
  { pays }: OrderChanges = {},
): Order {
  const { id, address, amountSat, clearance } = cleared;
  const { psbt, txid, inputs } = plan(stack(), coins, [{ address, amountSat, ...pays }]);
  const [first] = inputs;
  if (first === undefined) throw new Error("a payout has an input");
  const withdrawal = { withdrawalId: id, anchor: outpointOf(first), clearance };
  const { walletId } = stack();
  return { taskId, walletId, holder, round: 1, transactionId: txid, psbt, withdrawals: [withdrawal] };
}

function sealOrder(sealer: Sealer, order: Order): Uint8Array {
  return forge(sealer, "signing.ordered.v1", order.walletId, order);
}

it("when the enemy is gone, everything that was asked for is paid once and exactly, and nothing else", async () => {
  await zone?.close();
  await Promise.all([stack().restart("semi-offline-risk"), stack().restart("vault")]);
  // A holder remembers what the false zone had it sign, so nobody is asked to sign before a person has compared.
  const accept = { holder: signers[0] ?? "", person: "ann" };
  const asked = async () =>
    (await callConsole(stack().inside.consoleOf("semi-offline-risk"), "journal accept", accept)).ok;
  await expect.poll(asked, { timeout: 60_000 }).toBe(true);
  // What was signed in vault's place spends a coin of which vault knows no payout: that lane waits for a person, too.
  const stopped = async () => {
    const answer = await fetch(`${stack().httpUrls.vault}/lanes`);
    const lanes = (await answer.json()) as { readonly stopped: readonly { readonly transactionId: string }[] };
    return lanes.stopped.map(({ transactionId }) => transactionId);
  };
  await expect.poll(stopped, { timeout: 60_000 }).toEqual([paidInPlace]);
  const { status } = await fetch(`${stack().httpUrls.vault}/lanes/${stack().walletId}/reopen`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ transactionId: paidInPlace, by: "ann" }),
  });
  expect(status).toBe(200);
  const left = ["stolen-1", "stolen-2", "lone-1"];
  const ended = await Promise.all(left.map((id) => follow(stack(), id, ["completed"])));
  expect(ended.map(({ id, state }) => `${id} ${state}`)).toEqual(left.map((id) => `${id} completed`));
  for (const { id, address, amountSat } of wanted) {
    const txids = await paymentsTo(stack(), address);
    expect(txids, id).toHaveLength(id === "held-1" ? 0 : 1);
    const received = await stack().chain.rpc<number>("getreceivedbyaddress", address, 0);
    expect(BigInt(Math.round(received * 100_000_000)), id).toBe(id === "held-1" ? 0n : amountSat);
  }
  expect(await paymentsTo(stack(), enemyAddress)).toEqual([]);

  for (const line of attempts.lines()) process.stdout.write(`${line}\n`);
  const [fired, refused, controls] = [attempts.fired(), attempts.refused(), attempts.controls()];
  process.stdout.write(
    `attacked: ${fired} attacks, ${refused} refused, control ${controls >= CONTROLS ? "passed" : "FAILED"}\n`,
  );
  expect(fired).toBeGreaterThanOrEqual(48);
  expect(refused).toBe(fired);
  expect(controls).toBe(CONTROLS);
});
