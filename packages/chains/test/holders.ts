// Three holders with keys for tests only, their wallet, and coins that pay it. Nothing here is used outside tests.
import { createHash } from "node:crypto";
import { BIP32Factory } from "bip32";
import * as ecc from "tiny-secp256k1";
import type { BitcoinNetwork } from "../src/bitcoin/network.ts";
import { NETWORKS } from "../src/bitcoin/network.ts";
import { parseTransaction, serializeTransaction, type TransactionOutput } from "../src/bitcoin/transaction.ts";
import { concatBytes, fromHex, toHex } from "../src/bitcoin/wire.ts";
import {
  type Branch,
  type Coin,
  deriveScript,
  parseDescriptor,
  type WalletDescriptor,
  walletDescriptor,
} from "../src/index.ts";
import type { SignDigest } from "../src/signing.ts";

const bip32 = BIP32Factory(ecc);

export type TestHolder = {
  readonly fingerprint: string;
  readonly path: string;
  readonly xpub: string;
  readonly accountKey: Uint8Array;
  readonly sign: SignDigest;
};

export type TestWallet = {
  readonly wallet: WalletDescriptor;
  readonly holders: readonly [TestHolder, TestHolder, TestHolder];
};

export function makeTestWallet(seed: string, network: BitcoinNetwork = "regtest"): TestWallet {
  const holders = [
    makeHolder(`${seed}/a`, network),
    makeHolder(`${seed}/b`, network),
    makeHolder(`${seed}/c`, network),
  ] as const;
  const parsed = parseDescriptor(walletDescriptor(network, holders), network);
  if (!parsed.ok) throw new Error(parsed.refusal.detail);
  return { wallet: parsed.value, holders };
}

export function makeHolder(seed: string, network: BitcoinNetwork): TestHolder {
  const { xpubVersion, xprvVersion, hrp, pubKeyHashVersion, scriptHashVersion } = NETWORKS[network];
  const master = bip32.fromSeed(Uint8Array.from(createHash("sha512").update(seed).digest()), {
    wif: 0,
    bip32: { public: xpubVersion, private: xprvVersion },
    bech32: hrp,
    pubKeyHash: pubKeyHashVersion,
    scriptHash: scriptHashVersion,
    messagePrefix: "",
  });
  const path = network === "mainnet" ? "48h/0h/0h/2h" : "48h/1h/0h/2h";
  const account = master.derivePath(`m/${path.replaceAll("h", "'")}`);
  const accountKey = account.privateKey;
  if (accountKey === undefined) throw new Error("a seed has private keys");
  return {
    fingerprint: toHex(master.fingerprint),
    path,
    xpub: account.neutered().toBase58(),
    accountKey,
    sign: (tweak, digest) => {
      const key = ecc.privateAdd(accountKey, tweak);
      if (key === null) throw new Error("the child key does not exist");
      return ecc.sign(digest, key);
    },
  };
}

/** A transaction of no history, which pays these outputs. The salt makes its id its own. */
export function makeTransaction(outputs: readonly TransactionOutput[], salt: number): Uint8Array {
  const txid = toHex(Uint8Array.from(createHash("sha256").update(`previous ${salt}`).digest()));
  const input = { txid, vout: 0, scriptSig: Uint8Array.of(0x51), sequence: 0xffff_ffff };
  return serializeTransaction({ version: 2, inputs: [input], outputs, locktime: 0 });
}

/** A coin of the wallet, as the second output of a transaction of its own. */
export function makeCoin(wallet: WalletDescriptor, branch: Branch, index: number, amountSat: bigint, salt = 0): Coin {
  const { scriptPubKey } = deriveScript(wallet, branch, index);
  const previousTransaction = makeTransaction(
    [
      { amountSat: 12_345n, scriptPubKey: Uint8Array.of(0x6a) },
      { amountSat, scriptPubKey },
    ],
    salt,
  );
  const parsed = parseTransaction(previousTransaction, "either");
  if (!parsed.ok) throw new Error(parsed.refusal.code);
  return { txid: parsed.value.txid, vout: 1, amountSat, branch, index, previousTransaction };
}

/** The other S that verifies as well: the order of the curve minus it. */
export function highS(compact: Uint8Array): Uint8Array {
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const s = order - BigInt(`0x${toHex(compact.subarray(32))}`);
  return concatBytes(compact.subarray(0, 32), fromHex(s.toString(16).padStart(64, "0")));
}
