// What does not get into a block by itself, through every real process: replaced, won by the original all the same, pinned by
// its payee, lifted by a child, forgotten by mempools, spent by a thief. Two nodes with a market for fees of their own.
import { randomBytes } from "node:crypto";
import { addressOf, type Coin } from "@sluice/chains";
import type { BitcoindPart } from "@sluice/devstack";
import { watchDraw } from "@sluice/signing-fixtures";
import { afterAll, beforeAll, expect, it } from "vitest";
import { check } from "../chaos/check.ts";
import { type Observer, openObserver } from "../chaos/observe.ts";
import { openFeeMarket } from "./fee-market.ts";
import { steal } from "./thief.ts";
import {
  forgetMempools,
  getJson,
  outpointsOf,
  type Shown,
  satoshis,
  versionFaults,
  type Watch,
  watchVersions,
} from "./versions.ts";
import { withStack } from "./with-stack.ts";

const MARKET_SAT_PER_VBYTE = 20;
/** Payouts are planned at this at most, so that each is too cheap for a block as soon as one went by without it. */
const CEILING_SAT_PER_VBYTE = 5;
const MAX_BUMP_FEE_SAT = 15_000n;
const SMALL_COINS = 8;
const ZONE_MAX_OUTPUTS = 4;
/** In place of 100: nothing on this chain goes back farther. */
const LOST_COIN_BLOCKS = 12;

const vaultEnv = {
  SLUICE_FEE_RATE_SAT_PER_VBYTE: "3",
  SLUICE_FEE_RATE_MAX_SAT_PER_VBYTE: `${CEILING_SAT_PER_VBYTE}`,
  SLUICE_BUMP_PAUSE_MS: "100",
  SLUICE_BUMP_MAX_FEE_SAT: `${MAX_BUMP_FEE_SAT}`,
  SLUICE_LOST_COIN_BLOCKS: `${LOST_COIN_BLOCKS}`,
};
const drawn = watchDraw();
let bitcoind: BitcoindPart;
let marketSatPerKvbyte: bigint;
const stack = withStack({
  ownChain: 2,
  draw: drawn.draw,
  onChain: async (part) => {
    bitcoind = part;
    marketSatPerKvbyte = await openFeeMarket(part, MARKET_SAT_PER_VBYTE);
  },
  policies: async () => ({
    offline: {
      internal: {
        ...{ maxFeeSat: "1000000", maxFeeRateSatPerVbyte: 1_000, maxOutputs: ZONE_MAX_OUTPUTS },
        windows: [{ windowMs: 24 * 60 * 60 * 1_000, maxCount: 1_000, maxSat: "100000000" }],
      },
    },
  }),
  extraEnv: {
    vault: vaultEnv,
    "blockchain-gateway": {
      SLUICE_REBROADCAST_AFTER_MS: "300",
      SLUICE_STUCK_AFTER_MS: "1ms",
      SLUICE_STUCK_AFTER_BLOCKS: "1",
    },
  },
});
const fired = {
  replaced: 0,
  originalWon: 0,
  freed: 0,
  pinned: 0,
  children: 0,
  forgotten: 0,
  internal: 0,
  refused: 0,
  thefts: 0,
};
const WITHIN = { timeout: 20_000, interval: 100 };
let watch: Watch;
let observer: Observer;

beforeAll(async () => {
  watch = watchVersions(stack(), bitcoind);
  observer = openObserver({
    ...{ stack: stack(), parts: { postgres: { url: stack().inside.databaseUrlOf("vault"), how: "environment" } } },
    ...{ rpc: watch.nodes[0] as Watch["nodes"][number], seed: 0, requiredConfirmations: 2 },
    startHeight: await stack().chain.rpc<number>("getblockcount"),
    scripts: { receiving: 100, change: 100 },
  });
  await stack().fund([5_000_000n, 3_000_000n, 2_000_000n]);
});
afterAll(() => observer?.close());

/** Each withdrawal exactly once, every book the same, no reservation left: by the checker that the chaos harness has. */
async function expectClean(): Promise<void> {
  const faults = async () => check(await observer.history(watch.requests()));
  await expect.poll(faults, { timeout: 15_000, interval: 200 }).toEqual([]);
}

/** Once every node has it: what vault made instead. */
async function replacementOf(original: Shown): Promise<Shown> {
  const find = async () => {
    const tasks = await watch.tasks();
    const replaced = tasks.find(({ transactionId }) => transactionId === original.txid);
    const found = tasks.find(({ replaces, state }) => replaces === replaced?.taskId && state === "signed");
    return found?.transactionId ?? JSON.stringify(await watch.bumps());
  };
  await expect.poll(find, WITHIN).toMatch(/^[0-9a-f]{64}$/);
  const txid = await find();
  await expect.poll(() => watch.entries(txid), WITHIN).not.toContain(null);
  expect(await watch.entries(original.txid)).toEqual([null, null]);
  fired.replaced += 1;
  return watch.shown(txid);
}

function expectVersions(original: Shown, replacement: Shown): void {
  const promised = new Set(watch.requests().map(({ script }) => script));
  expect(versionFaults(original, replacement, promised)).toEqual([]);
}

/** By name and labels, without that of the process. */
async function gaugesOf(service: "vault"): Promise<ReadonlyMap<string, string>> {
  const text = await (await fetch(`${stack().httpUrls[service]}/metrics`)).text();
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  const named = lines.map((line) =>
    line
      .replace(/,?service="[^"]*",?/, "")
      .replace("{}", "")
      .split(" "),
  );
  return new Map(named.map(([name = "", value = ""]) => [name, value]));
}

const feeOf = async ({ txid }: Shown): Promise<bigint> =>
  BigInt(satoshis((await watch.entries(txid))[0]?.fees.base ?? 0));

it("pays what the nodes estimate, told through the gateway, up to the operator's ceiling", async () => {
  expect(Number(marketSatPerKvbyte)).toBeGreaterThan(1_000 * (MARKET_SAT_PER_VBYTE - 5));
  const rows = () =>
    observer
      .databaseOf("vault")
      .query<{ estimates: readonly object[] }>("select estimates from fee_estimate order by estimated_at_ms desc");
  const newest = async () => (await rows()).rows[0]?.estimates;
  await expect.poll(newest, WITHIN).toContainEqual({ targetBlocks: 6, satPerKvbyte: `${marketSatPerKvbyte}` });
  const gauges = await gaugesOf("vault");
  expect(gauges.get('sluice_vault_fee_rate_sat_per_vbyte{priority="normal"}')).toBe(`${CEILING_SAT_PER_VBYTE}`);
  expect(gauges.get('sluice_vault_fee_alarm_info{code="FEE_NOT_ESTIMATED"}')).toBe("0");
  expect(gauges.get('sluice_vault_fee_alarm_info{code="FEE_ESTIMATE_ABOVE_CEILING"}')).toBe("1");
});

it("is replaced by a further round of signatures: the same payments and anchor, a higher fee, completed once", async () => {
  await Promise.all([watch.post("slow-1", 400_000n), watch.post("slow-2", 300_000n, "bob")]);
  const original = await watch.broadcast("slow-1");
  const feeSat = await feeOf(original);
  await watch.generate([]);
  const replacement = await replacementOf(original);
  expectVersions(original, replacement);
  expect(await feeOf(replacement)).toBeGreaterThan(feeSat);
  const wantedSat = (marketSatPerKvbyte * BigInt(replacement.vsize)) / 1_000n;
  expect(Number(await feeOf(replacement))).toBeGreaterThanOrEqual(Number(wantedSat));
  const ended = await watch.complete("slow-1");
  expect(ended.txid).toBe(replacement.txid);
  // On a busy machine they may have come too far apart for one batch.
  await watch.complete("slow-2");
  await expectClean();
});

/** Of the replacement alone, tied when the original has won. */
let lost: { readonly outpoint: string; readonly amountSat: bigint };

it("is paid by its original when that one gets into a block although its replacement is signed and everywhere", async () => {
  await stack().fund([120_000n]);
  await expect.poll(coins, WITHIN).toContain(120_000n);
  // So little is left over that a dearer version needs a further coin, and the smallest will do.
  const large = (await coins()).filter((sat) => sat > 1_000_000n).toSorted((one, other) => Number(one - other));
  await watch.post("original", (large[0] ?? 0n) - 1_200n);
  const original = await watch.broadcast("original");
  await watch.generate([]);
  const replacement = await replacementOf(original);
  expectVersions(original, replacement);
  const [added, ...more] = outpointsOf(replacement).filter((each) => !outpointsOf(original).includes(each));
  expect(more).toEqual([]);
  await watch.generate([original.hex]);
  expect((await watch.complete("original")).txid).toBe(original.txid);
  fired.originalWon += 1;
  await expectClean();
  const tied = "select outpoint, amount_sat as \"amountSat\" from coin where state = 'unspent' and tied_to is not null";
  const { rows } = await observer.databaseOf("vault").query<typeof lost>(tied);
  expect(rows).toEqual([{ outpoint: added, amountSat: 120_000n }]);
  lost = rows[0] as typeof lost;
});

it("pays another from the coin that only that replacement spent, once the original is deep enough, and no sooner", async () => {
  const free = (await coins()).reduce((sum, sat) => sum + sat, 0n);
  // All of it but the fee, so that nothing small is left over for the payouts below.
  await watch.post("from-the-lost", free + lost.amountSat - 6_000n);
  const waiting = () => getJson<{ waiting: readonly object[] }>(`${stack().httpUrls.vault}/tasks`);
  const short = { waiting: [{ withdrawalId: "from-the-lost", code: "INSUFFICIENT_FUNDS" }] };
  await expect.poll(waiting, WITHIN).toMatchObject(short);
  await stack().chain.mine(LOST_COIN_BLOCKS);
  // A coin in a new block tells how high the chain is; it is too small to help.
  await stack().fund([10_000n]);
  const paid = await watch.broadcast("from-the-lost");
  const [anchor, ...others] = outpointsOf(paid);
  expect(anchor).not.toBe(lost.outpoint);
  expect(others).toContain(lost.outpoint);
  expect((await watch.complete("from-the-lost")).txid).toBe(paid.txid);
  await stack().chain.mine(1);
  fired.freed += 1;
  await expectClean();
  // What lost has lost this coin too by now, to a payout of ours: nobody calls that a theft.
  expect(await getJson(`${stack().httpUrls.vault}/lanes`)).toMatchObject({ stopped: [] });
  expect(await drift()).toBe("0");
  await stack().fund([5_000_000n, 3_000_000n]);
});

it("replaces what its payee has built upon, and pays for that too as far as it may", async () => {
  await watch.post("pinned", 800_000n);
  const original = await watch.broadcast("pinned");
  const pin = await buildUpon(original, 800_000n, { outputs: 30, satPerVbyte: 2 });
  await watch.generate([]);
  const replacement = await replacementOf(original);
  expectVersions(original, replacement);
  const incrementSat = BigInt(replacement.vsize);
  expect(Number(await feeOf(replacement))).toBeGreaterThanOrEqual(Number(pin.feeSat + incrementSat));
  fired.pinned += 1;
  expect((await watch.complete("pinned")).txid).toBe(replacement.txid);
  await expectClean();
});

it("lifts by a child of its own what its payee has made too dear to replace", async () => {
  await watch.post("pinned-dearly", 800_000n);
  const original = await watch.broadcast("pinned-dearly");
  const pin = await buildUpon(original, 800_000n, { outputs: 500, satPerVbyte: 1 });
  expect(pin.feeSat).toBeGreaterThan(MAX_BUMP_FEE_SAT);
  await watch.generate([]);
  const child = await childOf(original);
  await expectLifted([original], child);
  fired.pinned += 1;
  // What is lifted is left alone from here on, whatever its payee's child makes of the average.
  const bumps = await watch.bumps();
  await watch.generate([]);
  await expect.poll(async () => (await watch.bumps())[0]?.code, WITHIN).toBe("FEE_IS_ENOUGH");
  expect((await watch.bumps())[0]?.bumps).toBe(bumps[0]?.bumps);
  expect((await watch.complete("pinned-dearly")).txid).toBe(original.txid);
  await expectClean();
});

it("lifts by one child two payouts of which one spends the other's change, and replaces neither", async () => {
  const free = (await coins()).reduce((sum, sat) => sum + sat, 0n);
  // All that is in blocks, so that the next one has to be paid from its change; and that one is too small for a dear version.
  await watch.post("below", free - 80_000n);
  const below = await watch.broadcast("below");
  await watch.post("above", 20_000n);
  const above = await watch.broadcast("above");
  expect(above.vin.map(({ txid }) => txid)).toContain(below.txid);
  await watch.generate([]);
  const child = await childOf(above);
  await expectLifted([below, above], child);
  expect(await watch.entries(below.txid)).not.toContain(null);
  const done = watch.complete("below");
  expect((await done).txid).toBe(below.txid);
  expect((await watch.complete("above")).txid).toBe(above.txid);
  await expectClean();
});

it("is sent again, the same bytes, when every node has forgotten it", async () => {
  await stack().fund([5_000_000n, 5_000_000n]);
  await watch.post("forgotten", 300_000n);
  const { txid } = await watch.broadcast("forgotten");
  await forgetMempools(bitcoind, watch.nodes);
  await expect.poll(() => watch.entries(txid), WITHIN).not.toContain(null);
  fired.forgotten += 1;
  expect((await watch.complete("forgotten")).txid).toBe(txid);
  await expectClean();
});

it("splits a large coin and makes many small ones one while that is cheap, and books nothing but the fees", async () => {
  const small = Array.from({ length: SMALL_COINS }, () => 20_000n);
  await stack().fund([...small, 4_000_000n]);
  await expect.poll(async () => (await coins()).filter((sat) => sat === 20_000n).length).toBe(SMALL_COINS);
  // A month's worth of blocks is more than a test has: these hours were dear.
  await observer
    .databaseOf("vault")
    .query("insert into fee_hour select now() - n * interval '1 hour', 20000 from generate_series(1, 30) n");
  const useful = (await coins()).filter((sat) => sat > 100_000n).length;
  await restartVault({ SLUICE_KEEP_FREE_COINS: `${useful + 2}`, SLUICE_CONSOLIDATE_COINS: `${SMALL_COINS}` });
  const fannedOut = await internalTransfer("fan-out");
  expect([fannedOut.vin.length, fannedOut.vout.length]).toEqual([1, 3]);
  await stack().chain.mine(2);
  const consolidated = await internalTransfer("consolidation");
  expect([consolidated.vin.length, consolidated.vout.length]).toEqual([SMALL_COINS, 1]);
  await stack().chain.mine(2);
  await expectClean();
  for (const { txid, vout } of [fannedOut, consolidated]) {
    const { rows } = await observer
      .databaseOf("treasury")
      .query<{ kind: string }>("select kind from ledger_transfer where split_part(id, ':', 2) = $1", [txid]);
    expect(rows).toEqual([{ kind: "network-fee" }]);
    const scripts = await ownScripts();
    expect(vout.filter(({ scriptPubKey }) => !scripts.has(scriptPubKey.hex))).toEqual([]);
  }
  expect((await coins()).filter((sat) => sat > 100_000n).length).toBe(useful + 3);
});

it("goes on paying when the zone refuses an internal transfer, whose addresses are used again", async () => {
  const next = async () =>
    (await observer.databaseOf("vault").query("select next_change_index from wallet_index")).rows;
  const before = await next();
  const useful = (await coins()).filter((sat) => sat > 100_000n).length;
  await restartVault({ SLUICE_KEEP_FREE_COINS: `${useful + ZONE_MAX_OUTPUTS}` });
  const refused = async () =>
    (await watch.tasks()).filter(({ reason, state }) => reason === "fan-out" && state === "refused");
  await expect.poll(async () => (await refused()).map(({ code }) => code), WITHIN).toEqual(["INTERNAL_OUTPUTS"]);
  fired.refused += 1;
  expect(await next()).toEqual(before);
  await watch.post("all-the-same", 300_000n);
  const { txid } = await watch.broadcast("all-the-same");
  expect((await watch.complete("all-the-same")).txid).toBe(txid);
  await expectClean();
});

it("raises the alarm and stops the lane when a thief spends its coin, until a person has seen that transaction", async () => {
  await watch.post("robbed", 300_000n);
  const ours = await watch.broadcast("robbed");
  const coin = await coinOf(ours);
  const stolen = {
    ...{ wallet: stack().wallet, keys: drawn.keys, coin },
    address: addressOf("regtest", Buffer.concat([P2WPKH, randomBytes(20)])) ?? "",
  };
  const theft = await stack().chain.rpc<string>("sendrawtransaction", steal(stolen));
  await expect.poll(() => watch.entries(theft), WITHIN).not.toContain(null);
  const lanes = () => getJson<{ stopped: readonly object[] }>(`${stack().httpUrls.vault}/lanes`);
  const stopped = [{ walletId: stack().walletId, transactionId: theft, ourTransactionId: ours.txid }];
  await expect.poll(lanes, WITHIN).toMatchObject({ stopped });
  fired.thefts += 1;
  expect((await gaugesOf("vault")).get(`sluice_vault_lane_stopped_info{wallet="${stack().walletId}"}`)).toBe("1");
  const console = () => getJson<{ notices: readonly object[] }>(`${stack().httpUrls["ops-console"]}/api/overview`);
  const notice = { type: "transaction.conflicted.v1", key: ours.txid };
  await expect.poll(async () => (await console()).notices, WITHIN).toContainEqual(expect.objectContaining(notice));

  await watch.post("after", 200_000n);
  const waiting = () => getJson<{ waiting: readonly object[] }>(`${stack().httpUrls.vault}/tasks`);
  await expect.poll(waiting, WITHIN).toMatchObject({ waiting: [{ withdrawalId: "after", code: "LANE_STOPPED" }] });
  await stack().chain.mine(1);
  const codes = async () =>
    check(await observer.history(watch.requests())).map(({ code, about }) => `${code} ${about}`);
  // The checker can fail: it sees the theft, and who was robbed.
  expect(await codes()).toEqual(expect.arrayContaining([`UNAUTHORISED_OUTPUT ${theft}`, "LOST robbed"]));

  const reopen = (transactionId: string) =>
    fetch(`${stack().httpUrls.vault}/lanes/${stack().walletId}/reopen`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ transactionId, by: "an operator" }),
    });
  // The ledger books only what we did, so it has more than the chain by what was taken.
  await expect.poll(drift, WITHIN).toBe(`${coin.amountSat}`);
  expect((await reopen(ours.txid)).status).toBe(409);
  expect((await reopen(theft)).status).toBe(200);
  // The block above it makes the gateway tell of it again.
  await stack().chain.mine(1);
  await watch.broadcast("after");
  const { txid } = await watch.complete("after");
  expect(await watch.shown(txid ?? "")).toBeDefined();
  expect(await lanes()).toEqual({ stopped: [] });
  expect((await stack().client.getWithdrawal("robbed")).state).toBe("broadcast");
  await expectFailed("robbed", ours.txid, theft);
});

/** Two people give up what can never be paid: the proof is complete by now, and everybody hears of it. */
async function expectFailed(id: string, ours: string, theft: string): Promise<void> {
  const [first, second] = stack().officers;
  const said = { conflictingTransactionId: theft, reason: "stolen" };
  const proven = async () => (await first.getWithdrawal(id)).failure;
  await expect.poll(proven, WITHIN).toMatchObject({ conflictingTxid: theft, missing: null, said: [] });
  const mistyped = first.failWithdrawal(id, { ...said, conflictingTransactionId: ours });
  await expect(mistyped).rejects.toMatchObject({ code: "CONFLICT_UNKNOWN" });
  expect((await first.failWithdrawal(id, said)).state).toBe("broadcast");
  const failed = await second.failWithdrawal(id, said);
  expect([failed.state, failed.detail]).toEqual([
    "failed",
    expect.stringContaining("officer-1 (stolen) and officer-2 (stolen)"),
  ]);
  const rowsOf = async (service: "vault" | "treasury", sql: string) =>
    (await observer.databaseOf(service).query(sql, [id])).rows;
  const standing = () => rowsOf("treasury", "select standing from payout where withdrawal_id = $1");
  await expect.poll(standing, WITHIN).toEqual([{ standing: "voided" }]);
  const inVault = () =>
    rowsOf(
      "vault",
      `select withdrawal.state, task.state as task, (select count(*)::int from reservation where payout_id = task.payout_id) as held
       from withdrawal join task_withdrawal paid on paid.withdrawal_id = withdrawal.id join task on task.id = paid.task_id
       where withdrawal.id = $1`,
    );
  await expect.poll(inVault, WITHIN).toEqual([{ state: "failed", task: "superseded", held: 0 }]);
  const shown = () =>
    getJson<{ changes: readonly object[] }>(`${stack().httpUrls["ops-console"]}/api/withdrawals/${id}`);
  const change = expect.objectContaining({ state: "failed", detail: failed.detail });
  await expect.poll(async () => (await shown()).changes, WITHIN).toContainEqual(change);
}

it("is alarmed by the theft of a coin that nobody was to be paid from, until that block is gone", async () => {
  const { rows } = await observer.databaseOf("vault").query<Omit<Coin, "txid" | "vout"> & { outpoint: string }>(
    `${COIN} where state = 'unspent' and height is not null and tied_to is null and not exists
       (select from reservation where reservation.outpoint = coin.outpoint) order by amount_sat desc limit 1`,
  );
  const { outpoint = "", ...found } = rows[0] ?? { amountSat: 0n };
  const [txid = "", vout] = outpoint.split(":");
  const coin = { ...found, txid, vout: Number(vout) } as Coin;
  const address = addressOf("regtest", Buffer.concat([P2WPKH, randomBytes(20)])) ?? "";
  const { wallet, chain, httpUrls, walletId } = stack();
  const stolen = { wallet, keys: drawn.keys, coin, address };
  const driftBefore = BigInt(await drift());
  await watch.generate([steal(stolen)]);
  const lanes = () => getJson<{ stopped: readonly object[] }>(`${httpUrls.vault}/lanes`);
  await expect.poll(lanes, WITHIN).toMatchObject({ stopped: [{ walletId, outpoint, ourTransactionId: "" }] });
  fired.thefts += 1;
  const present = async () =>
    (await observer.databaseOf("vault").query("select present from coin_sighting where outpoint = $1", [outpoint]))
      .rows;
  expect(await present()).toEqual([{ present: false }]);
  await expect.poll(drift, WITHIN).toBe(`${driftBefore + coin.amountSat}`);
  // Another chain, on which nobody took it.
  const robbing = await chain.rpc<string>("getbestblockhash");
  for (const { ask } of watch.nodes) await ask("invalidateblock", robbing);
  await watch.generate([]);
  await watch.generate([]);
  await expect.poll(present, WITHIN).toEqual([{ present: true }]);
  await expect.poll(drift, WITHIN).toBe(`${driftBefore}`);
});

it("fired everything that it is about", () => {
  process.stdout.write(`stuck: ${JSON.stringify(fired)}\n`);
  for (const [what, times] of Object.entries(fired)) expect(times, what).toBeGreaterThan(0);
});

async function drift(): Promise<string> {
  const ledger = await getJson<{ reconciliation: { driftSat: string } }>(`${stack().httpUrls.treasury}/ledger`);
  return ledger.reconciliation.driftSat;
}

/** OP_0 and a push of 20 bytes. */
const P2WPKH = Buffer.from("0014", "hex");

/** A payee spends what it is not sure to get, in a large transaction that pays little. */
async function buildUpon(
  { txid, vout }: Shown,
  amountSat: bigint,
  { outputs, satPerVbyte }: { readonly outputs: number; readonly satPerVbyte: number },
): Promise<{ readonly feeSat: bigint }> {
  const { rpc } = stack().chain;
  const paid = vout.find(({ value }) => satoshis(value) === `${amountSat}`);
  const feeSat = BigInt(Math.ceil((68 + 31 * outputs + 11) * satPerVbyte));
  const each = (amountSat - feeSat) / BigInt(outputs);
  const to = Array.from({ length: outputs }, () => addressOf("regtest", Buffer.concat([P2WPKH, randomBytes(20)])));
  const pays = Object.fromEntries(to.map((address) => [address, bitcoins(each)]));
  const unsigned = await rpc<string>("createrawtransaction", [{ txid, vout: paid?.n }], pays);
  const { hex } = await rpc<{ readonly hex: string }>("signrawtransactionwithwallet", unsigned);
  const child = await rpc<string>("sendrawtransaction", hex);
  await expect.poll(() => watch.entries(child), WITHIN).not.toContain(null);
  return { feeSat: amountSat - each * BigInt(outputs) };
}

/** Once every node has it: an internal transfer that spends change of this one. */
async function childOf({ txid }: Shown): Promise<Shown> {
  const find = async () => {
    const tasks = (await watch.tasks()).filter(({ reason, state }) => reason === "child" && state === "signed");
    const all = await Promise.all(tasks.map(({ transactionId }) => watch.shown(transactionId).catch(() => null)));
    const found = all.find((each) => each?.vin.some((input) => input.txid === txid));
    return found?.txid ?? JSON.stringify(await watch.bumps());
  };
  await expect.poll(find, WITHIN).toMatch(/^[0-9a-f]{64}$/);
  const child = await find();
  await expect.poll(() => watch.entries(child), WITHIN).not.toContain(null);
  fired.children += 1;
  return watch.shown(child);
}

/** All together pay what a block asks for, and the child pays nobody. */
async function expectLifted(parents: readonly Shown[], child: Shown): Promise<void> {
  const all = [...parents, child];
  const fees = await Promise.all(all.map(feeOf));
  const vbytes = all.reduce((sum, { vsize }) => sum + vsize, 0);
  const feeSat = fees.reduce((sum, fee) => sum + fee, 0n);
  expect(Number((feeSat * 1_000n) / BigInt(vbytes))).toBeGreaterThanOrEqual(Number(marketSatPerKvbyte));
  expect(watch.paymentsIn(child)).toEqual([]);
}

/** What the wallet has in blocks, each in satoshis. */
async function coins(): Promise<readonly bigint[]> {
  const { rows } = await observer
    .databaseOf("vault")
    .query<{ sat: bigint }>(
      "select amount_sat as sat from coin where state = 'unspent' and height is not null and tied_to is null",
    );
  return rows.map(({ sat }) => sat);
}

const COIN = `select outpoint, amount_sat as "amountSat", branch, path_index as index,
  previous_transaction as "previousTransaction" from coin`;

/** Its first input, as vault has it. */
async function coinOf({ vin: [input] }: Shown): Promise<Coin> {
  const { rows } = await observer
    .databaseOf("vault")
    .query<Omit<Coin, "txid" | "vout">>(`${COIN} where outpoint = $1`, [`${input?.txid}:${input?.vout}`]);
  if (rows[0] === undefined || input === undefined) throw new Error("the coin is not known");
  return { ...rows[0], ...input };
}

async function restartVault(env: Readonly<Record<string, string>>): Promise<void> {
  // In order, so that its partitions are free at once.
  await stack().processOf("vault").stop();
  await stack().restart("vault", { SLUICE_TIDY_EVERY_MS: "100", ...env });
}

/** Once every node has it. */
async function internalTransfer(reason: "fan-out" | "consolidation"): Promise<Shown> {
  const find = async () =>
    (await watch.tasks()).find((task) => task.reason === reason && task.state === "signed")?.transactionId ?? "";
  await expect.poll(find, WITHIN).not.toBe("");
  const txid = await find();
  await expect.poll(() => watch.entries(txid), WITHIN).not.toContain(null);
  fired.internal += 1;
  return watch.shown(txid);
}

async function ownScripts(): Promise<ReadonlySet<string>> {
  return new Set((await observer.history([])).walletScripts);
}

function bitcoins(amountSat: bigint): string {
  return (Number(amountSat) / 100_000_000).toFixed(8);
}
