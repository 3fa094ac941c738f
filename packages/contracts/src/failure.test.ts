// A failure is believed only when two people signed it, the gateway sealed the proof, and all of them mean the same.
import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { failurePath, verifyFailure } from "./failure.ts";
import { keyring, rawPublicKey } from "./fixtures.ts";
import type { MessageOf } from "./messages.ts";
import { type Sealer, seal } from "./seal.ts";
import { signRequest } from "./signed-request.ts";
import { createTrust } from "./trust.ts";

const ring = keyring(["online-risk", "blockchain-gateway", "vault"]);
const made = ["ann", "bob"].map((keyId) => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const sealer: Sealer = { producer: "exchange-backend", keyId, privateKey };
  return { sealer, entry: { producer: "exchange-backend" as const, keyId, publicKey: rawPublicKey(publicKey) } };
});
const [ann, bob] = made.map(({ sealer }) => sealer) as [Sealer, Sealer];
const trust = createTrust([...ring.file, ...made.map(({ entry }) => entry)]);
const stranger: Sealer = { ...ann, privateKey: generateKeyPairSync("ed25519").privateKey };

const [OURS, THIEF, OTHER] = ["11".repeat(32), "33".repeat(32), "44".repeat(32)];
const OUTPOINT = `${"22".repeat(32)}:0`;
const SPENT = { outpoint: OUTPOINT, transactionId: THIEF, own: false, blockHash: OTHER, height: 7, confirmations: 6 };

const forged = (producer: "online-risk" | "blockchain-gateway"): Sealer => {
  return { ...ring.sealer(producer), privateKey: stranger.privateKey };
};

type Parts = {
  readonly people?: readonly Sealer[];
  readonly path?: string;
  readonly query?: string;
  readonly named?: string;
  readonly body?: string;
  readonly spent?: Partial<typeof SPENT>;
  readonly required?: number;
  readonly gateway?: Sealer;
  readonly risk?: Sealer;
  readonly message?: Partial<MessageOf<"withdrawal.failed.v1">>;
};

function failure(parts: Parts = {}): Uint8Array {
  const { people = [ann, bob], path = failurePath("w-1"), query = "", named = THIEF } = parts;
  const body = Buffer.from(parts.body ?? JSON.stringify({ conflictingTransactionId: named, reason: "stolen" }));
  const target = { method: "POST", authority: "a", path, query, contentType: "application/json", body };
  const conflict = seal(parts.gateway ?? ring.sealer("blockchain-gateway"), "transaction.conflicted.v1", {
    ...{ id: "c", key: OURS, occurredAtMs: 1 },
    message: {
      ...{ transactionId: OURS, withdrawals: [{ withdrawalId: "w-1", attempt: 1 }], outpoint: OUTPOINT, own: false },
      ...{ conflictingTransactionId: THIEF, blockHash: OTHER, height: 7, confirmations: 6, revision: 1 },
      ...{ spent: [{ ...SPENT, ...parts.spent }], requiredConfirmations: parts.required ?? 6 },
    },
  });
  return seal(parts.risk ?? ring.sealer("online-risk"), "withdrawal.failed.v1", {
    ...{ id: "w-1/failed", key: "w-1", occurredAtMs: 1 },
    message: {
      ...{ withdrawalId: "w-1", account: "acme", asset: "BTC", amountMinor: "7", outpoint: OUTPOINT, failedAtMs: 5 },
      ...{ conflictingTransactionId: THIEF, conflict },
      requests: people.map((person, at) =>
        signRequest(target, person, { createdAtMs: 1, nonce: `nonce-number-${at}` }),
      ),
      ...parts.message,
    },
  });
}

describe("a failure", () => {
  it("that holds says what failed, by what, and by whom", () => {
    expect(verifyFailure(trust, failure())).toEqual({
      ok: true,
      value: {
        ...{ withdrawalId: "w-1", account: "acme", asset: "BTC", amountMinor: 7n, transactionId: OURS, failedAtMs: 5 },
        ...{ conflictingTransactionId: THIEF, spent: [SPENT], keyIds: ["ann", "bob"] },
      },
    });
  });

  it.each<[string, string, Parts]>([
    ["one person twice", "REQUESTS_OF_ONE_KEY", { people: [ann, ann] }],
    ["a signature that is not the person's", "REQUEST_SIGNATURE_INVALID", { people: [bob, stranger] }],
    ["a key that nobody trusts", "REQUEST_KEY_UNKNOWN", { people: [bob, ring.sealer("vault")] }],
    ["requests about another withdrawal", "REQUEST_NOT_A_FAILURE", { path: failurePath("w-2") }],
    ["requests for another thing", "REQUEST_NOT_A_FAILURE", { path: "/v1/withdrawals/w-1/approvals" }],
    ["requests with a query", "REQUEST_NOT_A_FAILURE", { query: "?x=1" }],
    ["requests that name another transaction", "REQUEST_NOT_A_FAILURE", { named: OTHER }],
    [
      "requests without a reason",
      "REQUEST_NOT_A_FAILURE",
      { body: JSON.stringify({ conflictingTransactionId: THIEF }) },
    ],
    ["requests that are no JSON", "REQUEST_NOT_A_FAILURE", { body: "{" }],
    ["a transaction of ours", "CONFLICT_NOT_PROVEN", { spent: { own: true } }],
    ["one in no block", "CONFLICT_NOT_PROVEN", { spent: { blockHash: "", confirmations: 0 } }],
    ["one that is not deep enough", "CONFLICT_NOT_PROVEN", { spent: { confirmations: 5 } }],
    ["a depth of nothing", "CONFLICT_NOT_PROVEN", { required: 0, spent: { confirmations: 0 } }],
    ["another outpoint", "CONFLICT_NOT_PROVEN", { spent: { outpoint: `${OTHER}:1` } }],
    ["another transaction", "CONFLICT_NOT_PROVEN", { spent: { transactionId: OTHER } }],
    ["a proof that the gateway did not seal", "SEAL_INVALID", { gateway: forged("blockchain-gateway") }],
    ["a failure that online-risk did not seal", "SEAL_INVALID", { risk: forged("online-risk") }],
    ["an asset that does not exist", "ASSET_UNKNOWN", { message: { asset: "GOLD" } }],
  ])("with %s is refused: %s", (_, code, parts) => {
    expect(verifyFailure(trust, failure(parts))).toMatchObject({ ok: false, refusal: { code } });
  });
});
