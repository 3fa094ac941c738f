// A test wallet with its three holders, as the zone behind the bridge would have them sign.
import {
  type Coin,
  combineSignatures,
  type DecodedPayout,
  decodePayout,
  fingerprintOf,
  INDEX_LIMIT,
  type Wallet,
} from "@sluice/chains";
import { signPayout } from "@sluice/chains/signing";
import { keyOf, makeWallet } from "@sluice/signing-fixtures";

export { fund } from "@sluice/signing-fixtures";
export type FundingCoin = Coin;

export type TestWallet = Pick<Wallet, "descriptor" | "gapLimit"> & {
  readonly text: string;
  readonly keys: readonly ReturnType<typeof keyOf>[];
};

export function createTestWallet(): TestWallet {
  const { text, wallet, secrets } = makeWallet(200);
  return { text, descriptor: wallet.descriptor, gapLimit: wallet.gapLimit, keys: secrets.map(keyOf) };
}

/** The planned PSBT with the signatures of two holders, the first two unless told. */
export function signWithTwo(
  wallet: TestWallet,
  psbt: Uint8Array,
  pair: readonly [number, number] = [0, 1],
): Uint8Array {
  const decoded = decode(wallet, psbt);
  const partials = pair.map((at) => {
    const key = wallet.keys[at];
    if (key === undefined) throw new Error("there are three holders");
    const sign = (tweak: Uint8Array, digest: Uint8Array) => key.sign(tweak, digest);
    return signPayout(decoded, wallet.descriptor, fingerprintOf(key.publicKey), sign);
  });
  const combined = combineSignatures(psbt, partials, wallet.descriptor);
  if (!combined.ok) throw new Error(combined.refusal.detail);
  return combined.value.psbt;
}

export function decode(wallet: TestWallet, psbt: Uint8Array): DecodedPayout {
  const decoded = decodePayout(psbt, wallet.descriptor, { gapLimit: wallet.gapLimit, indexLimit: INDEX_LIMIT });
  if (!decoded.ok) throw new Error(`${decoded.refusal.code}: ${decoded.refusal.detail}`);
  return decoded.value;
}
