// sluice approvals list, approve: what waits for people, and a person's approval of exactly what the person was shown.
import { createHash } from "node:crypto";
import { readRequestBody, type SluiceClient, type WithdrawalDetails, type WithdrawalSummary } from "@sluice/client";
import type { JsonObject } from "@sluice/console";
import { type Ask, type Command, type Outcome, requiredText } from "../command.ts";
import { CALLER, CALLER_OPTIONS, withApi } from "./ask-api.ts";

const TEXT = { type: "string" } as const;

/** Of one page of the API. */
const MOST_LISTED = 200;

export const approvalsList: Command = {
  name: "approvals list",
  summary: "lists the withdrawals that are held, with who has approved each and how many have to",
  usage: CALLER,
  options: CALLER_OPTIONS,
  run: (values) => withApi(values, list),
};

export const approvalsApprove: Command = {
  name: "approvals approve",
  summary: "shows what a held withdrawal would pay, asks, and signs an approval of exactly that with your own key",
  usage: [...CALLER, "--id ID   of the withdrawal", "--yes   without asking: you have read it elsewhere"],
  options: { ...CALLER_OPTIONS, id: TEXT, yes: { type: "boolean" } },
  run: (values, say, ask) => {
    const id = requiredText(values, "id");
    return withApi(values, (client) => approve(client, id, say, values["yes"] === true ? null : ask));
  },
};

async function list(client: SluiceClient): Promise<Outcome> {
  const { withdrawals, nextCursor } = await client.listWithdrawals({ state: "held", limit: MOST_LISTED });
  const held = await Promise.all(withdrawals.map(({ id }) => client.getWithdrawal(id)));
  const json = held.map((each) => ({ ...summaryOf(each), approvals: each.approvals, detail: each.detail }));
  const more = nextCursor === null ? [] : [`and more than ${MOST_LISTED}: only the newest are shown`];
  return {
    kind: "done",
    lines: held.length === 0 ? ["nothing is held"] : [...held.flatMap(describe), ...more],
    json: { held: JSON.parse(JSON.stringify(json)), complete: nextCursor === null },
  };
}

async function approve(
  client: SluiceClient,
  id: string,
  say: (line: string) => void,
  ask: Ask | null,
): Promise<Outcome> {
  const shown = await client.getWithdrawal(id);
  const { requestBody = "" } = shown;
  const request = readRequestBody(requestBody);
  if (request === null || request.id !== id) {
    return refused(
      "REQUEST_BODY_OTHER",
      "the API does not show the request of this withdrawal: there is nothing to approve",
    );
  }
  // From the text whose hash is signed, and from nothing else that the API says of it.
  const { account, asset, amount, address } = request;
  const requestSha256 = createHash("sha256").update(requestBody, "utf8").digest("hex");
  say(`${id}: ${amount} minor units of ${asset} for ${account}`);
  say(`  to ${address}`);
  say(`  as the backend signed it: ${requestBody}`);
  say(`  SHA-256 ${requestSha256}`);
  say(`  ${shown.state}: ${shown.detail}`);
  if (ask !== null && (await ask(`To approve exactly this, type its id (${id}): `)).trim() !== id) {
    return refused("NOT_APPROVED", "nothing was signed");
  }
  const { state, approvals } = await client.approveWithdrawal(id, { requestBody });
  const line = `${id}: approved; ${approvals.by.length} of ${approvals.required} have approved, it is ${state}`;
  return { kind: "done", lines: [line], json: { id, state, requestSha256, approvals: toJson(approvals) } };
}

function describe({ approvals, ...withdrawal }: WithdrawalDetails): readonly string[] {
  const { id, account, amount, asset, address, detail } = withdrawal;
  const by = approvals.by.length === 0 ? "nobody" : approvals.by.join(", ");
  return [
    `${id}: ${amount} minor units of ${asset} for ${account} to ${address}`,
    `  approved by ${by}: ${approvals.by.length} of ${approvals.required}; ${detail}`,
  ];
}

function summaryOf({ id, account, asset, amount, address, state }: WithdrawalSummary) {
  return { id, account, asset, amount, address, state };
}

function toJson(approvals: WithdrawalDetails["approvals"]): JsonObject {
  return { required: approvals.required, by: [...approvals.by] };
}

function refused(code: string, message: string): Outcome {
  return { kind: "refused", faults: [{ code, message }] };
}
