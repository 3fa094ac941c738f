// A thief who has two holders' keys: a valid spend of the wallet's coin that no process of ours has ordered.
import {
  type Coin,
  combineSignatures,
  decodePayout,
  finalisePayout,
  INDEX_LIMIT,
  outpointOf,
  planPayout,
  type WalletDescriptor,
} from "@sluice/chains";
import { signPayout } from "@sluice/chains/signing";
import { keyOf } from "@sluice/signing-fixtures";

export type Theft = {
  readonly wallet: WalletDescriptor;
  /** Account keys of the holders, in the wallet's order. */
  readonly keys: readonly Uint8Array[];
  readonly coin: Coin;
  readonly address: string;
};

/** More than payouts pay, so that nodes take it in the place of one. */
const SAT_PER_VBYTE = 100;
/** So much is left to the miner that what remains is not worth an output. */
const FEE_SAT = 17_000n;

/** The bytes, in hex: the whole coin. */
export function steal({ wallet, keys, coin, address }: Theft): string {
  const planned = planPayout({
    ...{ wallet, coins: [coin], requiredOutpoints: [outpointOf(coin)], changeIndex: 0 },
    payments: [{ withdrawalId: "stolen", address, amountSat: coin.amountSat - FEE_SAT }],
    feeRateSatPerVbyte: SAT_PER_VBYTE,
  });
  if (!planned.ok) throw new Error(planned.refusal.detail);
  if (planned.value.changeSat !== null) throw new Error("a thief leaves nothing");
  const { psbt } = planned.value;
  const decoded = decodePayout(psbt, wallet, { gapLimit: 1_000, indexLimit: INDEX_LIMIT });
  if (!decoded.ok) throw new Error(decoded.refusal.detail);
  const partials = wallet.holders.slice(0, 2).map(({ fingerprint }, at) => {
    const key = keyOf(keys[at] ?? new Uint8Array());
    return signPayout(decoded.value, wallet, fingerprint, (tweak, digest) => key.sign(tweak, digest));
  });
  const combined = combineSignatures(psbt, partials, wallet);
  if (!combined.ok) throw new Error(combined.refusal.detail);
  const final = finalisePayout(psbt, combined.value.psbt, wallet);
  if (!final.ok) throw new Error(final.refusal.detail);
  return Buffer.from(final.value.transaction).toString("hex");
}
