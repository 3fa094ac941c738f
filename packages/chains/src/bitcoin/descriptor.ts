// The wallet's descriptor, wsh(sortedmulti(2,…)) over three holders' keys: read, checked and written (BIP380, 383, 389).
import { ok, type Result, refused } from "@sluice/core";
import { descriptorChecksum } from "./descriptor-checksum.ts";
import { fingerprintOf, HARDENED, type ParentKey, parseXpub, type XpubRefusal } from "./extended-key.ts";
import type { BitcoinNetwork } from "./network.ts";
import { toHex } from "./wire.ts";

/** One holder's account key: where it comes from and what derives its public children. */
export type WalletHolder = ParentKey & {
  /** Of the holder's master key: eight hex digits. It is what names a holder in derivations and signatures. */
  readonly fingerprint: string;
  /** Steps from the master key to the account key, hardened ones with the top bit set. */
  readonly path: readonly number[];
  readonly xpub: string;
};

export type WalletDescriptor = {
  readonly network: BitcoinNetwork;
  readonly threshold: 2;
  readonly holders: readonly [WalletHolder, WalletHolder, WalletHolder];
  /** In its one canonical spelling, with its checksum. */
  readonly descriptor: string;
};

export type DescriptorRefusal = {
  readonly code:
    | "DESCRIPTOR_CHECKSUM_MISSING"
    | "DESCRIPTOR_CHARACTER"
    | "DESCRIPTOR_CHECKSUM"
    | "DESCRIPTOR_SHAPE"
    | "DESCRIPTOR_THRESHOLD"
    | "DESCRIPTOR_KEY_COUNT"
    | "DESCRIPTOR_KEY_ORIGIN"
    | "DESCRIPTOR_KEY_BRANCHES"
    | "DESCRIPTOR_KEY_PRIVATE"
    | "DESCRIPTOR_KEY_NETWORK"
    | "DESCRIPTOR_KEY_MALFORMED"
    | "DESCRIPTOR_KEY_DEPTH"
    | "DESCRIPTOR_KEY_DUPLICATE";
  readonly detail: string;
};

const MAX_CHARACTERS = 2_000;
const BRANCHES = "/<0;1>/*";
const KEY_CODES = {
  XPUB_PRIVATE: "DESCRIPTOR_KEY_PRIVATE",
  XPUB_WRONG_NETWORK: "DESCRIPTOR_KEY_NETWORK",
  XPUB_MALFORMED: "DESCRIPTOR_KEY_MALFORMED",
} as const satisfies Record<XpubRefusal["code"], DescriptorRefusal["code"]>;

/**
 * Reads `wsh(sortedmulti(2,[fingerprint/path]xpub/<0;1>/*,…,…))#checksum` with exactly three keys: branch 0 receives,
 * branch 1 takes the change. The checksum and the keys' origins are demanded although BIP380 leaves them out at will:
 * a mistyped wallet would be paid into and never spent from. A detail never repeats a key.
 */
export function parseDescriptor(text: string, network: BitcoinNetwork): Result<WalletDescriptor, DescriptorRefusal> {
  const checked = withoutChecksum(text);
  if (!checked.ok) return checked;
  const shape = /^wsh\(sortedmulti\((\d{1,2}),([^()]*)\)\)$/.exec(checked.value);
  if (shape === null) return refuse("DESCRIPTOR_SHAPE", "the wallet is not of the form wsh(sortedmulti(…))");
  const [, threshold, keys = ""] = shape;
  if (threshold !== "2") return refuse("DESCRIPTOR_THRESHOLD", "the wallet does not take two signatures");
  const expressions = keys.split(",");
  if (expressions.length !== 3) return refuse("DESCRIPTOR_KEY_COUNT", "the wallet does not have three keys");

  const holders: WalletHolder[] = [];
  for (const [at, expression] of expressions.entries()) {
    const holder = parseKey(expression, network, at + 1);
    if (!holder.ok) return holder;
    holders.push(holder.value);
  }
  const [first, second, third] = holders;
  if (first === undefined || second === undefined || third === undefined) throw new Error("three keys were counted");
  const publicKeys = new Set(holders.map(({ publicKey }) => toHex(publicKey)));
  const fingerprints = new Set(holders.map(({ fingerprint }) => fingerprint));
  if (publicKeys.size < 3) return refuse("DESCRIPTOR_KEY_DUPLICATE", "two holders have the same key");
  if (fingerprints.size < 3) return refuse("DESCRIPTOR_KEY_DUPLICATE", "two holders have the same fingerprint");
  return ok({ network, threshold: 2, holders: [first, second, third], descriptor: writeDescriptor(holders) });
}

/** What a holder contributes to a wallet: its master fingerprint, the path ("48h/1h/0h/2h") and the xpub there. */
export type HolderKey = { readonly fingerprint: string; readonly path: string; readonly xpub: string };

/** The descriptor of the wallet of three holders, with checksum. A key that could not be read back throws. */
export function walletDescriptor(network: BitcoinNetwork, keys: readonly [HolderKey, HolderKey, HolderKey]): string {
  const expressions = keys.map(({ fingerprint, path, xpub }) => {
    const steps = path.replace(/^m(?:\/|$)/, "");
    return `[${fingerprint}${steps === "" ? "" : `/${steps}`}]${xpub}${BRANCHES}`;
  });
  const script = `wsh(sortedmulti(2,${expressions.join(",")}))`;
  const wallet = parseDescriptor(`${script}#${descriptorChecksum(script)}`, network);
  if (!wallet.ok) throw new Error(`no wallet can be made of these keys: ${wallet.refusal.detail}`);
  return wallet.value.descriptor;
}

function withoutChecksum(text: string): Result<string, DescriptorRefusal> {
  if (text.length > MAX_CHARACTERS) return refuse("DESCRIPTOR_SHAPE", `over ${MAX_CHARACTERS} characters`);
  const mark = text.indexOf("#");
  if (mark < 0) return refuse("DESCRIPTOR_CHECKSUM_MISSING", "a wallet's descriptor ends in # and its checksum");
  const script = text.slice(0, mark);
  const checksum = descriptorChecksum(script);
  if (checksum === null) return refuse("DESCRIPTOR_CHARACTER", "a character is outside the descriptors' alphabet");
  return checksum === text.slice(mark + 1) ? ok(script) : refuse("DESCRIPTOR_CHECKSUM", "the checksum does not match");
}

function parseKey(expression: string, network: BitcoinNetwork, nth: number): Result<WalletHolder, DescriptorRefusal> {
  const parts = /^\[([0-9a-fA-F]{8})((?:\/[0-9]{1,10}[h']?)*)\]([0-9A-Za-z]+)(.*)$/.exec(expression);
  if (parts === null) return refuse("DESCRIPTOR_KEY_ORIGIN", `key ${nth} does not begin with its origin in brackets`);
  const [, fingerprint = "", steps = "", xpub = "", branches] = parts;
  const path = parseSteps(steps);
  if (path === null) return refuse("DESCRIPTOR_KEY_ORIGIN", `key ${nth} has a step of 2^31 or more in its origin`);
  if (branches !== BRANCHES) return refuse("DESCRIPTOR_KEY_BRANCHES", `key ${nth} does not end in ${BRANCHES}`);
  const key = parseXpub(xpub, network);
  if (!key.ok) return refuse(KEY_CODES[key.refusal.code], `key ${nth} is not an extended public key of ${network}`);
  const { depth, childNumber, publicKey, chainCode, parentFingerprint } = key.value;
  const holder = { fingerprint: fingerprint.toLowerCase(), path, xpub, publicKey, chainCode };
  // The xpub repeats part of its origin. Where the two disagree, one of them was copied from somewhere else.
  const agrees =
    depth === path.length &&
    childNumber === (path.at(-1) ?? 0) &&
    (depth !== 0 || fingerprintOf(publicKey) === holder.fingerprint) &&
    (depth !== 1 || parentFingerprint === holder.fingerprint);
  return agrees ? ok(holder) : refuse("DESCRIPTOR_KEY_DEPTH", `key ${nth} is not at the end of its own origin`);
}

function parseSteps(steps: string): readonly number[] | null {
  const path = steps
    .split("/")
    .slice(1)
    .map((step) => ({ number: Number.parseInt(step, 10), hardened: /[h']$/.test(step) }));
  if (path.some(({ number }) => number >= HARDENED)) return null;
  return path.map(({ number, hardened }) => (hardened ? number + HARDENED : number));
}

function writeDescriptor(holders: readonly WalletHolder[]): string {
  const keys = holders.map(
    ({ fingerprint, path, xpub }) => `[${[fingerprint, ...writeSteps(path)].join("/")}]${xpub}${BRANCHES}`,
  );
  const script = `wsh(sortedmulti(2,${keys.join(",")}))`;
  return `${script}#${descriptorChecksum(script)}`;
}

function writeSteps(path: readonly number[]): readonly string[] {
  return path.map((step) => (step >= HARDENED ? `${step - HARDENED}h` : `${step}`));
}

function refuse(code: DescriptorRefusal["code"], detail: string): Result<never, DescriptorRefusal> {
  return refused({ code, detail });
}
