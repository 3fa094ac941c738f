// Approvals: whatever comes along, only as many different people count as have really approved exactly this request.
import { createHash, generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  approvalBody,
  approvalPath,
  approvalsFor,
  approversSchema,
  judgeApprovals,
  readApprovals,
} from "./approvals.ts";
import { verifyClearance } from "./clearance.ts";
import { keyring } from "./fixtures.ts";
import { encodeMessage, type MessageOf } from "./messages.ts";
import { seal } from "./seal.ts";
import { type RequestParts, type SignedRequest, signRequest } from "./signed-request.ts";

const NOW_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;
const ring = keyring(["exchange-backend", "online-risk"]);
const bodyOf = (changes: object = {}): Uint8Array =>
  Buffer.from(
    JSON.stringify({ id: "w1", account: "alice", asset: "BTC", amount: "150000", address: "bcrt1q", ...changes }),
  );
const target = { method: "POST", authority: "sluice.example", query: "", contentType: "application/json" };

/** Two people with two keys each, one with one, and a stranger whom nobody lists. */
const keys = ["ann-1", "ann-2", "bob-1", "bob-2", "cyd-1", "dan-1"].map((keyId) => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
  return { keyId, privateKey, entry: { keyId, person: keyId.slice(0, 3), publicKey: raw, fromMs: 0 } };
});
type Key = (typeof keys)[number];
const approvers = keys.slice(0, 5).map(({ entry }) => entry);
const rules = (approvals: number) => readApprovals({ approvalTiers: [{ aboveSat: 100_000n, approvals }], approvers });

function clearanceOf(approvals: readonly SignedRequest[], body = bodyOf()) {
  const signer = ring.sealer("exchange-backend");
  const parts: RequestParts = { ...target, path: "/v1/withdrawals", body };
  const request = signRequest(parts, signer, { createdAtMs: NOW_MS, nonce: "nonce-01" });
  const message = { withdrawalId: "w1", request, findings: [], clearedAtMs: NOW_MS, approvals };
  const envelope = seal(ring.sealer("online-risk"), "withdrawal.cleared.v1", {
    ...{ id: "w1/cleared", key: "w1", occurredAtMs: NOW_MS, message },
  });
  const verified = verifyClearance(ring.trust, envelope);
  if (!verified.ok) throw new Error(verified.refusal.code);
  return verified.value;
}

function approval(key: Pick<Key, "keyId" | "privateKey">, changes: Partial<RequestParts> = {}, createdAtMs = NOW_MS) {
  const parts = { ...target, path: approvalPath("w1"), body: approvalBody(bodyOf()), ...changes };
  return signRequest(parts, key, { createdAtMs, nonce: `nonce-of-${key.keyId}` });
}

const times = { nowMs: NOW_MS, seenAtMs: NOW_MS, maxAgeMs: 24 * HOUR_MS };
const judge = (required: number, approvals: readonly SignedRequest[]) =>
  judgeApprovals(rules(required), clearanceOf(approvals), 150_000n, times);

describe("approvals", () => {
  it("are as many as the most demanding tier asks for that the amount is above", () => {
    const tiers = [
      { aboveSat: 100n, approvals: 1 },
      { aboveSat: 1_000n, approvals: 3 },
      { aboveSat: 10_000n, approvals: 2 },
    ];
    expect([100n, 101n, 1_000n, 1_001n, 10_001n].map((sat) => approvalsFor({ tiers }, sat))).toEqual([0, 1, 1, 3, 3]);
  });

  it("count by different people, in any order, with whatever else comes along", () => {
    const [ann, ann2, bob, , cyd, dan] = keys as [Key, Key, Key, Key, Key, Key];
    expect(judge(2, [approval(dan), approval(bob), approval(ann2), approval(ann)])).toBeNull();
    const short = judge(4, [approval(cyd), approval(bob), approval(ann2)]);
    expect(short).toMatchObject({ code: "APPROVALS_MISSING", evidence: { required: "4", people: "cyd bob ann" } });
    expect(judge(3, [approval(ann2), approval(ann), approval(bob)])?.code).toBe("APPROVAL_PERSON_TWICE");
  });

  it("do not grow old by waiting in the zone, and a later version of the body has to be approved anew", () => {
    const waited = { ...times, nowMs: NOW_MS + 100 * HOUR_MS };
    const clearance = clearanceOf(keys.slice(1, 3).map((key) => approval(key)));
    expect(judgeApprovals(rules(2), clearance, 150_000n, waited)).toBeNull();
    const late = { ...waited, seenAtMs: NOW_MS + 25 * HOUR_MS };
    expect(judgeApprovals(rules(2), clearance, 150_000n, late)?.code).toBe("APPROVAL_EXPIRED");
    const priced = clearanceOf(clearance.approvals, bodyOf({ priority: "fast" }));
    expect(judgeApprovals(rules(2), priced, 150_000n, times)?.code).toBe("APPROVAL_OTHER_CONTENT");
  });

  it("name their faults when lists are read", () => {
    const [ann, bob] = keys.filter((_, at) => at % 2 === 0).map(({ entry }) => entry);
    expect(approversSchema.safeParse([ann, bob]).success).toBe(true);
    const wrong = [
      { ...bob, keyId: "ann-1" },
      { ...bob, publicKey: ann?.publicKey },
      { ...bob, person: "" },
    ];
    for (const entry of wrong) expect(approversSchema.safeParse([ann, entry]).success).toBe(false);
  });

  type Made = { readonly signed: SignedRequest; readonly person: string | null };

  /** Each is good, or spoilt in one way; who counts is known from how it was made. */
  const made: fc.Arbitrary<Made> = fc
    .record({ at: fc.nat(keys.length - 1), spoilt: fc.nat(9), byte: fc.nat(63) })
    .map(({ at, spoilt, byte }) => {
      const key = keys[at] as Key;
      const spoil: readonly (() => SignedRequest)[] = [
        () => approval(key, { path: approvalPath("w2") }),
        () => approval(key, { body: approvalBody(bodyOf({ amount: "150001" })) }),
        () => approval(key, { body: approvalBody(bodyOf({ address: "bcrt1p" })) }),
        () => approval(key, { body: new Uint8Array(0) }),
        () => approval({ ...key, privateKey: (keys[(at + 1) % keys.length] as Key).privateKey }),
        () => approval(key, {}, NOW_MS - 25 * HOUR_MS),
        () => ({ ...approval(key), signature: flipped(approval(key).signature, byte) }),
      ];
      const spoiler = spoil[spoilt];
      if (spoiler !== undefined) return { signed: spoiler(), person: null };
      return { signed: approval(key), person: key.keyId === "dan-1" ? null : key.keyId.slice(0, 3) };
    });

  it("pass exactly when enough different people really approved (property)", () => {
    const seen = { passed: 0, refused: 0 };
    fc.assert(
      fc.property(fc.array(made, { maxLength: 8 }), fc.integer({ min: 1, max: 3 }), (all, required) => {
        const people = new Set(all.flatMap(({ person }) => person ?? []));
        const enough = people.size >= required;
        seen[enough ? "passed" : "refused"] += 1;
        expect(
          judge(
            required,
            all.map(({ signed }) => signed),
          ) === null,
        ).toBe(enough);
      }),
      { numRuns: 150 },
    );
    process.stderr.write(`approvals: ${seen.passed} lists passed, ${seen.refused} refused\n`);
    expect(Math.min(seen.passed, seen.refused)).toBeGreaterThan(10);
  });
});

it("a clearance that nobody had to approve has the bytes that it always had", () => {
  const request = {
    ...{ method: "POST", authority: "sluice.example", path: "/v1/withdrawals", query: "" },
    ...{ contentType: "application/json", contentDigest: "sha-256=:x:", signatureInput: "sluice=()" },
    ...{ signature: "sluice=:AA==:", body: Buffer.from("{}") },
  };
  const finding = { rule: "AMOUNT", verdict: "clear", reason: "small", evidence: { a: "1" } };
  const message: MessageOf<"withdrawal.cleared.v1"> = {
    ...{ withdrawalId: "w1", request, findings: [finding], clearedAtMs: 1_700_000_000_001, customerFeeMinor: "900" },
  };
  for (const each of [message, { ...message, approvals: [] }]) {
    const bytes = encodeMessage("withdrawal.cleared.v1", each);
    // As it was encoded before there was such a field.
    const before = "cf10b00169e48c464694653434316e4c1940ebf6b9488c8a93bb5c26c9012d27";
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(before);
  }
});

function flipped(signature: string, byte: number): string {
  const raw = Buffer.from(signature.slice("sluice=:".length, -1), "base64");
  raw[byte] = (raw[byte] ?? 0) ^ 1;
  return `sluice=:${raw.toString("base64")}:`;
}
