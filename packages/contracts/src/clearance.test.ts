// A clearance holds two seals from two places, and each of them is needed.
import { describe, expect, it } from "vitest";
import { verifyClearance } from "./clearance.ts";
import { keyring } from "./fixtures.ts";
import { seal } from "./seal.ts";
import { type RequestParts, signRequest } from "./signed-request.ts";

const ring = keyring(["exchange-backend", "online-risk"]);
const body = { id: "w1", account: "alice", asset: "BTC", amount: "150000", address: "bcrt1qexample" };
const parts: RequestParts = {
  method: "POST",
  authority: "sluice.example",
  path: "/v1/withdrawals",
  query: "",
  contentType: "application/json",
  body: Buffer.from(JSON.stringify(body)),
};

function clearance(change: Partial<RequestParts> = {}, withdrawalId = "w1", by = ring, tamper = {}) {
  const request = {
    ...signRequest({ ...parts, ...change }, by.sealer("exchange-backend"), {
      createdAtMs: 1_700_000_000_000,
      nonce: "nonce-01",
    }),
    ...tamper,
  };
  const message = { withdrawalId, request, findings: [], clearedAtMs: 1_700_000_000_500 };
  return seal(by.sealer("online-risk"), "withdrawal.cleared.v1", {
    id: `${withdrawalId}/cleared`,
    key: withdrawalId,
    occurredAtMs: 1,
    message,
  });
}

const code = (envelope: Uint8Array) => {
  const verified = verifyClearance(ring.trust, envelope);
  return verified.ok ? "VERIFIED" : verified.refusal.code;
};

describe("a clearance", () => {
  it("gives what the backend signed", () => {
    const verified = verifyClearance(ring.trust, clearance());
    expect(verified.ok && verified.value.request).toEqual(body);
    expect(verified.ok && verified.value.backendKeyId).toBe("exchange-backend-1");
  });

  it.each<[string, Uint8Array, string]>([
    ["sealed by a stranger", clearance({}, "w1", keyring(["exchange-backend", "online-risk"])), "SEAL_INVALID"],
    [
      "for an amount that online-risk changed",
      clearance({}, "w1", ring, { body: Buffer.from(JSON.stringify({ ...body, amount: "150001" })) }),
      "REQUEST_DIGEST_MISMATCH",
    ],
    [
      "with a signature that is not the backend's",
      clearance({}, "w1", ring, { signature: `sluice=:${Buffer.alloc(64).toString("base64")}:` }),
      "REQUEST_SIGNATURE_INVALID",
    ],
    [
      "for a request that was not a withdrawal",
      clearance({ path: "/v1/withdrawals/w1/cancel" }),
      "REQUEST_NOT_A_WITHDRAWAL",
    ],
    ["for a body that is not one", clearance({ body: Buffer.from("{}") }), "REQUEST_MALFORMED"],
    ["for another withdrawal", clearance({}, "w2"), "CLEARANCE_MISMATCH"],
  ])("%s is refused", (_name, envelope, expected) => expect(code(envelope)).toBe(expected));
});
