// What a PSBT claims about the origin of a script's keys, held against what the descriptor itself derives there.
import { ok, type Result, refused } from "@sluice/core";
import type { WalletDescriptor } from "./descriptor.ts";
import type { PsbtMap } from "./psbt-format.ts";
import { type Branch, deriveScript, type WalletScript } from "./wallet.ts";
import { equalBytes, fromHex, toHex, WireReader } from "./wire.ts";

export type ClaimFault = "MISSING" | "UNKNOWN" | "PATH" | "BRANCH" | "BEYOND_GAP_LIMIT" | "KEY";

/**
 * Takes branch and index from the derivation fields as a hint, derives the script there and demands that the fields say
 * exactly what was derived. The script that is returned owes nothing to the PSBT but the place where to look.
 */
export function checkClaim(
  fields: PsbtMap,
  wallet: WalletDescriptor,
  indexLimit: number,
): Result<WalletScript, ClaimFault> {
  if (fields.length !== wallet.holders.length) return refused("MISSING");
  const origins = fields.map(({ keyData, value }) => ({ publicKey: keyData, ...readOrigin(value) }));
  const named = new Set(origins.map(({ fingerprint }) => fingerprint));
  if (!wallet.holders.every(({ fingerprint }) => named.has(fingerprint))) return refused("UNKNOWN");

  const [branch, index] = origins[0]?.path.slice(-2) ?? [];
  if (branch === undefined || index === undefined) return refused("PATH");
  const expected = new Map(wallet.holders.map(({ fingerprint, path }) => [fingerprint, [...path, branch, index]]));
  if (!origins.every(({ fingerprint, path }) => isSame(expected.get(fingerprint), path))) return refused("PATH");
  if (!isBranch(branch)) return refused("BRANCH");
  if (index >= indexLimit) return refused("BEYOND_GAP_LIMIT");

  const script = deriveScript(wallet, branch, index);
  const derived = new Map(script.derivations.map(({ fingerprint, publicKey }) => [fingerprint, publicKey]));
  const agrees = origins.every(({ fingerprint, publicKey }) => {
    const own = derived.get(fingerprint);
    return own !== undefined && equalBytes(own, publicKey);
  });
  return agrees ? ok(script) : refused("KEY");
}

/** A derivation field's value: the master key's fingerprint, then the steps, all of four bytes (BIP174). */
export function writeOrigin(fingerprint: string, path: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * path.length);
  bytes.set(fromHex(fingerprint));
  const view = new DataView(bytes.buffer);
  path.forEach((step, at) => {
    view.setUint32(4 + 4 * at, step, true);
  });
  return bytes;
}

function readOrigin(value: Uint8Array): { readonly fingerprint: string; readonly path: readonly number[] } {
  const reader = new WireReader(value);
  const fingerprint = toHex(reader.take(4));
  const path: number[] = [];
  while (reader.remaining > 0) path.push(reader.u32());
  return { fingerprint, path };
}

function isSame(expected: readonly number[] | undefined, path: readonly number[]): boolean {
  return expected?.length === path.length && expected.every((step, at) => step === path[at]);
}

function isBranch(step: number): step is Branch {
  return step === 0 || step === 1;
}
