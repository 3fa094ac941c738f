// The payout that every tampering starts from, and what the tamperings are written with.
import { standardScript } from "../../src/bitcoin/script.ts";
import { concatBytes, fromHex, sized, u32le, u64le } from "../../src/bitcoin/wire.ts";
import { addressOf, type ChainRefusalCode, deriveScript, planPayout } from "../../src/index.ts";
import { type Draft, fields } from "../draft.ts";
import { makeCoin, makeTestWallet } from "../holders.ts";

/** One change of the parts in place, or bytes of its own, and the refusal that it must get. */
export type Tampering = {
  readonly code: ChainRefusalCode;
  readonly name: string;
  readonly change: (draft: Draft, bytes: Uint8Array) => unknown;
  /** Belongs to the pile of faults that are applied together, to see that the first in order is the one named. */
  readonly piled: boolean;
};

export const GAP_LIMIT = 30;
export const SUPPLY = 2_100_000_000_000_000n;
export const NO_KEY: Uint8Array = new Uint8Array();
export const { wallet, holders } = makeTestWallet("tampering");
export const stranger = makeTestWallet("stranger").wallet;

const p2wpkh = standardScript("p2wpkh", new Uint8Array(20).fill(1));
const p2tr = standardScript("p2tr", fromHex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"));
export const coins = [makeCoin(wallet, 0, 3, 600_000n, 1), makeCoin(wallet, 1, 7, 400_000n, 2)];
export const payments = [
  { withdrawalId: "w-1", address: addressOf("regtest", p2wpkh) ?? "", amountSat: 250_000n },
  { withdrawalId: "w-2", address: addressOf("regtest", p2tr) ?? "", amountSat: 300_000n },
] as const;
const planned = planPayout({
  wallet,
  coins,
  requiredOutpoints: coins.map(({ txid, vout }) => `${txid}:${vout}`),
  payments,
  changeIndex: 8,
  feeRateSatPerVbyte: 2,
});
if (!planned.ok) throw new Error(planned.refusal.detail);
/** Two inputs, at 0/3 and 1/7, two payments, and change to 1/8. */
export const control = planned.value.psbt;

export function row(code: ChainRefusalCode, name: string, change: Tampering["change"]): Tampering {
  return { code, name, change, piled: false };
}

export function piled(code: ChainRefusalCode, name: string, change: Tampering["change"]): Tampering {
  return { code, name, change, piled: true };
}

export function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`there is no item ${index}`);
  return item;
}

export const input = (draft: Draft, index = 0) => at(draft.transaction.inputs, index);
export const output = (draft: Draft, index = 0) => at(draft.transaction.outputs, index);
export const inputMap = (draft: Draft, index = 0) => at(draft.inputs, index);
/** The change output's map, unless another is named. */
export const outputMap = (draft: Draft, index = 2) => at(draft.outputs, index);
export const script = (branch: 0 | 1, index: number) => deriveScript(wallet, branch, index);

export function addField(
  map: Draft["globals"],
  type: number,
  value: Uint8Array = Uint8Array.of(0),
  keyData = NO_KEY,
): void {
  map.push({ type, keyData, value });
}

export function replaceMap(maps: Draft["inputs"], index: number, map: Draft["globals"]): void {
  maps.splice(index, 1, map);
}

export function witnessUtxo(amountSat: bigint, scriptPubKey: Uint8Array): Uint8Array {
  return concatBytes(u64le(amountSat), sized(scriptPubKey));
}

/** Replaces the step that is so far from the end, in all derivation paths of a map or in one of them. */
export function changeSteps(map: Draft["globals"], type: number, back: number, step: number, only?: number): void {
  for (const [nth, derivation] of fields(map, type).entries()) {
    if (only !== undefined && nth !== only) continue;
    const value = derivation.value.slice();
    value.set(u32le(step), value.length - 4 * back);
    derivation.value = value;
  }
}
