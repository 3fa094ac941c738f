// Descriptors: checksums of BIP380, the wallet's form, and each refusal's code.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeHolder, makeTestWallet } from "../../test/holders.ts";
import descriptors from "../../test/vectors/descriptors.json" with { type: "json" };
import { parseDescriptor, walletDescriptor } from "./descriptor.ts";
import { descriptorChecksum } from "./descriptor-checksum.ts";
import { xpubFromPublicKey } from "./xpub.ts";

const { wallet, holders } = makeTestWallet("descriptor");
const [a, b, c] = holders;
const expression = ({ fingerprint, path, xpub }: typeof a) => `[${fingerprint}/${path}]${xpub}/<0;1>/*`;
const script = `wsh(sortedmulti(2,${holders.map(expression).join(",")}))`;
const sealed = (text: string) => `${text}#${descriptorChecksum(text)}`;
const codeOf = (text: string, network: "regtest" | "mainnet" = "regtest") => {
  const parsed = parseDescriptor(text, network);
  return parsed.ok ? "ok" : parsed.refusal.code;
};

describe("the checksum (BIP380)", () => {
  it("is the published one", () => {
    const [text = "", checksum = ""] = descriptors.checksum.valid.split("#");
    expect(descriptorChecksum(text)).toBe(checksum);
  });

  it.each(descriptors.checksum.invalid)("$name: $text is refused for its checksum or characters", ({ text }) => {
    expect(["DESCRIPTOR_CHECKSUM_MISSING", "DESCRIPTOR_CHECKSUM", "DESCRIPTOR_CHARACTER"]).toContain(codeOf(text));
  });

  it("changes with every change of one character", () => {
    const [text = "", checksum] = wallet.descriptor.split("#");
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.constantFrom(..."0123456789abcdefghxyzABC/<>;[]()*,"),
        (at, character) => {
          const changed = text.slice(0, at) + character + text.slice(at + 1);
          expect(descriptorChecksum(changed) === checksum).toBe(changed === text);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe("the wallet's descriptor", () => {
  it("is read to its three holders and written in one spelling", () => {
    expect(wallet.holders.map(({ fingerprint }) => fingerprint)).toEqual(holders.map(({ fingerprint }) => fingerprint));
    expect(wallet.holders[0].path).toEqual([0x8000_0030, 0x8000_0001, 0x8000_0000, 0x8000_0002]);
    expect(wallet.descriptor).toBe(sealed(script));
    const apostrophes = sealed(script.replaceAll("h/", "'/").replaceAll("h]", "']"));
    const parsed = parseDescriptor(apostrophes, "regtest");
    expect(parsed.ok && parsed.value.descriptor).toBe(sealed(script));
  });

  it("is made from what three holders contribute, with or without m/ in front of the path", () => {
    const written = walletDescriptor("regtest", [a, b, { ...c, path: `m/${c.path}` }]);
    expect(written).toBe(wallet.descriptor);
    expect(() => walletDescriptor("mainnet", [a, b, c])).toThrow("mainnet");
    expect(() => walletDescriptor("regtest", [a, b, a])).toThrow("same key");
  });

  const stranger = makeHolder("stranger", "regtest");
  const main = makeHolder("stranger", "mainnet");
  const { xpub } = descriptors.keys;
  const keyed = (third: string) => sealed(`wsh(sortedmulti(2,${expression(a)},${expression(b)},${third}))`);
  const xprv =
    "tprv8ZgxMBicQKsPd7Uf69XL1XwhmjHopUGep8GuEiJDZmbQz6o58LninorQAfcKZWARbtRtfnLcJ5MQ2AtHcQJCCRUcMRvmDUjyEmNUWwx8UbK";
  const shallow = xpubFromPublicKey({
    network: "regtest",
    depth: 3,
    parentFingerprint: "01020304",
    childNumber: 0x8000_0002,
    chainCode: wallet.holders[2].chainCode,
    publicKey: wallet.holders[2].publicKey,
  });

  it.each([
    ["no checksum", script, "DESCRIPTOR_CHECKSUM_MISSING"],
    [
      "another wallet's checksum",
      `${script}#${sealed(script.replace("2,", "1,")).split("#")[1]}`,
      "DESCRIPTOR_CHECKSUM",
    ],
    ["a character outside the alphabet", `${script}é#aaaaaaaa`, "DESCRIPTOR_CHARACTER"],
    ["a checksum in upper case", sealed(script).replace(/#.*/, (sum) => sum.toUpperCase()), "DESCRIPTOR_CHECKSUM"],
    ["multi instead of sortedmulti", sealed(script.replace("sortedmulti", "multi")), "DESCRIPTOR_SHAPE"],
    ["sh around it", sealed(`sh(${script})`), "DESCRIPTOR_SHAPE"],
    ["something behind it", sealed(`${script} `), "DESCRIPTOR_SHAPE"],
    ["far too long", sealed(script + "a".repeat(5_000)), "DESCRIPTOR_SHAPE"],
    ["one signature", sealed(script.replace("(2,", "(1,")), "DESCRIPTOR_THRESHOLD"],
    ["three signatures", sealed(script.replace("(2,", "(3,")), "DESCRIPTOR_THRESHOLD"],
    ["two written 02", sealed(script.replace("(2,", "(02,")), "DESCRIPTOR_THRESHOLD"],
    ["two keys", sealed(`wsh(sortedmulti(2,${expression(a)},${expression(b)}))`), "DESCRIPTOR_KEY_COUNT"],
    ["four keys", keyed(`${expression(c)},${expression(stranger)}`), "DESCRIPTOR_KEY_COUNT"],
    ["a key without origin", keyed(`${c.xpub}/<0;1>/*`), "DESCRIPTOR_KEY_ORIGIN"],
    ["a step of 2^31", keyed(expression({ ...c, path: "48h/1h/0h/2147483648" })), "DESCRIPTOR_KEY_ORIGIN"],
    ["no branches", keyed(`[${c.fingerprint}/${c.path}]${c.xpub}`), "DESCRIPTOR_KEY_BRANCHES"],
    ["swapped branches", keyed(expression(c).replace("<0;1>", "<1;0>")), "DESCRIPTOR_KEY_BRANCHES"],
    ["three branches", keyed(expression(c).replace("<0;1>", "<0;1;2>")), "DESCRIPTOR_KEY_BRANCHES"],
    ["one branch", keyed(expression(c).replace("<0;1>", "0")), "DESCRIPTOR_KEY_BRANCHES"],
    ["hardened children", keyed(`${expression(c)}h`), "DESCRIPTOR_KEY_BRANCHES"],
    ["a private key", keyed(`[${c.fingerprint}]${xprv}/<0;1>/*`), "DESCRIPTOR_KEY_PRIVATE"],
    ["another network's key", keyed(expression(main)), "DESCRIPTOR_KEY_NETWORK"],
    ["a mistyped key", keyed(expression({ ...c, xpub: `${c.xpub.slice(0, -1)}1` })), "DESCRIPTOR_KEY_MALFORMED"],
    ["a key of another depth", keyed(expression({ ...c, xpub: shallow })), "DESCRIPTOR_KEY_DEPTH"],
    ["a key of another number", keyed(expression({ ...c, path: "48h/1h/0h/1h" })), "DESCRIPTOR_KEY_DEPTH"],
    ["a master key under another fingerprint", keyed(`[00000000]${masterXpub()}/<0;1>/*`), "DESCRIPTOR_KEY_DEPTH"],
    ["one key twice", keyed(expression(a)), "DESCRIPTOR_KEY_DUPLICATE"],
    ["one fingerprint twice", keyed(expression({ ...c, fingerprint: a.fingerprint })), "DESCRIPTOR_KEY_DUPLICATE"],
  ])("is refused with %s", (_, text, code) => {
    expect(codeOf(sealed(script))).toBe("ok");
    expect(codeOf(text)).toBe(code);
  });

  it("does not repeat a private key in its refusal", () => {
    expect(JSON.stringify(parseDescriptor(keyed(`[${c.fingerprint}]${xprv}/<0;1>/*`), "regtest"))).not.toContain(
      "tprv",
    );
  });

  it.each(descriptors.keys.invalidOrigins)("is refused with the origin %s of BIP380", (origin) => {
    expect(codeOf(keyed(`${origin}${xpub}/<0;1>/*`))).toBe("DESCRIPTOR_KEY_ORIGIN");
  });

  it.each(descriptors.keys.invalidBranches)("is refused with the branches %s of BIP389", (branches) => {
    expect(codeOf(keyed(`[${c.fingerprint}/${c.path}]${c.xpub}${branches}`))).toBe("DESCRIPTOR_KEY_BRANCHES");
  });
});

function masterXpub(): string {
  const { publicKey, chainCode } = wallet.holders[2];
  return xpubFromPublicKey({
    network: "regtest",
    depth: 0,
    parentFingerprint: "00000000",
    childNumber: 0,
    chainCode,
    publicKey,
  });
}
