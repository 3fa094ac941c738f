// Step 2 by real processes: every verdict to its end, through crashes.
import { setTimeout } from "node:timers/promises";
import { readRequestBody, type SluiceClient } from "@sluice/client";
import { approvalBody, createTrust, judgeApprovals, readApprovals, verifyClearance } from "@sluice/contracts";
import { openSession } from "@sluice/postgres";
import { describe, expect, it } from "vitest";
import { addressNumber, hotAddress, SECOND_WALLET } from "./addresses.ts";
import { trustEntry } from "./keys.ts";
import type { Running } from "./process.ts";
import { send } from "./raw-request.ts";
import { CLEARED, clientOf, countRows, createWorld, newWithdrawal, shareWorld, type World } from "./world.ts";

const POLL = { pollMs: 100 };
const LONG = 86_400_000;
const BLACK = 1_000_007;
const GREY = 1_000_008;
const CUT_OTHERS = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid() and application_name <> 'test'`;
const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 40_000, interval: 50 });

function label(number: number, tier: string) {
  return { address: addressNumber(number).toUpperCase(), tier, category: "test", reason: `it is ${tier}` };
}

const TWICE = "withdrawal where revision = 2";

describe("a verdict", () => {
  const {
    world: shared,
    living,
    peer: nextTo,
  } = shareWorld({
    policy: { labels: [label(BLACK, "black")], maxAmountMinor: "50000" },
  });

  it("clear: seals a clearance that holds the request as it was signed, and what every rule found", async () => {
    const [world, running, peer] = [shared(), await living(), await nextTo()];
    const client = clientOf(running, world.keys.backend);
    const withdrawal = newWithdrawal();
    expect((await client.createWithdrawal(withdrawal)).history[0]?.state).toBe("received");
    const cleared = await client.waitFor(withdrawal.id, ["cleared"], POLL);
    expect(cleared.findings.map(({ rule, verdict }) => [rule, verdict])).toEqual([
      ["AMOUNT_MAX", "clear"],
      ["ACCOUNT_VELOCITY", "clear"],
      ["DESTINATION_OWN", "clear"],
      ["DESTINATION_LABEL", "clear"],
      ["NEW_DESTINATION", "clear"],
      ["ADDRESS_LOOKALIKE", "clear"],
      ["REFUSED_OFFLINE_LATELY", "clear"],
      ["REPORTS_MISSING", "clear"],
    ]);
    expect(cleared.history.map(({ state }) => state)).toEqual(["received", "cleared"]);
    expect(cleared.timings.received).toBe(0);
    await eventually(() => [peer.cleared.length, peer.changed.length]).toEqual([1, 2]);
    const trust = createTrust([trustEntry(world.keys.service), trustEntry(world.keys.backend)]);
    const clearance = verifyClearance(trust, peer.cleared[0]?.envelope ?? new Uint8Array());
    if (!clearance.ok) throw new Error(clearance.refusal.detail);
    expect(clearance.value.request).toEqual({ ...withdrawal, amount: "10000" });
    expect(clearance.value.backendKeyId).toBe("backend");
    expect(peer.cleared[0]?.message.findings.map(({ rule }) => rule)).toHaveLength(8);
    expect(peer.changed.map(({ message: { revision, state } }) => [revision, state])).toEqual([
      [1, "received"],
      [2, "cleared"],
    ]);
  });

  it("reject: says why, and nothing is cleared", async () => {
    const world = shared();
    const client = clientOf(await living(), world.keys.backend);
    const clearedBefore = await countRows(world.pool, CLEARED);
    const { id } = await client.createWithdrawal(newWithdrawal({ address: addressNumber(BLACK) }));
    const rejected = await client.waitFor(id, ["rejected"], POLL);
    expect(rejected.detail).toContain("DESTINATION_LABEL: The destination is labelled black");
    const large = await client.createWithdrawal(newWithdrawal({ amount: 50_001n }));
    expect((await client.waitFor(large.id, ["rejected"], POLL)).detail).toContain("AMOUNT_MAX");
    for (const address of [hotAddress(1, 19), hotAddress(0, 3, SECOND_WALLET)]) {
      const own = await client.createWithdrawal(newWithdrawal({ address }));
      expect((await client.waitFor(own.id, ["rejected"], POLL)).detail).toContain("DESTINATION_OWN");
    }
    expect(await countRows(world.pool, CLEARED)).toBe(clearedBefore);
  });

  it("hold: an address that begins and ends like an older one of the account", async () => {
    const world = shared();
    const client = clientOf(await living(), world.keys.backend);
    const account = "imitated";
    const { id } = await client.createWithdrawal(newWithdrawal({ account }));
    await client.waitFor(id, ["cleared"], POLL);
    // Nobody can make such an address in a test's time, so the older one is made to look alike where it is kept.
    const imitation = newWithdrawal({ account });
    const ends = `${imitation.address.slice(6, 10)}…${imitation.address.slice(-4)}`;
    await world.pool.query("update destination set ends = $1 where account = $2", [ends, account]);
    await client.createWithdrawal(imitation);
    expect((await client.waitFor(imitation.id, ["held"], POLL)).detail).toContain("ADDRESS_LOOKALIKE");
  });
});

describe("a verdict by a policy of its own", () => {
  it("hold: waits for distinct keys, then clears and remembers", async () => {
    const newDestination = { aboveMinor: "1000", approvals: 2 };
    const world = await createWorld({ policy: { newDestination, boundApprovalsAboveMinor: "20000" } });
    const running = await world.start();
    const client = clientOf(running, world.keys.backend);
    const [ann, bob] = [clientOf(running, world.keys.ann), clientOf(running, world.keys.bob)];
    const withdrawal = newWithdrawal();
    await client.createWithdrawal(withdrawal);
    const held = await client.waitFor(withdrawal.id, ["held"], POLL);
    expect(held.approvals).toEqual({ required: 2, by: [] });
    expect(held.detail).toContain("waits for 2 approvals: NEW_DESTINATION");
    for (const approver of [ann, ann]) {
      const approved = await approver.approveWithdrawal(withdrawal.id);
      expect([approved.state, approved.approvals.by]).toEqual(["held", ["ann"]]);
    }
    const [ann2, own] = [clientOf(running, world.keys.ann2), newWithdrawal()];
    await ann2.createWithdrawal(own);
    await ann2.waitFor(own.id, ["held"], POLL);
    for (const [approver, id, code] of [
      [client, withdrawal.id, "OWN_REQUEST"],
      [ann2, withdrawal.id, "SAME_PERSON"],
      [ann2, own.id, "OWN_REQUEST"],
      [ann, own.id, "OWN_REQUEST"],
    ] as const) {
      await expect(approver.approveWithdrawal(id)).rejects.toMatchObject({ status: 403, code });
    }
    expect((await client.getWithdrawal(withdrawal.id)).approvals.by).toEqual(["ann"]);
    const cleared = await bob.approveWithdrawal(withdrawal.id);
    expect([cleared.state, cleared.approvals.by]).toEqual(["cleared", ["ann", "bob"]]);
    expect(cleared.findings.at(-1)).toMatchObject({ rule: "APPROVALS", evidence: { approvedBy: "ann, bob" } });
    expect(cleared.history.map(({ state }) => state)).toEqual(["received", "held", "held", "held", "cleared"]);
    expect(await countRows(world.pool, CLEARED)).toBe(1);
    const again = await client.createWithdrawal(newWithdrawal({ address: withdrawal.address }));
    expect((await client.waitFor(again.id, ["cleared", "held"], POLL)).state).toBe("cleared");
    expect(await clearanceOf(world, withdrawal.id)).toMatchObject({ unbound: ["ann", "bob"] });
    expect(await clearanceOf(world, again.id)).toMatchObject({ approvals: [] });
    await approveByContent(world, running);
  });

  it("delay: waits, is judged again when it is due, and then cleared without being asked", async () => {
    const world = await createWorld({ policy: { newDestination: { aboveMinor: "1000", delayMs: 800 } } });
    const client = clientOf(await world.start(), world.keys.backend);
    const { id, receivedAtMs } = await client.createWithdrawal(newWithdrawal());
    const cleared = await client.waitFor(id, ["cleared"], POLL);
    const due = receivedAtMs + 800;
    expect(cleared.history.map(({ state }) => state)).toEqual(["received", "delayed", "cleared"]);
    expect(cleared.history[1]?.detail).toContain(`waits until ${new Date(due).toISOString()}: NEW_DESTINATION`);
    expect(cleared.history[2]?.atMs).toBeGreaterThanOrEqual(due);
    expect(cleared.findings.filter(({ rule }) => rule === "NEW_DESTINATION").map(({ verdict }) => verdict)).toEqual([
      "delay",
      "clear",
    ]);
  });

  it("held and delayed can be cancelled, once and for all, and are never cleared then", async () => {
    const newDestination = { aboveMinor: "1000", delayMs: LONG };
    const world = await createWorld({ policy: { newDestination, labels: [label(GREY, "grey")] } });
    const client = clientOf(await world.start(), world.keys.backend);
    const held = await client.createWithdrawal(newWithdrawal({ address: addressNumber(GREY), amount: 900n }));
    const delayed = await client.createWithdrawal(newWithdrawal());
    await Promise.all([client.waitFor(held.id, ["held"], POLL), client.waitFor(delayed.id, ["delayed"], POLL)]);
    for (const { id } of [held, delayed, held]) expect((await client.cancelWithdrawal(id)).state).toBe("cancelled");
    // Their time comes; one that is judged after it shows that they were passed over.
    await world.pool.query("update withdrawal set not_before_ms = 1 where state = 'cancelled'");
    const later = await client.createWithdrawal(newWithdrawal({ amount: 900n }));
    await client.waitFor(later.id, ["cleared"], POLL);
    for (const { id } of [held, delayed]) {
      const { state, history } = await client.getWithdrawal(id);
      expect([state, history.length]).toEqual(["cancelled", 3]);
      expect(history.at(-1)?.detail).toBe("cancelled by backend");
    }
  });
});

describe("nothing is lost", () => {
  // Each test takes the process that the one before has left.
  const { world: shared, living, handOn } = shareWorld();

  it("by a crash between the answer and the judgement", async () => {
    const [world, first] = [shared(), await living()];
    const clearedBefore = await countRows(world.pool, CLEARED);
    const { ids, release } = await acceptedButNotJudged(world, first.api);
    expect(await first.end("SIGKILL")).toBeNull();
    await release();
    expect(await countRows(world.pool, "withdrawal where state = 'received'")).toBe(ids.length);
    const second = await world.start();
    handOn(second);
    const client = clientOf(second, world.keys.backend);
    for (const id of ids) expect((await client.waitFor(id, ["cleared"], POLL)).state).toBe("cleared");
    expect(await countRows(world.pool, CLEARED)).toBe(clearedBefore + ids.length);
  });

  it("by an orderly stop in the middle of requests: what was answered is there, and is judged by the next", async () => {
    const [world, first] = [shared(), await living()];
    const before = await countRows(world.pool, "withdrawal");
    const client = clientOf(first, world.keys.backend);
    const asked = Array.from({ length: 150 }, () => newWithdrawal());
    let accepted = 0;
    let ended: Promise<number | null> | undefined;
    const outcomes = await Promise.all(
      asked.map(async (withdrawal) => {
        return client.createWithdrawal(withdrawal).then(
          () => {
            accepted += 1;
            if (accepted === 20) ended = first.end("SIGTERM");
            return withdrawal.id;
          },
          () => null,
        );
      }),
    );
    expect(await ended).toBe(0);
    const next = await world.start();
    handOn(next);
    const second = clientOf(next, world.keys.backend);
    for (const id of outcomes) if (id !== null) await second.waitFor(id, ["cleared"], POLL);
    process.stderr.write(`stopped in the middle: ${accepted} of ${asked.length} accepted\n`);
    expect(accepted).toBeGreaterThanOrEqual(20);
    // Asking again with the same ids finds or makes the rest, and nothing twice.
    for (const withdrawal of asked) await second.createWithdrawal(withdrawal);
    expect(await countRows(world.pool, "withdrawal")).toBe(before + asked.length);
    for (const { id } of asked) expect((await second.waitFor(id, ["cleared"], POLL)).state).toBe("cleared");
  });

  it("while every connection to the database is cut, again and again", async () => {
    const [world, running] = [shared(), await living()];
    const [twice, clearedBefore] = [await countRows(world.pool, TWICE), await countRows(world.pool, CLEARED)];
    // How often it is turned away meanwhile depends on the machine, and is not what this is about.
    const client = clientOf(running, world.keys.backend, 100);
    const asked = Array.from({ length: 120 }, () => newWithdrawal());
    let cut = 0;
    const posting = Promise.all(asked.map((withdrawal) => client.createWithdrawal(withdrawal)));
    for (let round = 0; round < 6; round += 1) {
      cut += (await world.pool.query(CUT_OTHERS)).rowCount;
      await setTimeout(150);
    }
    await posting;
    for (const { id } of asked) expect((await client.waitFor(id, ["cleared"], POLL)).state).toBe("cleared");
    process.stderr.write(`cut ${cut} connections\n`);
    expect(cut).toBeGreaterThan(6);
    expect(await countRows(world.pool, TWICE)).toBe(twice + asked.length);
    expect(await countRows(world.pool, CLEARED)).toBe(clearedBefore + asked.length);
  });
});

/** Holds the account's lock, as another instance that judges would, so that answers come and judgements do not. */
async function acceptedButNotJudged(world: World, api: string) {
  const session = await openSession(world.pool);
  await session.query("select pg_advisory_lock(hashtextextended('account:acme', 0))");
  const client = clientOf({ api }, world.keys.backend);
  const ids: string[] = [];
  for (let n = 0; n < 5; n += 1) ids.push((await client.createWithdrawal(newWithdrawal())).id);
  return { ids, release: session.close };
}

/** What a person approves is the body that was requested, and that is what the clearance carries to whoever pays. */
async function approveByContent(world: World, running: Running): Promise<void> {
  const [client, ann, bob] = [world.keys.backend, world.keys.ann, world.keys.bob].map((key) =>
    clientOf(running, key),
  ) as [SluiceClient, SluiceClient, SluiceClient];
  const small = newWithdrawal({ address: addressNumber(71) });
  const large = newWithdrawal({ address: addressNumber(72), amount: 20_001n });
  for (const each of [small, large]) await client.createWithdrawal(each);
  const bodies = await Promise.all(
    [small, large].map(async ({ id }) => {
      const { requestBody = "" } = await client.waitFor(id, ["held"], POLL);
      expect(readRequestBody(requestBody)?.id).toBe(id);
      return requestBody;
    }),
  );
  const [ofSmall = "", ofLarge = ""] = bodies;
  const refused = (code: string, status: number) => expect.objectContaining({ code, status });
  await expect(ann.approveWithdrawal(large.id)).rejects.toEqual(refused("APPROVAL_UNBOUND", 422));
  await expect(ann.approveWithdrawal(large.id, { requestBody: ofSmall })).rejects.toThrow(TypeError);
  const foreign = JSON.stringify({ ...JSON.parse(ofLarge), amount: "20000" });
  await expect(ann.approveWithdrawal(large.id, { requestBody: foreign })).rejects.toEqual(
    refused("APPROVAL_OTHER_CONTENT", 409),
  );
  const target = `/v1/withdrawals/${large.id}/approvals`;
  const raw = { key: world.keys.ann, body: Buffer.from(approvalBody(Buffer.from(ofLarge))) };
  expect((await send(running.api, { ...raw, target: `${target}?a=1` })).body.code).toBe("QUERY_UNEXPECTED");
  expect((await send(running.api, { ...raw, target, body: '{"requestSha256":"no"}' })).status).toBe(400);
  expect((await client.getWithdrawal(large.id)).approvals.by).toEqual([]);

  // Ann says later what she approved, and takes nothing back by approving without it again.
  for (const requestBody of [undefined, ofSmall, undefined]) await ann.approveWithdrawal(small.id, { requestBody });
  await bob.approveWithdrawal(small.id);
  for (const person of [ann, bob]) await person.approveWithdrawal(large.id, { requestBody: ofLarge });
  await client.waitFor(large.id, ["cleared"], POLL);
  expect(await clearanceOf(world, small.id)).toMatchObject({ bound: ["ann"], unbound: ["bob"], people: 1 });
  expect(await clearanceOf(world, large.id)).toMatchObject({ bound: ["ann", "bob"], unbound: [], people: 2 });
}

/** What the clearance carries, and how many people that are in its reader's own list. */
async function clearanceOf({ pool, keys }: World, id: string) {
  const { rows } = await pool.query<{ envelope: Buffer }>("select envelope from outbox where message_id = $1", [
    `${id}/cleared`,
  ]);
  const trust = createTrust([trustEntry(keys.service), trustEntry(keys.backend)]);
  const clearance = verifyClearance(trust, new Uint8Array(rows[0]?.envelope ?? []));
  if (!clearance.ok) throw new Error(clearance.refusal.detail);
  const { approvals } = clearance.value;
  const keyIds = (some: typeof approvals) => some.map((each) => /keyid="([^"]*)"/.exec(each.signatureInput)?.[1]);
  const approvers = [keys.ann, keys.bob].map((key) => {
    return { keyId: key.keyId, publicKey: trustEntry(key).publicKey, person: key.keyId, fromMs: 0 };
  });
  const counts = (people: number) => {
    const rules = readApprovals({ approvalTiers: [{ aboveSat: 0n, approvals: people }], approvers });
    const times = { nowMs: Date.now(), seenAtMs: Date.now(), maxAgeMs: LONG };
    return judgeApprovals(rules, clearance.value, 1n, times) === null;
  };
  return {
    approvals,
    bound: keyIds(approvals.filter(({ body }) => body.length > 0)),
    unbound: keyIds(approvals.filter(({ body }) => body.length === 0)),
    people: [1, 2].filter(counts).length,
  };
}
