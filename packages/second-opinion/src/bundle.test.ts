// Bundles: what is taken, every refusal in its order, and that no changed byte gets in.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  BUNDLE_MAX_BYTES,
  type Bundle,
  bundleSignersSchema,
  makeBundle,
  openBundle,
  readUnsealed,
  sealBundle,
} from "./bundle.ts";
import { judgeSuccession } from "./bundle-order.ts";
import { BUNDLE_REFUSALS } from "./bundle-refusals.ts";
import {
  type BundleParts,
  bundleContent,
  makeApprover,
  makeOffice,
  makeSeals,
  sealAll,
  sealedBundle,
} from "./fixtures.ts";
import { signDecision, verifyDecision } from "./people.ts";
import { registryTrust } from "./registry.ts";

const NOW_MS = 1_700_000_000_000;
const seals = makeSeals();
const office = makeOffice();
const around = { signers: office.signers, network: "regtest" } as const;
const made = (parts: BundleParts = {}) => sealedBundle(seals, office, { madeAtMs: NOW_MS, ...parts });
const good = made();

function opened(bytes: Uint8Array): Bundle {
  const bundle = openBundle(bytes, around);
  if (!bundle.ok) throw new Error(bundle.refusal.detail);
  return bundle.value;
}

/** What its next version is, and every way in which one is not. */
function offered(parts: BundleParts, inForce: Bundle | null): string {
  const bundle = openBundle(made(parts), around);
  if (!bundle.ok) return bundle.refusal.code;
  const succession = judgeSuccession(bundle.value, inForce, NOW_MS);
  return succession.kind === "refused" ? succession.refusal.code : succession.kind;
}

const raw = (content: string | Uint8Array, count = 2): Uint8Array => {
  const head = Buffer.from(`{"format":"sluice-bundle-v1","signatures":[]}\n`);
  return sealAll(Buffer.concat([head, Buffer.from(content)]), office, count);
};
const contentText = (parts: BundleParts = {}) =>
  JSON.stringify(bundleContent(seals, office, { madeAtMs: NOW_MS, ...parts }));
const foreign = () => sealAll(makeBundle(bundleContent(seals, office)), makeOffice(), 2);
const stranger = () => {
  const other = makeOffice();
  const keys = other.keys.map((key) => ({ ...key, keyId: `stranger-${key.keyId}` }));
  return sealAll(makeBundle(bundleContent(seals, office)), { ...other, keys }, 1);
};

describe("a bundle", () => {
  test("is read into what the zone judges by", () => {
    const bundle = opened(good);
    expect(bundle).toMatchObject({ version: 1, previousSha256: "", madeAtMs: NOW_MS });
    expect(bundle.signedBy).toEqual(["bundle-signer-1", "bundle-signer-2"]);
    expect(bundle.policy.maxPaymentSat).toBe(500_000n);
    expect(judgeSuccession(bundle, null, NOW_MS)).toEqual({ kind: "accepted" });
    expect(readUnsealed(makeBundle(bundleContent(seals, office))).ok).toBe(true);
  });

  test("has the same hash whoever of the signers sealed it, and a second seal of one counts once", () => {
    const [first, second, third] = office.keys;
    const unsealed = makeBundle(bundleContent(seals, office, { madeAtMs: NOW_MS }));
    const by = (...keys: readonly ((typeof office.keys)[0] | undefined)[]) =>
      keys.reduce((bytes, key) => {
        const sealed = key === undefined ? undefined : sealBundle(bytes, key);
        if (sealed?.ok !== true) throw new Error("not sealed");
        return sealed.value;
      }, unsealed);
    expect(opened(by(third, second)).sha256).toBe(opened(by(first, second, third)).sha256);
    expect(openBundle(by(first, first), around)).toMatchObject({ refusal: { code: "BUNDLE_SIGNERS_TOO_FEW" } });
  });

  const label = { address: "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", tier: "black", category: "c", reason: "r" };
  test.each<[string, () => Uint8Array]>([
    ["BUNDLE_TOO_LARGE", () => new Uint8Array(BUNDLE_MAX_BYTES + 1)],
    ["BUNDLE_MALFORMED", () => Buffer.from("no bundle")],
    ["BUNDLE_MALFORMED", () => Buffer.from("{}\n{}")],
    ["BUNDLE_MALFORMED", () => Buffer.concat([Buffer.from(" "), good])],
    ["BUNDLE_MALFORMED", () => Buffer.from(Buffer.from(good).toString("latin1").replace("{", '{"more":1,'), "latin1")],
    ["BUNDLE_SIGNER_UNKNOWN", stranger],
    ["BUNDLE_SEAL_WRONG", foreign],
    ["BUNDLE_SEAL_WRONG", () => Buffer.concat([good, Buffer.from(" ")])],
    ["BUNDLE_SIGNERS_TOO_FEW", () => made({ sealedBy: 0 })],
    ["BUNDLE_SIGNERS_TOO_FEW", () => made({ sealedBy: 1 })],
    ["BUNDLE_MALFORMED", () => raw("no JSON")],
    ["BUNDLE_MALFORMED", () => raw(Buffer.of(0xff))],
    ["BUNDLE_MALFORMED", () => raw(contentText().replace("{", '{"version":7,'))],
    ["BUNDLE_MALFORMED", () => raw(contentText().replace(":", ": "))],
    ["BUNDLE_CONTENT_INVALID", () => raw("{}")],
    ["BUNDLE_CONTENT_INVALID", () => raw(contentText({ changes: { more: 1 } }))],
    ["BUNDLE_CONTENT_INVALID", () => made({ policy: { labels: [label] } })],
    ["BUNDLE_CONTENT_INVALID", () => raw(contentText({ changes: { keys: [] } }))],
    ["BUNDLE_CONTENT_INVALID", () => made({ changes: { people: twice(office.carol.publicKey) } })],
    [
      "BUNDLE_CONTENT_INVALID",
      () => raw(contentText({ policy: { approvalTiers: [{ aboveSat: "1", approvals: 2 }] } })),
    ],
    ["BUNDLE_CONTENT_INVALID", () => approvable({ approvals: 3 })],
    ["BUNDLE_CONTENT_INVALID", () => approvable({}, { keyId: "exchange-backend-1" })],
    ["BUNDLE_CONTENT_INVALID", () => approvable({}, { publicKey: seals.file[0]?.publicKey ?? "" })],
    ["BUNDLE_FOR_OTHER_NETWORK", () => made({ changes: { network: "mainnet" } })],
  ])("is refused with %s", (code, bytes) => {
    expect(openBundle(bytes(), around)).toMatchObject({ ok: false, refusal: { code } });
  });

  test("lists who approves, also those whose key is revoked by now; without tiers nobody has to", () => {
    expect(opened(good).policy.approvals).toEqual({ tiers: [], approvers: new Map() });
    const { approvals } = opened(approvable({}, { revoked: true })).policy;
    expect(approvals.tiers).toEqual([{ aboveSat: 1n, approvals: 2 }]);
    expect([...approvals.approvers.values()].map(({ person, revoked }) => [person, revoked])).toEqual([
      ["ann", undefined],
      ["bob", true],
    ]);
  });

  test.each<[string, BundleParts]>([
    ["accepted", { version: 2 }],
    ["known", {}],
    ["BUNDLE_FROM_FUTURE", { version: 2, madeAtMs: NOW_MS + 600_001 }],
    ["BUNDLE_VERSION_LOWER", { version: 1, madeAtMs: NOW_MS - 1 }],
    ["BUNDLE_VERSION_GAP", { version: 3 }],
    ["BUNDLE_PREVIOUS_OTHER", { version: 2, previousSha256: "ab".repeat(32) }],
    ["BUNDLE_PREVIOUS_OTHER", { version: 2, previousSha256: "" }],
    ["BUNDLE_KEY_DROPPED", { version: 2, changes: { keys: bundleContent(seals, office).keys.slice(1) } }],
  ])("after the first one is %s", (outcome, parts) => {
    const inForce = opened(good);
    const previousSha256 = parts.version === undefined ? "" : inForce.sha256;
    expect(offered({ previousSha256, ...parts }, inForce)).toBe(outcome);
  });

  test("is the first only with version 1 and no hash", () => {
    expect(offered({ version: 2, previousSha256: "ab".repeat(32) }, null)).toBe("BUNDLE_VERSION_GAP");
    expect(offered({ previousSha256: "ab".repeat(32) }, null)).toBe("BUNDLE_PREVIOUS_OTHER");
  });

  test("is never taken with a byte changed, and no bytes make it throw", () => {
    let refused = 0;
    let wellFormed = 0;
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bytes = Uint8Array.from(good);
        bytes[at] = (bytes[at] ?? 0) ^ flip;
        expect(openBundle(bytes, around).ok).toBe(false);
        refused += 1;
        if (readUnsealed(bytes).ok) wellFormed += 1;
      }),
      { numRuns: 1_000 },
    );
    process.stderr.write(`bundles: ${refused} changed bytes refused, ${wellFormed} of them by a seal alone\n`);
    expect(refused).toBe(1_000);
    // Without seals these would have come in.
    expect(wellFormed).toBeGreaterThan(10);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => !openBundle(bytes, around).ok));
  });

  test("has one form of each seal: no bit that says nothing is set", () => {
    const text = Buffer.from(good).toString("latin1");
    const padded = /[AQgw]==/.exec(text);
    if (padded === null) throw new Error("a signature ends in two signs of padding");
    const other = Uint8Array.from(good);
    // The digit after this one has the same two bits that count.
    other[padded.index] = (other[padded.index] ?? 0) + 1;
    expect(openBundle(other, around)).toMatchObject({ ok: false, refusal: { code: "BUNDLE_MALFORMED" } });
  });

  test("only ever goes up by one, whatever is offered in whatever order", () => {
    const chain = [opened(good)];
    while (chain.length < 5) {
      const last = chain.at(-1) as Bundle;
      chain.push(opened(made({ version: last.version + 1, previousSha256: last.sha256 })));
    }
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(fc.nat(4), { maxLength: 30 }), (offers) => {
        let inForce: Bundle | null = null;
        for (const at of offers) {
          const bundle = chain[at] as Bundle;
          const before: number = inForce?.version ?? 0;
          if (judgeSuccession(bundle, inForce, NOW_MS).kind !== "accepted") continue;
          accepted += 1;
          inForce = bundle;
          expect(inForce.version).toBe(before + 1);
        }
      }),
      { numRuns: 200 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  test("is sealed by pinned signers of whom at least two are needed", () => {
    const file = office.signersFile;
    const [first, second] = file.signers;
    expect(bundleSignersSchema.safeParse(file).success).toBe(true);
    for (const changes of [
      { threshold: 1 },
      { threshold: 4 },
      { signers: [first, first] },
      { signers: [first, { ...second, publicKey: first?.publicKey }] },
    ]) {
      expect(bundleSignersSchema.safeParse({ ...file, ...changes }).success).toBe(false);
    }
  });

  test("has all its refusals tested", () => {
    const tested = [
      ...["TOO_LARGE", "MALFORMED", "SIGNER_UNKNOWN", "SEAL_WRONG", "SIGNERS_TOO_FEW", "CONTENT_INVALID"],
      ...["FOR_OTHER_NETWORK", "FROM_FUTURE", "VERSION_LOWER", "VERSION_GAP", "PREVIOUS_OTHER", "KEY_DROPPED"],
    ];
    expect(Object.keys(BUNDLE_REFUSALS)).toEqual(tested.map((name) => `BUNDLE_${name}`));
  });

  function approvable(tier: object, second: object = {}): Uint8Array {
    const approvers = [makeApprover("ann-1").entry, { ...makeApprover("bob-1").entry, ...second }];
    const approvalTiers = [{ aboveSat: "1", approvals: 2, ...tier }];
    return raw(contentText({ policy: { approvalTiers, approvers } }));
  }
});

describe("the keys of a bundle", () => {
  const backend = { producer: "exchange-backend", keyId: "k", publicKey: seals.file[0]?.publicKey ?? "" } as const;
  const standing = (key: object) => {
    const found = registryTrust([{ ...backend, fromMs: 10, ...key }], NOW_MS).find("exchange-backend", "k");
    return found === undefined ? "unknown" : [found.revoked, found.expired];
  };

  test("count from their time to their end, unless they are revoked", () => {
    expect(standing({})).toEqual([false, false]);
    expect(standing({ fromMs: NOW_MS })).toEqual([false, false]);
    expect(standing({ fromMs: NOW_MS + 1 })).toBe("unknown");
    expect(standing({ untilMs: NOW_MS + 1 })).toEqual([false, false]);
    expect(standing({ untilMs: NOW_MS })).toEqual([false, true]);
    expect(standing({ revoked: true })).toEqual([true, false]);
  });

  test("count for the one who they are listed for", () => {
    const { find } = registryTrust([{ ...backend, fromMs: 0 }], NOW_MS);
    expect(find("online-risk", "k")).toBeUndefined();
    expect(find("vault", "k")).toBeUndefined();
  });
});

describe("a person's decision", () => {
  const decision = { kind: "release", taskId: "t1", transactionId: "ab".repeat(32), person: "carol" } as const;
  const signature = signDecision(decision, office.carol.privateKey);
  const carol = { name: "carol", publicKey: office.carol.publicKey, roles: ["release"], fromMs: 10 };
  const people = (changes: object = {}) => opened(made({ changes: { people: [{ ...carol, ...changes }] } })).people;

  test("counts with exactly what was signed", () => {
    expect(verifyDecision(people(), decision, signature, NOW_MS).ok).toBe(true);
    for (const change of [
      { taskId: "t2" },
      { transactionId: "ac".repeat(32) },
      { taskId: "t1a", transactionId: "b" },
    ]) {
      const changed = verifyDecision(people(), { ...decision, ...change }, signature, NOW_MS);
      expect(changed).toMatchObject({ refusal: { code: "DECISION_SIGNATURE_WRONG" } });
    }
  });

  test.each<[string, object, object]>([
    ["PERSON_UNKNOWN", {}, { person: "dave" }],
    ["PERSON_REVOKED", { revoked: true }, {}],
    ["PERSON_NOT_VALID", { fromMs: NOW_MS + 1 }, {}],
    ["PERSON_NOT_VALID", { untilMs: NOW_MS }, {}],
    ["ROLE_MISSING", {}, { kind: "veto" }],
    ["DECISION_SIGNATURE_WRONG", { publicKey: makeOffice().carol.publicKey }, {}],
  ])("is refused with %s", (code, person, change) => {
    const judged = verifyDecision(people(person), { ...decision, ...change }, signature, NOW_MS);
    expect(judged).toMatchObject({ ok: false, refusal: { code } });
  });

  test("never counts with a signature of another length", () => {
    expect(verifyDecision(people(), decision, new Uint8Array(), NOW_MS).ok).toBe(false);
  });
});

function twice(publicKey: string): readonly object[] {
  return ["carol", "dave"].map((name) => ({ name, publicKey, roles: ["veto"], fromMs: 0 }));
}
