// The verdict on what pays nobody: one row a check, in the order of the checks; and what no bundle allows is refused.
import { addressOf, type Coin, deriveScript, planInternalTransfer, planPayout } from "@sluice/chains";
import { expect, test } from "vitest";
import { DESTINATION, fund, makePolicy, makeSeals, makeWallet, noHistory, type PolicyChanges } from "./fixtures.ts";
import { judgeTask, readTask } from "./judge-task.ts";
import type { History } from "./judgement.ts";

const { wallet } = makeWallet();
const { trust } = makeSeals();
const NOW_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;
const coins = [fund(wallet, 60_000n), fund(wallet, 50_000n, 3, 1)];

function inside(parts: { readonly outputs?: number; readonly rate?: bigint; readonly coins?: readonly Coin[] } = {}) {
  const { outputs = 1, rate = 5_000n } = parts;
  const planned = planInternalTransfer({
    ...{ wallet: wallet.descriptor, inputs: parts.coins ?? coins, outputs, feeRateSatPerKvbyte: rate },
    changeIndexes: Array.from({ length: outputs }, (_, at) => at),
  });
  if (!planned.ok) throw new Error(planned.refusal.detail);
  return planned.value.psbt;
}

/** A payout's bytes, which an enemy says to be an internal transfer. */
function paying(address: string) {
  const planned = planPayout({
    ...{ wallet: wallet.descriptor, coins, changeIndex: 1, feeRateSatPerVbyte: 5 },
    payments: [{ withdrawalId: "w", address, amountSat: 20_000n }],
  });
  if (!planned.ok) throw new Error(planned.refusal.detail);
  return planned.value.psbt;
}

type Given = { readonly psbt?: Uint8Array; readonly policy?: PolicyChanges; readonly history?: Partial<History> };

const LIMITS = {
  maxFeeSat: "10000",
  maxFeeRateSatPerVbyte: 40,
  maxOutputs: 5,
  windows: [{ windowMs: HOUR_MS, maxCount: 3 }],
};
const limited = (changes: object): PolicyChanges => ({ internal: { ...LIMITS, ...changes } });
const bounded = (changes: object) => limited({ windows: [{ windowMs: HOUR_MS, ...changes }] });
const fees = (...feeSats: readonly bigint[]) =>
  feeSats.map((amountMinor, at) => ({ atMs: NOW_MS - at - 1, amountMinor }));
const own = addressOf("regtest", deriveScript(wallet.descriptor, 0, 7).scriptPubKey) ?? "";
const elsewhere = { taskId: "t0", txid: "cd".repeat(32) };

function verdict({ psbt = inside(), policy, history }: Given) {
  const task = { taskId: "t", walletId: wallet.walletId, psbt, withdrawals: [], purpose: "internal" } as const;
  const read = readTask(task, { trust, wallets: new Map([[wallet.walletId, wallet]]) });
  if (read.kind === "refuse") return read;
  return judgeTask(read.read, makePolicy(policy ?? {}), { ...noHistory(NOW_MS), ...history }, NOW_MS);
}

const refusals: readonly (readonly [string, Given])[] = [
  ["INTERNAL_NOT_ALLOWED", { policy: { internal: undefined } as never }],
  ["PAYMENT_UNMATCHED", { psbt: paying(DESTINATION) }],
  ["OWN_BRANCH_OUTPUT", { psbt: paying(own) }],
  ["INTERNAL_OUTPUTS", { psbt: inside({ outputs: 6 }) }],
  ["INPUT_IN_USE", { history: { spenders: [{ ...elsewhere, withdrawalIds: ["w1"] }] } }],
  ["INPUT_IN_USE", { history: { spenders: [{ ...elsewhere, withdrawalIds: [] }] } }],
  ["FEE_OVER_ABSOLUTE_CAP", { policy: limited({ maxFeeSat: "500" }) }],
  ["FEE_OVER_RATE_CAP", { policy: limited({ maxFeeRateSatPerVbyte: 4.999 }) }],
  ["FEE_TOO_LOW", { policy: { minFeeRateSatPerVbyte: 5.1 } }],
  ["INTERNAL_VELOCITY", { policy: bounded({ maxCount: 0 }) }],
  ["INTERNAL_VELOCITY", { policy: bounded({ maxSat: "500" }) }],
  ["WALLET_OUTFLOW", { policy: { walletWindows: [{ windowMs: HOUR_MS, maxSat: "500" }] } }],
];

test("many coins into one, one into many, and a child's dear one are signed", () => {
  expect(verdict({})).toEqual({ kind: "sign" });
  expect(verdict({ psbt: inside({ outputs: 5 }) })).toEqual({ kind: "sign" });
  expect(verdict({ psbt: inside({ coins: coins.slice(1), rate: 39_000n }) })).toEqual({ kind: "sign" });
});

test.each(refusals)("refuses with %s", (rule, given) => {
  expect(verdict(given)).toMatchObject({ kind: "refuse", findings: [{ rule, withdrawalId: "" }] });
});

test.each<[string, Given]>([
  ["as many as a window allows", { policy: bounded({ maxCount: 2 }), history: { internalFees: fees(1n, 1n) } }],
  ["as dear as a window allows", { policy: bounded({ maxSat: "10000" }), history: { internalFees: fees(9_900n) } }],
])("waits after %s", (_, given) => {
  const judged = verdict(given);
  expect(judged).toMatchObject({ kind: "delay", findings: [{ rule: "INTERNAL_VELOCITY" }] });
  expect(judged.kind === "delay" && judged.untilMs > NOW_MS).toBe(true);
});

test.each(["all", "asset", "wallet"] as const)("waits while %s is suspended", (kind) => {
  const suspensions = [{ id: "s", kind, values: ["BTC", wallet.walletId], reason: "" }];
  const judged = verdict({ history: { suspensions } });
  expect(judged).toMatchObject({ kind: "delay", findings: [{ rule: "SUSPENDED", withdrawalId: "" }] });
});

test("keeps to its order: of two faults the earlier one decides", () => {
  let tried = 0;
  for (const [at, [rule, first]] of refusals.entries()) {
    for (const [, second] of refusals.slice(at + 1)) {
      if (Object.keys(first).some((key) => key in second)) continue;
      tried += 1;
      expect(verdict({ ...first, ...second })).toMatchObject({ findings: [{ rule }] });
    }
  }
  expect(tried).toBeGreaterThan(20);
});

test("a bundle says how much of it there may be within which time, or there is none of it", () => {
  expect(makePolicy(limited({})).internal?.maxFeeRateSatPerVbyte).toBe(40_000n);
  expect(() => makePolicy(limited({ windows: [] }))).toThrow("limits nothing");
});
