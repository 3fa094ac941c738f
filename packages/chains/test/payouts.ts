// Payouts of a test wallet, planned, decoded and signed, for the tests of signing and what follows it.
import { addressOf, decodePayout, planPayout } from "../src/index.ts";
import { signPayout } from "../src/signing.ts";
import { makeCoin, makeTestWallet } from "./holders.ts";

export const { wallet, holders } = makeTestWallet("signing");
const [a] = holders;
const payee = Uint8Array.from([0, 20, ...new Uint8Array(20).fill(3)]);

/** Spends so many coins, pays one address and has change. */
export function makePlan(inputs: number, salt = 0): Uint8Array {
  const coins = Array.from({ length: inputs }, (_, nth) =>
    makeCoin(wallet, nth % 2 === 0 ? 0 : 1, nth, 100_000n, salt + nth),
  );
  const planned = planPayout({
    wallet,
    coins,
    requiredOutpoints: coins.map(({ txid, vout }) => `${txid}:${vout}`),
    payments: [{ withdrawalId: "w", address: addressOf("regtest", payee) ?? "", amountSat: 50_000n }],
    changeIndex: 3,
    feeRateSatPerVbyte: 1,
  });
  if (!planned.ok) throw new Error(planned.refusal.detail);
  return planned.value.psbt;
}

export function decoded(psbt: Uint8Array) {
  const payout = decodePayout(psbt, wallet, { gapLimit: 20 });
  if (!payout.ok) throw new Error(payout.refusal.detail);
  return payout.value;
}

export const signed = (psbt: Uint8Array, holder: typeof a) =>
  signPayout(decoded(psbt), wallet, holder.fingerprint, holder.sign);
export function value<T>(
  result:
    | { readonly ok: true; readonly value: T }
    | { readonly ok: false; readonly refusal: { readonly code: string; readonly detail: string } },
): T {
  if (!result.ok) throw new Error(`${result.refusal.code}: ${result.refusal.detail}`);
  return result.value;
}

export const plan = makePlan(2);
