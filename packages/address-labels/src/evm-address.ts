// Addresses of EVM chains: 20 bytes in hexadecimal, with the checksum in the case of the letters (EIP-55).
import { keccak_256 } from "@noble/hashes/sha3.js";
import { ok, type Result, refused } from "@sluice/core";

export type EvmRefusal = { readonly code: "ADDRESS_MALFORMED" | "ADDRESS_CHECKSUM"; readonly detail: string };

/** All lower or all upper case carries no checksum and is accepted as EIP-55 says; mixed case has to be right. */
export function parseEvmAddress(address: string): Result<Uint8Array, EvmRefusal> {
  const digits = /^0x([0-9a-fA-F]{40})$/.exec(address)?.[1];
  if (digits === undefined) return refused({ code: "ADDRESS_MALFORMED", detail: "this is not 0x and 40 digits" });
  const lower = digits.toLowerCase();
  const isPlain = digits === lower || digits === digits.toUpperCase();
  if (!isPlain && checksummed(lower) !== digits) {
    return refused({ code: "ADDRESS_CHECKSUM", detail: "the checksum in its letters does not match (EIP-55)" });
  }
  return ok(Uint8Array.from(Buffer.from(lower, "hex")));
}

export function evmAddressOf(bytes: Uint8Array): string {
  return `0x${checksummed(Buffer.from(bytes).toString("hex"))}`;
}

function checksummed(lower: string): string {
  const hash = Buffer.from(keccak_256(Buffer.from(lower, "ascii"))).toString("hex");
  return [...lower]
    .map((digit, at) => (Number.parseInt(hash[at] ?? "0", 16) >= 8 ? digit.toUpperCase() : digit))
    .join("");
}
