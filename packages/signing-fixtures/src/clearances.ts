// What a backend asks for and online-risk clears, with both seals.
import { type SignedRequest, seal, signRequest, type WithdrawalRequest } from "@sluice/contracts";
import type { Seals } from "./seals.ts";

/** BIP173's own example programs, on regtest. */
export const DESTINATION = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
export const OTHER_DESTINATION = "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry";

export function request(id: string, changes: Partial<WithdrawalRequest> = {}): WithdrawalRequest {
  return { id, account: "alice", asset: "BTC", amount: "100000", address: DESTINATION, ...changes };
}

/** The backend's signed request. Made again from the same parts it is the same, byte for byte. */
export function signedRequest(
  seals: Pick<Seals, "sealers">,
  body: WithdrawalRequest,
  createdAtMs: number,
): SignedRequest {
  const parts = { method: "POST", authority: "sluice.example", path: "/v1/withdrawals", query: "" };
  return signRequest(
    { ...parts, contentType: "application/json", body: Buffer.from(JSON.stringify(body)) },
    seals.sealers["exchange-backend"],
    { createdAtMs, nonce: `nonce-of-${body.id}` },
  );
}

/** A clearance. Made again from the same parts it is the same, byte for byte. */
export function clear(
  seals: Pick<Seals, "sealers">,
  body: WithdrawalRequest,
  clearedAtMs = Date.now(),
  approvals: readonly SignedRequest[] = [],
): Uint8Array {
  const signed = signedRequest(seals, body, clearedAtMs);
  return seal(seals.sealers["online-risk"], "withdrawal.cleared.v1", {
    id: `${body.id}/cleared`,
    key: body.id,
    occurredAtMs: clearedAtMs,
    message: { withdrawalId: body.id, request: signed, findings: [], clearedAtMs, approvals },
  });
}
