// A 2-of-3 wallet on regtest with keys that exist only in a test, and coins that it owns out of nowhere.
import { createECDH, randomBytes } from "node:crypto";
import {
  type Branch,
  type Coin,
  decodeTransaction,
  deriveScript,
  fingerprintOf,
  parseDescriptor,
  type Wallet,
  walletDescriptor,
  xpubFromPublicKey,
} from "@sluice/chains";
import { HOLDERS, type Holder } from "@sluice/contracts";
import { holdSecretKey, type SecretKey } from "@sluice/keys";
import { guarded } from "@sluice/keys/custody";

const ACCOUNT_PATH = "48h/1h/0h/2h";
const ACCOUNT_NUMBER = 0x8000_0002;

export type FixtureWallet = {
  /** The descriptor as a wallets file has it. */
  readonly text: string;
  readonly wallet: Wallet;
  /** Account keys in the order of HOLDERS: 32 bytes each. */
  readonly secrets: readonly [Buffer, Buffer, Buffer];
  readonly secretOf: (holder: Holder) => Buffer;
};

export function makeWallet(gapLimit = 20, walletId = "hot"): FixtureWallet {
  const [a, b, c] = [makeAccount(), makeAccount(), makeAccount()];
  const text = walletDescriptor("regtest", [a.key, b.key, c.key]);
  const parsed = parseDescriptor(text, "regtest");
  if (!parsed.ok) throw new Error(parsed.refusal.detail);
  const secrets = [a.secret, b.secret, c.secret] as const;
  const secretOf = (holder: Holder): Buffer => secrets[HOLDERS.indexOf(holder)] as Buffer;
  return { text, wallet: { walletId, descriptor: parsed.value, gapLimit }, secrets, secretOf };
}

/** The key as a holder's process has it: in guarded memory. */
export function keyOf(secret: Uint8Array): SecretKey {
  const key = guarded(secret.length);
  key.set(secret);
  return holdSecretKey(key);
}

/** A coin of the wallet from a transaction out of nowhere, in the form without witnesses (BIP144). */
export function fund(
  { descriptor }: Pick<Wallet, "descriptor">,
  amountSat = 1_000_000n,
  index = 0,
  branch: Branch = 0,
): Coin {
  const { scriptPubKey } = deriveScript(descriptor, branch, index);
  const amount = Buffer.alloc(8);
  amount.writeBigUInt64LE(amountSat);
  const previousTransaction = Buffer.concat([
    Buffer.from("0200000001", "hex"),
    randomBytes(32),
    Buffer.from("0000000000fdffffff01", "hex"),
    amount,
    Buffer.of(scriptPubKey.length),
    scriptPubKey,
    Buffer.alloc(4),
  ]);
  const { txid } = decodeTransaction(previousTransaction);
  return { txid, vout: 0, amountSat, branch, index, previousTransaction };
}

function makeAccount() {
  const account = createECDH("secp256k1");
  account.generateKeys();
  const scalar = account.getPrivateKey();
  const publicKey = account.getPublicKey(null, "compressed");
  const xpub = xpubFromPublicKey({
    network: "regtest",
    depth: 4,
    parentFingerprint: "00000000",
    childNumber: ACCOUNT_NUMBER,
    chainCode: randomBytes(32),
    publicKey,
  });
  const secret = Buffer.concat([Buffer.alloc(32 - scalar.length), scalar]);
  return { secret, key: { fingerprint: fingerprintOf(publicKey), path: ACCOUNT_PATH, xpub } };
}
