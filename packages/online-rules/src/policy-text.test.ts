// A policy as YAML: JSON is the same policy, and everything that YAML could do and a policy does not is refused by line and field.
import { describe, expect, it, test } from "vitest";
import { type ReadText, readPolicyText, sayFault } from "./policy-text.ts";

const SOUND = `# What a policy has to say at least.
accountWindows:
  - windowMs: 3600000
    maxMinor: "5000000" # satoshi
maxAmountMinor: "1000000"
newDestination: { aboveMinor: "0", delayMs: 60000 }
labels: []
behaviour:
  unusualAmount: { minPast: 5, deviations: 6, action: { approvals: 2 } }
`;

const read = (text: string) => readPolicyText(text, "regtest");
const faultsOf = (read: ReadText) => (read.ok ? [] : read.faults.map(sayFault));
const sha256Of = (text: string) => {
  const written = read(text);
  if (!written.ok) throw new Error(written.faults.map(sayFault).join("\n"));
  return written.value.sha256;
};

describe("a policy as YAML", () => {
  it("is read, with amounts as exact numbers", () => {
    const written = read(SOUND);
    expect(written.ok && written.value.policy.maxAmountMinor).toBe(1_000_000n);
    expect(written.ok && written.value.policy.accountWindows).toEqual([{ windowMs: 3_600_000, maxMinor: 5_000_000n }]);
  });

  it("is known by what it says: as JSON, in another order, with other comments it is the same", () => {
    const json = {
      ...{ labels: [], maxAmountMinor: "1000000", newDestination: { delayMs: 60_000, aboveMinor: "0" } },
      behaviour: { unusualAmount: { action: { approvals: 2 }, deviations: 6, minPast: 5 } },
      accountWindows: [{ maxMinor: "5000000", windowMs: 3_600_000 }],
    };
    expect(sha256Of(JSON.stringify(json))).toBe(sha256Of(SOUND));
    expect(sha256Of(`${SOUND}\n# more\n`)).toBe(sha256Of(SOUND));
    expect(sha256Of(SOUND.replace("60000", "60001"))).not.toBe(sha256Of(SOUND));
  });

  test.each<[string, string, string]>([
    [
      "an amount without quotes",
      SOUND.replace('"1000000"', "1000000"),
      "line 5: maxAmountMinor: is a number where text is asked for",
    ],
    [
      "an amount without quotes in one of two shapes",
      SOUND.replace('"0"', "0"),
      "line 6: newDestination.aboveMinor: is a number",
    ],
    [
      "an amount that is none",
      SOUND.replace('"5000000"', '"5e6"'),
      "line 4: accountWindows.0.maxMinor: is a whole number of minor",
    ],
    ["a name that is not known", `${SOUND}generosity: high\n`, "line 10: generosity: is not known here"],
    [
      "a name that is missing",
      SOUND.replace("labels: []\n", ""),
      "labels: Invalid input: expected array, received undefined",
    ],
    ["a name twice", `${SOUND}labels: []\n`, "line 10: labels: is there twice"],
    [
      "a name twice further inside",
      SOUND.replace('"0"', '"0", "aboveMinor": "1"'),
      "newDestination.aboveMinor: is there twice",
    ],
    ["an anchor", SOUND.replace("labels: []", "labels: &none []"), "line 7: labels: has an anchor"],
    ["a reference", SOUND.replace("labels: []", "labels: &none []\nshadow: *none"), "shadow: is a reference"],
    ["a merge of YAML 1.1", `${SOUND}<<: { zone: {} }\n`, "<<: is not known here"],
    ["a tag", SOUND.replace("labels: []", "labels: !!seq []"), "labels: has a tag"],
    ["a tag of its own", SOUND.replace("labels: []", "labels: !run []"), "(TAG_RESOLVE_FAILED)"],
    ["a directive", `%YAML 1.1\n---\n${SOUND}`, "has a %YAML directive"],
    ["two documents", `${SOUND}---\n${SOUND}`, "(MULTIPLE_DOCS)"],
    ["yes, which is text in YAML 1.2", SOUND.replace("approvals: 2", "approvals: yes"), "unusualAmount.action"],
    ["a name that is no text", SOUND.replace("labels: []", "labels: []\n? [a]\n: b"), "has a name that is no text"],
    ["a number as a name", `${SOUND}1: 2\n`, "has a name that is no text"],
    ["no end", '{ "labels": [', "is no YAML that is taken here"],
    ["a tab for a space", SOUND.replace("  - windowMs", "\t- windowMs"), "is no YAML that is taken here"],
    ["nothing", "", "Invalid input: expected object"],
    ["nothing but a comment", "# nothing\n", "Invalid input: expected object"],
    ["text", "policy", "Invalid input: expected object"],
    ["a number too large", SOUND.replace("3600000", "1e400"), "accountWindows.0.windowMs"],
    ["not a number", SOUND.replace("3600000", ".nan"), "accountWindows.0.windowMs"],
    ["a prototype", `${SOUND}__proto__: { zone: {} }\n`, "__proto__: is not known here"],
    [
      "an address of another network",
      SOUND.replace(
        "labels: []",
        "labels:\n  - { address: 1BoatSLRHtKNngkdXEeobR76b53LETtpyT, tier: grey, category: x, reason: y }",
      ),
      "line 8: labels.0.address: ADDRESS_WRONG_NETWORK",
    ],
    ["a rule that may not be in shadow", `${SOUND}shadow: [SUSPENDED]\n`, "shadow.0: is no rule that may be in shadow"],
  ])("is refused with %s", (_, text, fault) => {
    expect(faultsOf(read(text)).join("\n")).toContain(fault);
  });

  test.each<[string, string]>([
    ["lists in lists", "[".repeat(100_000)],
    ["closed lists in lists", `${"[".repeat(5_000)}${"]".repeat(5_000)}`],
    ["maps in maps", "a: {".repeat(20_000)],
    ["indented maps", Array.from({ length: 300 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n")],
    [
      "references to references",
      `a: &a [x]\n${Array.from({ length: 30 }, (_, n) => `b${n}: &b${n} [*a, *a]`).join("\n")}`,
    ],
    ["30,000 names", Array.from({ length: 30_000 }, (_, n) => `k${n}:`).join("\n")],
    ["quotes", '"'.repeat(10_000)],
    ["too much", " ".repeat(4 * 1024 * 1024 + 1)],
  ])("is refused, and soon, with %s", (_, text) => {
    expect(faultsOf(read(text)).length).toBeGreaterThan(0);
  });

  it("is refused with every fault at once", () => {
    const text = SOUND.replace('"1000000"', "1").replace(" 60000", ' "x"').replace("approvals: 2", "approvals: 99");
    expect(faultsOf(read(text)).map((fault) => fault.split(": ")[1])).toEqual(
      expect.arrayContaining(["maxAmountMinor", "newDestination.delayMs", "behaviour.unusualAmount.action.approvals"]),
    );
  });
});
