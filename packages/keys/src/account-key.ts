// From a holder's entropy to its account keys at m/48'/coin'/account'/2' (BIP48, P2WSH multisig), and what is public of them.
import { HARDENED, hardenedChild, masterNode, type PrivateNode, wipeNode } from "./bip32.ts";
import { seedOf } from "./bip39.ts";
import { wipe } from "./guarded-memory.ts";
import { loadNativeCurve, type NativeCurve } from "./native-curve.ts";

export type Account = PrivateNode & {
  /** Which one: each wallet is an account of its own. */
  readonly account: number;
  readonly masterPublicKey: Uint8Array;
  /** One step above the account. */
  readonly parentPublicKey: Uint8Array;
  /** As a descriptor spells it: "48h/0h/0h/2h". */
  readonly path: string;
  readonly depth: 4;
  readonly childNumber: number;
};

export const ENTROPY_BYTES = 32;

/** The coins of SLIP-44: 0 is Bitcoin, 1 is every test network. */
export type CoinType = 0 | 1;

/** `entropy` is read and left as it is; everything between it and the accounts is overwritten. */
export function deriveAccounts(
  entropy: Uint8Array,
  coin: CoinType,
  accounts: readonly number[],
  curve: NativeCurve = loadNativeCurve(),
): readonly Account[] {
  if (entropy.length !== ENTROPY_BYTES) throw new Error(`a holder's entropy has ${ENTROPY_BYTES} bytes`);
  const seed = seedOf(entropy);
  const master = masterNode(seed, curve);
  wipe(seed);
  const purpose = hardenedChild(master, PURPOSE, curve);
  wipeNode(master);
  const coinNode = hardenedChild(purpose, coin, curve);
  wipeNode(purpose);
  const derived = accounts.map((account): Account => {
    const parent = hardenedChild(coinNode, account, curve);
    const node = hardenedChild(parent, SCRIPT_TYPE, curve);
    wipeNode(parent);
    return {
      ...node,
      account,
      masterPublicKey: master.publicKey,
      parentPublicKey: parent.publicKey,
      path: [PURPOSE, coin, account, SCRIPT_TYPE].map((step) => `${step}h`).join("/"),
      depth: 4,
      childNumber: HARDENED + SCRIPT_TYPE,
    };
  });
  wipeNode(coinNode);
  return derived;
}

/** One of them, the first unless another is meant. */
export function deriveAccount(
  entropy: Uint8Array,
  coin: CoinType,
  curve: NativeCurve = loadNativeCurve(),
  account = 0,
): Account {
  const [derived] = deriveAccounts(entropy, coin, [account], curve);
  if (derived === undefined) throw new Error("one account was asked for");
  return derived;
}

/** BIP48: its own purpose, and 2 for P2WSH. */
const PURPOSE = 48;
const SCRIPT_TYPE = 2;
