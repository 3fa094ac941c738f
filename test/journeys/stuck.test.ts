// What does not get into a block by itself, through every real process: replaced, won by the original all the same, pinned by
// its payee, lifted by a child, forgotten by mempools, spent by a thief. Two nodes with a market for fees of their own.
import { randomBytes } from "node:crypto";
import { addressOf } from "@sluice/chains";
import type { BitcoindPart } from "@sluice/devstack";
import { watchDraw } from "@sluice/signing-fixtures";
import { afterAll, beforeAll, expect, it } from "vitest";
import { check } from "../chaos/check.ts";
import { type Observer, openObserver } from "../chaos/observe.ts";
import { openFeeMarket } from "./fee-market.ts";
import { forgetMempools, outpointsOf, type Shown, satoshis, type Watch, watchVersions } from "./versions.ts";
import { withStack } from "./with-stack.ts";

const MARKET_SAT_PER_VBYTE = 20;
/** Payouts are planned at this at most, so that each is too cheap for a block as soon as one went by without it. */
const CEILING_SAT_PER_VBYTE = 5;
const MAX_BUMP_FEE_SAT = 15_000n;

const vaultEnv: Record<string, string> = {
  SLUICE_FEE_RATE_SAT_PER_VBYTE: "3",
  SLUICE_FEE_RATE_MAX_SAT_PER_VBYTE: `${CEILING_SAT_PER_VBYTE}`,
  SLUICE_BUMP_PAUSE_MS: "100",
  SLUICE_BUMP_MAX_FEE_SAT: `${MAX_BUMP_FEE_SAT}`,
  SLUICE_KEEP_FREE_COINS: "0",
  SLUICE_CONSOLIDATE_COINS: "0",
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
  extraEnv: {
    vault: vaultEnv,
    "blockchain-gateway": {
      SLUICE_REBROADCAST_AFTER_MS: "300",
      SLUICE_STUCK_AFTER_MS: "1ms",
      SLUICE_STUCK_AFTER_BLOCKS: "1",
    },
  },
});
const fired = { replaced: 0, originalWon: 0, pinned: 0, children: 0, forgotten: 0, thefts: 0, internal: 0 };
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
afterAll(async () => {
  await observer?.close();
  process.stdout.write(`stuck: ${JSON.stringify(fired)}\n`);
});

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
  await expect.poll(find, { timeout: 15_000 }).toMatch(/^[0-9a-f]{64}$/);
  const txid = await find();
  await expect.poll(() => watch.entries(txid), { timeout: 15_000 }).not.toContain(null);
  expect(await watch.entries(original.txid)).toEqual([null, null]);
  fired.replaced += 1;
  return watch.shown(txid);
}

async function expectVersions(original: Shown, replacement: Shown): Promise<void> {
  expect(outpointsOf(replacement)[0]).toBe(outpointsOf(original)[0]);
  expect(outpointsOf(replacement)).toEqual(expect.arrayContaining([...outpointsOf(original)]));
  expect(watch.paymentsIn(replacement)).toEqual(watch.paymentsIn(original));
  expect(watch.paymentsIn(original).length).toBeGreaterThan(0);
  expect(replacement.vout.length - watch.paymentsIn(replacement).length).toBe(1);
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
  await expect
    .poll(newest, { timeout: 15_000 })
    .toContainEqual({ targetBlocks: 6, satPerKvbyte: `${marketSatPerKvbyte}` });
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
  await expectVersions(original, replacement);
  expect(await feeOf(replacement)).toBeGreaterThan(feeSat);
  const wantedSat = (marketSatPerKvbyte * BigInt(replacement.vsize)) / 1_000n;
  expect(Number(await feeOf(replacement))).toBeGreaterThanOrEqual(Number(wantedSat));
  const ended = await watch.complete("slow-1");
  expect(ended.txid).toBe(replacement.txid);
  await expectClean();
});

it("is paid by its original when that one gets into a block although its replacement is signed and everywhere", async () => {
  await watch.post("original", 500_000n);
  const original = await watch.broadcast("original");
  await watch.generate([]);
  const replacement = await replacementOf(original);
  await expectVersions(original, replacement);
  await watch.generate([original.hex]);
  expect((await watch.complete("original")).txid).toBe(original.txid);
  fired.originalWon += 1;
  await expectClean();
});

it("replaces what its payee has built upon, and pays for that too as far as it may", async () => {
  await watch.post("pinned", 800_000n);
  const original = await watch.broadcast("pinned");
  const pin = await buildUpon(original, 800_000n, { outputs: 30, satPerVbyte: 2 });
  await watch.generate([]);
  const replacement = await replacementOf(original);
  await expectVersions(original, replacement);
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
  await expect.poll(async () => (await watch.bumps())[0]?.code, { timeout: 15_000 }).toBe("FEE_IS_ENOUGH");
  expect((await watch.bumps())[0]?.bumps).toBe(bumps[0]?.bumps);
  expect((await watch.complete("pinned-dearly")).txid).toBe(original.txid);
  await expectClean();
});

it("lifts by one child two payouts of which one spends the other's change, and replaces neither", async () => {
  const free = await freeSat();
  const first = free / 4n;
  await watch.post("below", first);
  const below = await watch.broadcast("below");
  // More than what is in blocks.
  await watch.post("above", free - first - 100_000n);
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
  await expect.poll(() => watch.entries(txid), { timeout: 20_000 }).not.toContain(null);
  fired.forgotten += 1;
  expect((await watch.complete("forgotten")).txid).toBe(txid);
  await expectClean();
});

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
  await expect.poll(() => watch.entries(child), { timeout: 10_000 }).not.toContain(null);
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
  await expect.poll(find, { timeout: 15_000 }).toMatch(/^[0-9a-f]{64}$/);
  const child = await find();
  await expect.poll(() => watch.entries(child), { timeout: 15_000 }).not.toContain(null);
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

/** Of the wallet, in blocks. */
async function freeSat(): Promise<bigint> {
  const { rows } = await observer
    .databaseOf("vault")
    .query<{ sat: bigint }>(
      "select sum(amount_sat)::bigint as sat from coin where state = 'unspent' and height is not null and tied_to is null",
    );
  return rows[0]?.sat ?? 0n;
}

function bitcoins(amountSat: bigint): string {
  return (Number(amountSat) / 100_000_000).toFixed(8);
}
