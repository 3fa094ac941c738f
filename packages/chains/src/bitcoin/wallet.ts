// The wallet's own scripts: derived from the descriptor by branch and index, never taken on trust.

import { addressOf } from "./address.ts";
import type { WalletDescriptor } from "./descriptor.ts";
import { type ChildKey, deriveChild, HARDENED } from "./extended-key.ts";
import { readScript, sortedMultisigScript, sortPublicKeys, witnessScriptHashScript } from "./script.ts";
import { toHex } from "./wire.ts";

/** 0 receives, 1 takes the change. */
export type Branch = 0 | 1;

export type Derivation = {
  /** Of the holder's master key. */
  readonly fingerprint: string;
  /** From the master key to the script's key, hardened steps with the top bit set. */
  readonly path: readonly number[];
  readonly publicKey: Uint8Array;
};

export type WalletScript = {
  readonly branch: Branch;
  readonly index: number;
  readonly address: string;
  readonly scriptPubKey: Uint8Array;
  readonly witnessScript: Uint8Array;
  /** In the order of the witness script (BIP67). */
  readonly publicKeys: readonly Uint8Array[];
  /** In the order of the descriptor. */
  readonly derivations: readonly Derivation[];
};

/** What is in use at one time, and far more; about a quarter of a megabyte. */
const REMEMBERED_SCRIPTS = 512;

export type ScriptPosition = { readonly branch: Branch; readonly index: number };

/**
 * Derives the 2-of-3 script at a branch and index below 2^31. The first time takes about half a millisecond; after that
 * every caller gets a copy of its own, because bytes that one caller could change must not become what the next one
 * takes for derived.
 */
export function deriveScript(wallet: WalletDescriptor, branch: Branch, index: number): WalletScript {
  const { scripts } = memoryOf(wallet);
  const name = `${branch}/${index}`;
  const known = scripts.get(name);
  if (known !== undefined) return copyOf(known);
  const derived = deriveAnew(wallet, branch, index);
  const [oldest] = scripts.keys();
  if (scripts.size >= REMEMBERED_SCRIPTS && oldest !== undefined) scripts.delete(oldest);
  scripts.set(name, derived);
  return copyOf(derived);
}

function deriveAnew(wallet: WalletDescriptor, branch: Branch, index: number): WalletScript {
  const derivations = wallet.holders.map((holder) => ({
    fingerprint: holder.fingerprint,
    path: [...holder.path, branch, index],
    publicKey: deriveHolderKey(wallet, holder.fingerprint, branch, index).publicKey,
  }));
  const publicKeys = sortPublicKeys(derivations.map(({ publicKey }) => publicKey));
  const witnessScript = sortedMultisigScript(wallet.threshold, publicKeys);
  const scriptPubKey = witnessScriptHashScript(witnessScript);
  const address = addressOf(wallet.network, scriptPubKey);
  if (address === null) throw new Error("a P2WSH script has an address");
  return { branch, index, address, scriptPubKey, witnessScript, publicKeys, derivations };
}

function copyOf(script: WalletScript): WalletScript {
  return {
    ...script,
    scriptPubKey: script.scriptPubKey.slice(),
    witnessScript: script.witnessScript.slice(),
    publicKeys: script.publicKeys.map((publicKey) => publicKey.slice()),
    derivations: script.derivations.map(({ fingerprint, path, publicKey }) => ({
      fingerprint,
      path: [...path],
      publicKey: publicKey.slice(),
    })),
  };
}

/** One holder's key at a branch and index, with the last step's tweak; the branch's own is in branchKey. */
export function deriveHolderKey(
  wallet: WalletDescriptor,
  fingerprint: string,
  branch: Branch,
  index: number,
): ChildKey {
  if (!Number.isInteger(index) || index < 0 || index >= HARDENED) throw new Error(`no script has index ${index}`);
  return deriveChild(branchKey(wallet, fingerprint, branch), index);
}

/** The key between a holder's account key and the keys of its scripts. */
export function branchKey(wallet: WalletDescriptor, fingerprint: string, branch: Branch): ChildKey {
  const remembered = memoryOf(wallet);
  const name = `${fingerprint}/${branch}`;
  const known = remembered.branches.get(name);
  if (known !== undefined) return known;
  const holder = wallet.holders.find((candidate) => candidate.fingerprint === fingerprint);
  if (holder === undefined) throw new Error(`no holder of this wallet has fingerprint ${fingerprint}`);
  const key = deriveChild(holder, branch);
  remembered.branches.set(name, key);
  return key;
}

/**
 * Where in the wallet a script is, searching both branches below the limit, from the first index or from this one on; null
 * when it is not there. The first search derives them all, about half a millisecond each, and remembers where they are
 * for as long as the wallet lives.
 */
export function findScript(
  wallet: WalletDescriptor,
  scriptPubKey: Uint8Array,
  limit: number,
  from = 0,
): ScriptPosition | null {
  if (readScript(scriptPubKey)?.type !== "p2wsh") return null;
  const remembered = memoryOf(wallet);
  for (let index = from; index < limit; index += 1) {
    if (remembered.searched.has(index)) continue;
    for (const branch of [0, 1] as const) {
      remembered.positions.set(toHex(deriveScript(wallet, branch, index).scriptPubKey), { branch, index });
    }
    remembered.searched.add(index);
  }
  const position = remembered.positions.get(toHex(scriptPubKey));
  return position !== undefined && position.index < limit ? position : null;
}

type WalletMemory = {
  /** By branch and index; the oldest gives way when there are too many. */
  readonly scripts: Map<string, WalletScript>;
  readonly branches: Map<string, ChildKey>;
  readonly positions: Map<string, ScriptPosition>;
  readonly searched: Set<number>;
};

const memories = new WeakMap<WalletDescriptor, WalletMemory>();

function memoryOf(wallet: WalletDescriptor): WalletMemory {
  const known = memories.get(wallet);
  if (known !== undefined) return known;
  const memory: WalletMemory = { scripts: new Map(), branches: new Map(), positions: new Map(), searched: new Set() };
  memories.set(wallet, memory);
  return memory;
}
