// Keys: one for all spellings of an address, another for every other address and chain, and no key for what is no address.
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalAddress, EVM, EVM_CHAINS, evmAddressOf, keyOf, keysFor, parseEvmAddress } from "./index.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
function canonical(chain: string, address: string): string {
  const read = canonicalAddress(chain, address);
  return read.ok ? hex(read.value) : read.refusal.code;
}

/** Both are from BIP173: one script, in lower and in upper case. */
const SEGWIT = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
const SCRIPT = "0014751e76e8199196d454941c45d1b3a323f1433bd6";

describe("canonical addresses", () => {
  it.each([
    ["bitcoin", SEGWIT, SCRIPT],
    ["bitcoin", SEGWIT.toUpperCase(), SCRIPT],
    ["bitcoin-testnet", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", SCRIPT],
    // The genesis block's, in Base58Check.
    ["bitcoin", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac"],
    ["bitcoin", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "ADDRESS_CHECKSUM"],
    ["bitcoin-regtest", SEGWIT, "ADDRESS_WRONG_NETWORK"],
    ["ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"],
    ["ethereum", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"],
    ["ethereum", "0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED", "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"],
    ["ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "ADDRESS_CHECKSUM"],
    ["ethereum", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "ADDRESS_MALFORMED"],
    ["ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed0", "ADDRESS_MALFORMED"],
    // Text as it is: the case of Base58 says something.
    ["tron", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", hex(Buffer.from("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"))],
    ["tron", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t ", "ADDRESS_MALFORMED"],
    ["tron", "", "ADDRESS_MALFORMED"],
    ["tron", "x".repeat(129), "ADDRESS_MALFORMED"],
    ["Tron", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "CHAIN_UNKNOWN"],
    ["", "x", "CHAIN_UNKNOWN"],
  ])("%s %s: %s", (chain, address, expected) => expect(canonical(chain, address)).toBe(expected));

  /** The test cases of EIP-55. */
  it.each([
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
  ])("EIP-55: %s", (address) => {
    const read = parseEvmAddress(address);
    if (!read.ok) return expect.unreachable(read.refusal.code);
    return expect(evmAddressOf(read.value)).toBe(address);
  });

  it("an EVM address with any one letter in the other case is refused, unless all are alike then", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), fc.nat(39), (bytes, at) => {
        const address = evmAddressOf(bytes);
        expect(canonical("ethereum", address)).toBe(hex(bytes));
        const letter = address[at + 2] ?? "";
        const other = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
        const changed = `${address.slice(0, at + 2)}${other}${address.slice(at + 3)}`;
        const isPlain = [changed.slice(2).toLowerCase(), changed.slice(2).toUpperCase()].includes(changed.slice(2));
        expect(canonical("ethereum", changed)).toBe(changed === address || isPlain ? hex(bytes) : "ADDRESS_CHECKSUM");
      }),
    );
  });
});

describe("keys", () => {
  it("are the first 192 bits of SHA-256 over chain, zero and canonical bytes", () => {
    fc.assert(
      fc.property(fc.constantFrom("bitcoin", "evm", "tron"), fc.uint8Array({ maxLength: 128 }), (chain, bytes) => {
        const expected = createHash("sha256").update(`${chain}\0`).update(bytes).digest("hex").slice(0, 48);
        expect(hex(new Uint8Array(keyOf(chain, bytes).buffer))).toBe(expected);
      }),
    );
  });

  it("an EVM chain's address is also asked for among those of all EVM chains, any other's only once", () => {
    const bytes = new Uint8Array(20).fill(7);
    for (const chain of EVM_CHAINS) expect(keysFor(chain, bytes)).toEqual([keyOf(chain, bytes), keyOf(EVM, bytes)]);
    expect(keysFor("bitcoin", bytes)).toEqual([keyOf("bitcoin", bytes)]);
    expect(keysFor(EVM, bytes)).toEqual([keyOf(EVM, bytes)]);
  });
});
