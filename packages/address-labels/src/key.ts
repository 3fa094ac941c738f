// One address, one key, in however many spellings it comes: what the store is ordered by.
import { hash } from "node:crypto";
import { type BitcoinNetwork, parseAddress } from "@sluice/chains";
import { ok, type Result, refused } from "@sluice/core";
import { parseEvmAddress } from "./evm-address.ts";

/**
 * 192 bits of SHA-256 over the chain's name, a zero byte and the canonical bytes of the address. Two addresses with one key
 * would be a collision of these 192 bits (2^96 work), so an equal key is an equal address and the store's answer is exact.
 */
export type LabelKey = Uint32Array;

export const KEY_WORDS = 6;

export type KeyRefusal = {
  readonly code:
    | "CHAIN_UNKNOWN"
    | "ADDRESS_MALFORMED"
    | "ADDRESS_CHECKSUM"
    | "ADDRESS_WRONG_NETWORK"
    | "ADDRESS_UNSUPPORTED";
  readonly detail: string;
};

const BITCOIN: Readonly<Record<string, BitcoinNetwork>> = {
  bitcoin: "mainnet",
  "bitcoin-testnet": "testnet",
  "bitcoin-signet": "signet",
  "bitcoin-regtest": "regtest",
};

/** A label of `evm` is about whoever has the key of an address, on all of these chains. */
export const EVM = "evm";
export const EVM_CHAINS: readonly string[] = [
  ...["ethereum", "ethereum-classic", "arbitrum", "avalanche", "base", "bsc", "linea", "optimism", "polygon", "zksync"],
];
const EVM_NAMES: ReadonlySet<string> = new Set([EVM, ...EVM_CHAINS]);

export const chainOfNetwork = (network: BitcoinNetwork): string =>
  network === "mainnet" ? "bitcoin" : `bitcoin-${network}`;

/** The bytes by which an address is known on its chain: a Bitcoin script, 20 bytes of an EVM chain, else its text as it is. */
export function canonicalAddress(chain: string, address: string): Result<Uint8Array, KeyRefusal> {
  if (!/^[a-z0-9][a-z0-9-]{0,31}$/.test(chain)) {
    return refused({ code: "CHAIN_UNKNOWN", detail: "a chain's name is 1 to 32 of a-z 0-9 -" });
  }
  const network = BITCOIN[chain];
  if (network !== undefined) {
    const parsed = parseAddress(network, address);
    return parsed.ok ? ok(parsed.value.scriptPubKey) : parsed;
  }
  if (EVM_NAMES.has(chain)) return parseEvmAddress(address);
  if (!/^[\x21-\x7e]{1,128}$/.test(address)) {
    return refused({ code: "ADDRESS_MALFORMED", detail: "this is not 1 to 128 printable characters without a space" });
  }
  return ok(Buffer.from(address, "ascii"));
}

const scratch = Buffer.alloc(512);

export function keyOf(chain: string, canonical: Uint8Array): LabelKey {
  const prefix = scratch.write(chain, "latin1");
  scratch[prefix] = 0;
  scratch.set(canonical, prefix + 1);
  // A text of one character a byte comes out five times as fast as a buffer.
  const digest = hash("sha256", scratch.subarray(0, prefix + 1 + canonical.length), "binary");
  const key = new Uint32Array(KEY_WORDS);
  for (let word = 0; word < KEY_WORDS; word += 1) {
    const at = word * 4;
    key[word] =
      digest.charCodeAt(at) |
      (digest.charCodeAt(at + 1) << 8) |
      (digest.charCodeAt(at + 2) << 16) |
      (digest.charCodeAt(at + 3) << 24);
  }
  return key;
}

/** Under which an address may be labelled: its own chain's key and, on an EVM chain, that of all of them. */
export function keysFor(chain: string, canonical: Uint8Array): readonly LabelKey[] {
  const own = keyOf(chain, canonical);
  return EVM_NAMES.has(chain) && chain !== EVM ? [own, keyOf(EVM, canonical)] : [own];
}
