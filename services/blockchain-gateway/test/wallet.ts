// A 2-of-3 wallet whose keys nobody has: enough to be paid into and watched.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import {
  type Branch,
  deriveScript,
  type HolderKey,
  parseDescriptor,
  type WalletDescriptor,
  walletDescriptor,
  xpubFromPublicKey,
} from "@sluice/chains";

export type TestWallet = {
  readonly walletId: string;
  readonly gapLimit: number;
  readonly wallet: WalletDescriptor;
  readonly addressAt: (branch: Branch, index: number) => string;
};

export function makeWallet(walletId: string, gapLimit: number): TestWallet {
  const parsed = parseDescriptor(walletDescriptor("regtest", [makeHolder(), makeHolder(), makeHolder()]), "regtest");
  if (!parsed.ok) throw new Error(parsed.refusal.detail);
  const wallet = parsed.value;
  const addressAt = (branch: Branch, index: number) => deriveScript(wallet, branch, index).address;
  return { walletId, gapLimit, wallet, addressAt };
}

/** As SLUICE_WALLETS_FILE lists it. */
export function listed({ walletId, gapLimit, wallet }: TestWallet) {
  return { walletId, asset: "BTC", descriptor: wallet.descriptor, gapLimit };
}

function makeHolder(): HolderKey {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  const isOdd = (Buffer.from(y, "base64url").at(-1) ?? 0) % 2 === 1;
  const hardened = 2 ** 31;
  const xpub = xpubFromPublicKey({
    network: "regtest",
    depth: 4,
    parentFingerprint: randomBytes(4).toString("hex"),
    childNumber: 2 + hardened,
    chainCode: randomBytes(32),
    publicKey: Buffer.concat([Buffer.of(isOdd ? 3 : 2), Buffer.from(x, "base64url")]),
  });
  return { fingerprint: randomBytes(4).toString("hex"), path: "48h/1h/0h/2h", xpub };
}
