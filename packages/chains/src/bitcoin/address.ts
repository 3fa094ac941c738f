// Addresses: read for one network with a refusal that says what is wrong, and written back from a script.
import { ok, type Result, refused } from "@sluice/core";
import { isXOnlyPoint } from "tiny-secp256k1";
import { decodeBase58Check, encodeBase58Check } from "./base58check.ts";
import { decodeSegwit, encodeSegwit, type SegwitProgram } from "./bech32.ts";
import { type BitcoinNetwork, NETWORKS } from "./network.ts";
import { readScript, type ScriptType, standardScript } from "./script.ts";
import { concatBytes } from "./wire.ts";

export type AddressRefusal = {
  readonly code: "ADDRESS_MALFORMED" | "ADDRESS_CHECKSUM" | "ADDRESS_WRONG_NETWORK" | "ADDRESS_UNSUPPORTED";
  readonly detail: string;
};
export type ParsedAddress = { readonly scriptPubKey: Uint8Array; readonly type: ScriptType };

const KNOWN_HRPS: ReadonlySet<string> = new Set(Object.values(NETWORKS).map(({ hrp }) => hrp));
const ROWS = Object.values(NETWORKS);

/**
 * Reads a P2PKH, P2SH, P2WPKH, P2WSH or P2TR address (Base58Check, BIP173, BIP350) of the given network. The detail of
 * a refusal never repeats the text: what people paste into an address field is now and then a private key.
 */
export function parseAddress(network: BitcoinNetwork, address: string): Result<ParsedAddress, AddressRefusal> {
  return looksLikeSegwit(address) ? parseSegwit(network, address) : parseBase58(network, address);
}

/** The address of a standard output script on a network; null for every other script. */
export function addressOf(network: BitcoinNetwork, scriptPubKey: Uint8Array): string | null {
  const script = readScript(scriptPubKey);
  if (script === null) return null;
  const { hrp, pubKeyHashVersion, scriptHashVersion } = NETWORKS[network];
  const { type, payload } = script;
  if (type === "p2pkh") return encodeBase58Check(concatBytes(Uint8Array.of(pubKeyHashVersion), payload));
  if (type === "p2sh") return encodeBase58Check(concatBytes(Uint8Array.of(scriptHashVersion), payload));
  return encodeSegwit({ hrp, version: type === "p2tr" ? 1 : 0, program: payload });
}

/** No Base58Check address of these networks has an hrp and a separator at its front. */
function looksLikeSegwit(address: string): boolean {
  const separator = address.lastIndexOf("1");
  return separator > 1 && (/[0OIl]/.test(address) || KNOWN_HRPS.has(address.slice(0, separator).toLowerCase()));
}

function parseSegwit(network: BitcoinNetwork, address: string): Result<ParsedAddress, AddressRefusal> {
  const segwit = decodeSegwit(address);
  if (!segwit.ok) {
    const { code, detail } = segwit.refusal;
    return refuse(code === "BECH32_CHECKSUM" ? "ADDRESS_CHECKSUM" : "ADDRESS_MALFORMED", detail);
  }
  const { hrp } = segwit.value;
  if (!KNOWN_HRPS.has(hrp)) return refuse("ADDRESS_UNSUPPORTED", "this is no Bitcoin address");
  if (hrp !== NETWORKS[network].hrp) return refuse("ADDRESS_WRONG_NETWORK", `this is not an address of ${network}`);
  return segwitOutput(segwit.value);
}

function segwitOutput({ version, program }: SegwitProgram): Result<ParsedAddress, AddressRefusal> {
  if (version === 0) return output(program.length === 20 ? "p2wpkh" : "p2wsh", program);
  // Outputs of versions without rules yet can be taken by anyone, and a taproot key off the curve by no one.
  if (version > 1) return refuse("ADDRESS_UNSUPPORTED", `witness version ${version} has no rules yet`);
  if (program.length !== 32) return refuse("ADDRESS_UNSUPPORTED", "a version 1 program other than taproot's");
  if (!isXOnlyPoint(program)) return refuse("ADDRESS_UNSUPPORTED", "its taproot key is no point of the curve");
  return output("p2tr", program);
}

function parseBase58(network: BitcoinNetwork, address: string): Result<ParsedAddress, AddressRefusal> {
  const payload = decodeBase58Check(address);
  if (!payload.ok) {
    return payload.refusal.code === "BASE58_CHECKSUM"
      ? refuse("ADDRESS_CHECKSUM", "the checksum does not match")
      : refuse("ADDRESS_MALFORMED", "this is neither a segwit nor a Base58Check address");
  }
  const [version = 0] = payload.value;
  const hash = payload.value.subarray(1);
  if (hash.length !== 20)
    return refuse("ADDRESS_UNSUPPORTED", "this Base58Check text holds something else than an address");
  const row = NETWORKS[network];
  if (version === row.pubKeyHashVersion) return output("p2pkh", hash);
  if (version === row.scriptHashVersion) return output("p2sh", hash);
  const elsewhere = ROWS.some((other) => version === other.pubKeyHashVersion || version === other.scriptHashVersion);
  return elsewhere
    ? refuse("ADDRESS_WRONG_NETWORK", `this is not an address of ${network}`)
    : refuse("ADDRESS_UNSUPPORTED", "this is no Bitcoin address");
}

function output(type: ScriptType, payload: Uint8Array): Result<ParsedAddress, AddressRefusal> {
  return ok({ scriptPubKey: standardScript(type, payload), type });
}

function refuse(code: AddressRefusal["code"], detail: string): Result<never, AddressRefusal> {
  return refused({ code, detail });
}
