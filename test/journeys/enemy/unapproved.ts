// Online-risk in enemy hands clears what it was never asked about, with approvals as it can make them.
import {
  approvalBody,
  approvalPath,
  createTrust,
  open,
  type RequestParts,
  type Sealer,
  type SignedRequest,
  signRequest,
} from "@sluice/contracts";
import type { Stack } from "@sluice/devstack";
import { forge } from "./envelopes.ts";
import type { Topics } from "./topics.ts";

type Signer = Pick<Sealer, "keyId" | "privateKey">;
export type Asked = { readonly id: string; readonly address: string; readonly amountSat: bigint };

/** A clearance of what the backend really signed, under online-risk's real seal. */
export function clearUnasked({ inside, backend }: Stack, asked: Asked, approvers: readonly Signer[]): Uint8Array {
  const { id, address, amountSat } = asked;
  const text = JSON.stringify({ id, account: "mallory", asset: "BTC", amount: String(amountSat), address });
  const body = Buffer.from(text);
  const request = signed(backend, "/v1/withdrawals", body);
  const approvals = approvers.map((approver) => signed(approver, approvalPath(id), approvalBody(body)));
  const message = { withdrawalId: id, request, findings: [], clearedAtMs: Date.now(), approvals };
  return forge(inside.sealerOf("online-risk"), "withdrawal.cleared.v1", id, message);
}

/** What the zone says of it first: the rule that stopped it. */
export async function firstRuleAgainst({ inside }: Stack, topics: Topics, id: string): Promise<string> {
  const { envelope } = await topics.messageWith("risk.reported.v1", id);
  const opened = open(createTrust(inside.trust), envelope, ["risk.reported.v1"]);
  if (!opened.ok) throw new Error(opened.refusal.code);
  const { verdict } = opened.value.message;
  if (verdict.case === "signed") return "signed";
  const about = verdict.value.findings.find(({ withdrawalId }) => withdrawalId === id);
  return `${verdict.case} ${about?.finding.rule ?? "for others"}`;
}

function signed(signer: Signer, path: string, body: Uint8Array): SignedRequest {
  const target = { method: "POST", authority: "sluice.example", query: "", contentType: "application/json" };
  const parts: RequestParts = { ...target, path, body };
  return signRequest(parts, signer, { createdAtMs: Date.now(), nonce: `${signer.keyId}-of-enemy` });
}
