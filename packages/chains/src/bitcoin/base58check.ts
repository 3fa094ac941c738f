// Base58Check: bytes with four checksum bytes, in an alphabet without look-alikes.
import { ok, type Result, refused } from "@sluice/core";
import { hash256 } from "./hashing.ts";
import { concatBytes, equalBytes } from "./wire.ts";

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const CHECKSUM_BYTES = 4;
/** An extended key has 111 characters. The conversion's time grows with the square of the length, hence the bound. */
const MAX_CHARACTERS = 120;

export type Base58Refusal = { readonly code: "BASE58_MALFORMED" | "BASE58_CHECKSUM" };

/** The payload without its checksum. */
export function decodeBase58Check(text: string): Result<Uint8Array, Base58Refusal> {
  if (text.length === 0 || text.length > MAX_CHARACTERS) return refused({ code: "BASE58_MALFORMED" });
  const bytes = decodeBase58(text);
  if (bytes === null || bytes.length <= CHECKSUM_BYTES) return refused({ code: "BASE58_MALFORMED" });
  const payload = bytes.slice(0, -CHECKSUM_BYTES);
  const checksum = hash256(payload).subarray(0, CHECKSUM_BYTES);
  return equalBytes(checksum, bytes.subarray(-CHECKSUM_BYTES)) ? ok(payload) : refused({ code: "BASE58_CHECKSUM" });
}

export function encodeBase58Check(payload: Uint8Array): string {
  const bytes = concatBytes(payload, hash256(payload).subarray(0, CHECKSUM_BYTES));
  let digits = "";
  for (let rest = BigInt(`0x0${Buffer.from(bytes).toString("hex")}`); rest > 0n; rest /= 58n) {
    digits = ALPHABET.charAt(Number(rest % 58n)) + digits;
  }
  return "1".repeat(leading(bytes, 0)) + digits;
}

function decodeBase58(text: string): Uint8Array | null {
  let value = 0n;
  for (const character of text) {
    const digit = ALPHABET.indexOf(character);
    if (digit < 0) return null;
    value = value * 58n + BigInt(digit);
  }
  const zeros = text.length - text.replace(/^1+/, "").length;
  const hex = value === 0n ? "" : value.toString(16);
  const digits = Uint8Array.from(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex"));
  return concatBytes(new Uint8Array(zeros), digits);
}

function leading(bytes: Uint8Array, value: number): number {
  const first = bytes.findIndex((byte) => byte !== value);
  return first < 0 ? bytes.length : first;
}
