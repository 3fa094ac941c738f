// Segwit addresses in Bech32 and Bech32m, with a refusal that says what is wrong (BIP173, BIP350).
import { ok, type Result, refused } from "@sluice/core";

const CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3] as const;
const BECH32 = 1;
const BECH32M = 0x2bc830a3;
const CHECKSUM_SYMBOLS = 6;
const MAX_CHARACTERS = 90;

export type SegwitProgram = { readonly hrp: string; readonly version: number; readonly program: Uint8Array };
export type Bech32Refusal = { readonly code: "BECH32_MALFORMED" | "BECH32_CHECKSUM"; readonly detail: string };

export function decodeSegwit(text: string): Result<SegwitProgram, Bech32Refusal> {
  if (text.length > MAX_CHARACTERS) return malformed("a segwit address has at most 90 characters");
  if (!/^[\x21-\x7e]*$/.test(text)) return malformed("a segwit address has visible ASCII characters only");
  if (text !== text.toLowerCase() && text !== text.toUpperCase()) return malformed("upper and lower case are mixed");
  const lower = text.toLowerCase();
  const separator = lower.lastIndexOf("1");
  const hrp = lower.slice(0, Math.max(separator, 0));
  if (hrp === "") return malformed("there is no prefix before the separator");
  const symbols = Array.from(lower.slice(separator + 1), (character) => CHARSET.indexOf(character));
  if (symbols.includes(-1)) return malformed("a character is outside the alphabet of segwit addresses");
  if (symbols.length < CHECKSUM_SYMBOLS) return malformed("the checksum is cut short");

  const residue = polymod([...expandHrp(hrp), ...symbols]);
  if (residue !== BECH32 && residue !== BECH32M) return badChecksum("the checksum does not match");
  const [version, ...data] = symbols.slice(0, -CHECKSUM_SYMBOLS);
  if (version === undefined) return malformed("there is no witness version");
  if (version > 16) return malformed("the witness version is above 16");
  // Version 0 has Bech32 and all later ones Bech32m: the other kind is a checksum that does not match.
  if (residue !== checksumOf(version)) return badChecksum("the checksum is of the kind of another witness version");
  const program = toBytes(data);
  if (program === null) return malformed("the padding is not zero or too long");
  if (program.length < 2 || program.length > 40) return malformed("a witness program has 2 to 40 bytes");
  if (version === 0 && program.length !== 20 && program.length !== 32) {
    return malformed("a version 0 witness program has 20 or 32 bytes");
  }
  return ok({ hrp, version, program });
}

export function encodeSegwit({ hrp, version, program }: SegwitProgram): string {
  const data = [version, ...toSymbols(program)];
  const residue = polymod([...expandHrp(hrp), ...data, 0, 0, 0, 0, 0, 0]) ^ checksumOf(version);
  const checksum = Array.from({ length: CHECKSUM_SYMBOLS }, (_, at) => (residue >>> (5 * (5 - at))) & 31);
  return `${hrp}1${[...data, ...checksum].map((symbol) => CHARSET.charAt(symbol)).join("")}`;
}

function checksumOf(version: number): number {
  return version === 0 ? BECH32 : BECH32M;
}

function polymod(symbols: readonly number[]): number {
  let residue = 1;
  for (const symbol of symbols) {
    const top = residue >>> 25;
    residue = ((residue & 0x1ffffff) << 5) ^ symbol;
    GENERATOR.forEach((generator, bit) => {
      if ((top >>> bit) & 1) residue ^= generator;
    });
  }
  return residue >>> 0;
}

function expandHrp(hrp: string): readonly number[] {
  const codes = Array.from(hrp, (character) => character.charCodeAt(0));
  return [...codes.map((code) => code >>> 5), 0, ...codes.map((code) => code & 31)];
}

/** Eight-bit bytes from five-bit symbols; null when what is left over is not a zero padding of under five bits. */
function toBytes(symbols: readonly number[]): Uint8Array | null {
  const bytes: number[] = [];
  let buffer = 0;
  let bits = 0;
  for (const symbol of symbols) {
    buffer = ((buffer << 5) | symbol) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((buffer >>> bits) & 0xff);
  }
  const padding = buffer & ((1 << bits) - 1);
  return bits < 5 && padding === 0 ? Uint8Array.from(bytes) : null;
}

function toSymbols(bytes: Uint8Array): readonly number[] {
  const symbols: number[] = [];
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      symbols.push((buffer >>> bits) & 31);
    }
  }
  if (bits > 0) symbols.push((buffer << (5 - bits)) & 31);
  return symbols;
}

function malformed(detail: string): Result<never, Bech32Refusal> {
  return refused({ code: "BECH32_MALFORMED", detail });
}

function badChecksum(detail: string): Result<never, Bech32Refusal> {
  return refused({ code: "BECH32_CHECKSUM", detail });
}
