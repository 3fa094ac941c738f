// The standard output scripts, the 2-of-3 witness script, and the amount below which an output is dust.
import { sha256 } from "./hashing.ts";
import { compactSizeLength, compareBytes, concatBytes, equalBytes } from "./wire.ts";

export type ScriptType = "p2pkh" | "p2sh" | "p2wpkh" | "p2wsh" | "p2tr";

const OP_0 = 0x00;
const OP_1 = 0x51;
const OP_CHECKMULTISIG = 0xae;

/** What comes before and after the hash or key in each standard output script. */
const TEMPLATES: Readonly<Record<ScriptType, { head: Uint8Array; length: number; tail: Uint8Array }>> = {
  p2pkh: { head: Uint8Array.of(0x76, 0xa9, 20), length: 20, tail: Uint8Array.of(0x88, 0xac) },
  p2sh: { head: Uint8Array.of(0xa9, 20), length: 20, tail: Uint8Array.of(0x87) },
  p2wpkh: { head: Uint8Array.of(OP_0, 20), length: 20, tail: Uint8Array.of() },
  p2wsh: { head: Uint8Array.of(OP_0, 32), length: 32, tail: Uint8Array.of() },
  p2tr: { head: Uint8Array.of(OP_1, 32), length: 32, tail: Uint8Array.of() },
};
const TYPES = Object.keys(TEMPLATES) as readonly ScriptType[];

export function standardScript(type: ScriptType, payload: Uint8Array): Uint8Array {
  const { head, length, tail } = TEMPLATES[type];
  if (payload.length !== length) throw new Error(`a ${type} output holds ${length} bytes, not ${payload.length}`);
  return concatBytes(head, payload, tail);
}

/** The type of a standard output script and the hash or key in it; null for every other script. */
export function readScript(script: Uint8Array): { readonly type: ScriptType; readonly payload: Uint8Array } | null {
  for (const type of TYPES) {
    const { head, length, tail } = TEMPLATES[type];
    if (script.length !== head.length + length + tail.length) continue;
    if (!equalBytes(script.subarray(0, head.length), head)) continue;
    if (!equalBytes(script.subarray(head.length + length), tail)) continue;
    return { type, payload: script.slice(head.length, head.length + length) };
  }
  return null;
}

/** Compressed public keys in the order in which a sorted multisig script lists them (BIP67). */
export function sortPublicKeys(publicKeys: readonly Uint8Array[]): readonly Uint8Array[] {
  for (const publicKey of publicKeys) {
    const compressed = publicKey.length === 33 && (publicKey[0] === 2 || publicKey[0] === 3);
    if (!compressed) throw new Error("only compressed public keys are sorted");
  }
  return publicKeys.toSorted(compareBytes);
}

/** OP_k, the keys in BIP67 order, OP_n, OP_CHECKMULTISIG. */
export function sortedMultisigScript(threshold: number, publicKeys: readonly Uint8Array[]): Uint8Array {
  if (threshold < 1 || threshold > publicKeys.length || publicKeys.length > 16) {
    throw new Error(`a multisig script of ${threshold} of ${publicKeys.length} keys does not exist`);
  }
  return concatBytes(
    Uint8Array.of(OP_1 + threshold - 1),
    ...sortPublicKeys(publicKeys).map((publicKey) => concatBytes(Uint8Array.of(publicKey.length), publicKey)),
    Uint8Array.of(OP_1 + publicKeys.length - 1, OP_CHECKMULTISIG),
  );
}

export function witnessScriptHashScript(witnessScript: Uint8Array): Uint8Array {
  return standardScript("p2wsh", sha256(witnessScript));
}

/** Bitcoin Core's default of -dustrelayfee is 3000 sat per 1000 vbytes. */
const DUST_RELAY_SAT_PER_VBYTE = 3n;
/** An input that spends with a signature and a key: 148 bytes, of which segwit discounts the 107 witness bytes. */
const SPENDING_VBYTES = 148;
const SEGWIT_SPENDING_VBYTES = 32 + 4 + 1 + Math.floor(107 / 4) + 4;

/**
 * The least amount in satoshis of an output with this script that nodes relay by default: what it costs to send and
 * later spend it at the dust relay fee rate (Bitcoin Core, GetDustThreshold). 546 for P2PKH, 294 for P2WPKH, 330 for
 * P2WSH and P2TR.
 */
export function dustSat(scriptPubKey: Uint8Array): bigint {
  const outputBytes = 8 + compactSizeLength(scriptPubKey.length) + scriptPubKey.length;
  const spending = isWitnessProgram(scriptPubKey) ? SEGWIT_SPENDING_VBYTES : SPENDING_VBYTES;
  return BigInt(outputBytes + spending) * DUST_RELAY_SAT_PER_VBYTE;
}

/** A version opcode and one direct push of 2 to 40 bytes (BIP141). */
function isWitnessProgram(script: Uint8Array): boolean {
  const [version, push] = script;
  if (version === undefined || push === undefined || script.length < 4 || script.length > 42) return false;
  return (version === OP_0 || (version >= OP_1 && version <= OP_1 + 15)) && push === script.length - 2;
}
