// Addresses on the published vectors, against a second implementation, and with each refusal's code.
import { networks, address as oracle } from "bitcoinjs-lib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import bip067 from "../../test/vectors/bip067.json" with { type: "json" };
import segwit from "../../test/vectors/segwit-addresses.json" with { type: "json" };
import { addressOf, parseAddress } from "./address.ts";
import { encodeBase58Check } from "./base58check.ts";
import { decodeSegwit, encodeSegwit } from "./bech32.ts";
import { hash160 } from "./hashing.ts";
import type { BitcoinNetwork } from "./network.ts";
import { type ScriptType, standardScript } from "./script.ts";
import { concatBytes, fromHex, toHex } from "./wire.ts";

const ORACLE_NETWORKS = {
  mainnet: networks.bitcoin,
  testnet: networks.testnet,
  signet: networks.testnet,
  regtest: networks.regtest,
};
const NETWORK_NAMES = Object.keys(ORACLE_NETWORKS) as readonly BitcoinNetwork[];

describe("segwit addresses (BIP173, BIP350)", () => {
  it.each(segwit.valid)("$address is read", ({ address, network, script, type }) => {
    const decoded = decodeSegwit(address);
    if (!decoded.ok) throw new Error(decoded.refusal.detail);
    const { version, program } = decoded.value;
    const opcode = version === 0 ? 0 : 0x50 + version;
    expect(toHex(concatBytes(Uint8Array.of(opcode, program.length), program))).toBe(script);
    expect(encodeSegwit(decoded.value)).toBe(address.toLowerCase());

    const parsed = parseAddress(network as BitcoinNetwork, address);
    if (type === null) {
      expect(parsed).toMatchObject({ ok: false, refusal: { code: "ADDRESS_UNSUPPORTED" } });
    } else {
      expect(parsed).toEqual({ ok: true, value: { scriptPubKey: fromHex(script), type } });
      expect(addressOf(network as BitcoinNetwork, fromHex(script))).toBe(address.toLowerCase());
    }
  });

  it.each(segwit.invalid)("$address is refused: $reason", ({ address, code }) => {
    for (const network of NETWORK_NAMES) {
      expect(parseAddress(network, address)).toMatchObject({ ok: false, refusal: { code } });
    }
  });

  it("detects any change of one to four characters", () => {
    const address = "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry";
    expect(parseAddress("regtest", address).ok).toBe(true);
    const changes = fc.uniqueArray(
      fc.tuple(fc.integer({ min: 5, max: address.length - 1 }), fc.integer({ min: 1, max: 31 })),
      {
        selector: ([at]) => at,
        minLength: 1,
        maxLength: 4,
      },
    );
    const alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    fc.assert(
      fc.property(changes, (list) => {
        const characters = Array.from(address);
        for (const [at, shift] of list) {
          characters[at] = alphabet.charAt((alphabet.indexOf(characters[at] ?? "") + shift) % 32);
        }
        expect(parseAddress("regtest", characters.join(""))).toMatchObject({
          ok: false,
          refusal: { code: "ADDRESS_CHECKSUM" },
        });
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("every standard type on every network", () => {
  const types: readonly ScriptType[] = ["p2pkh", "p2sh", "p2wpkh", "p2wsh"];

  it("has the address that the second implementation gives it, and is read back from it", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...NETWORK_NAMES),
        fc.constantFrom(...types),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        (network, type, bytes) => {
          const script = standardScript(type, type === "p2wsh" ? bytes : hash160(bytes));
          const address = oracle.fromOutputScript(script, ORACLE_NETWORKS[network]);
          expect(addressOf(network, script)).toBe(address);
          expect(parseAddress(network, address)).toEqual({ ok: true, value: { scriptPubKey: script, type } });
        },
      ),
    );
  });

  it.each(bip067.vectors)("the P2SH address $address of BIP67 is read and written", ({ address, script }) => {
    const scriptPubKey = standardScript("p2sh", hash160(fromHex(script)));
    expect(parseAddress("mainnet", address)).toEqual({ ok: true, value: { scriptPubKey, type: "p2sh" } });
    expect(addressOf("mainnet", scriptPubKey)).toBe(address);
  });

  it("is refused on the networks of others, by name", () => {
    const script = standardScript("p2wpkh", new Uint8Array(20));
    const legacy = standardScript("p2pkh", new Uint8Array(20));
    for (const home of NETWORK_NAMES) {
      for (const abroad of NETWORK_NAMES) {
        const verdict = (address: string | null) => {
          const parsed = parseAddress(abroad, address ?? "");
          return parsed.ok ? "ok" : parsed.refusal.code;
        };
        const sameHrp = addressOf(home, script)?.startsWith(
          `${{ mainnet: "bc", testnet: "tb", signet: "tb", regtest: "bcrt" }[abroad]}1`,
        );
        expect(verdict(addressOf(home, script))).toBe(sameHrp ? "ok" : "ADDRESS_WRONG_NETWORK");
        const sameBase = (home === "mainnet") === (abroad === "mainnet");
        expect(verdict(addressOf(home, legacy))).toBe(sameBase ? "ok" : "ADDRESS_WRONG_NETWORK");
      }
    }
  });
});

describe("what is no address", () => {
  const wif = encodeBase58Check(concatBytes(Uint8Array.of(0xef), new Uint8Array(32).fill(7), Uint8Array.of(1)));
  const genesis = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa";

  it.each([
    ["", "ADDRESS_MALFORMED", "nothing"],
    ["not an address", "ADDRESS_MALFORMED", "words"],
    ["0x52908400098527886E0F7030069857D2E4169EE7", "ADDRESS_MALFORMED", "another chain's form"],
    [`${genesis} `, "ADDRESS_MALFORMED", "a blank behind it"],
    [`${genesis.slice(0, -1)}b`, "ADDRESS_CHECKSUM", "a changed last character"],
    [genesis.slice(0, -1), "ADDRESS_CHECKSUM", "a missing last character"],
    [
      encodeBase58Check(concatBytes(Uint8Array.of(0x30), new Uint8Array(20))),
      "ADDRESS_UNSUPPORTED",
      "another chain's version",
    ],
    [wif, "ADDRESS_UNSUPPORTED", "a private key"],
    ["1".repeat(34), "ADDRESS_CHECKSUM", "zeros"],
    ["1".repeat(5_000), "ADDRESS_MALFORMED", "far too long"],
    ["BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7\u212aV8F3T4", "ADDRESS_MALFORMED", "a character that lower-cases to k"],
    [
      encodeSegwit({ hrp: "bc", version: 1, program: new Uint8Array(32).fill(0xff) }),
      "ADDRESS_UNSUPPORTED",
      "a taproot key off the curve",
    ],
    [
      encodeSegwit({ hrp: "bc", version: 1, program: Uint8Array.of(0x4e, 0x73) }),
      "ADDRESS_UNSUPPORTED",
      "pay to anchor",
    ],
  ])("%s is refused with %s: %s", (address, code) => {
    expect(parseAddress("mainnet", address)).toMatchObject({ ok: false, refusal: { code } });
  });

  it("is not repeated in the refusal", () => {
    const parsed = parseAddress("regtest", wif);
    expect(JSON.stringify(parsed)).not.toContain(wif.slice(0, 8));
  });

  it("never makes the parser throw", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 130 }),
        fc.constantFrom("", "bc1", "tb1", "bcrt1", "1", "m"),
        (text, head) => {
          expect(parseAddress("regtest", head + text).ok).toBe(false);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
