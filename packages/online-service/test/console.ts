// The simplest online service, for what all of them have in common: ops-console reads topics and needs no other part.
import type { MessageOf, OutgoingMessage } from "@sluice/contracts";
import { type Deployment, type DeploymentOptions, openDeployment } from "../src/testing.ts";

export const CONSOLE_MAIN = new URL("../../../services/ops-console/src/main.ts", import.meta.url);

export function openConsole(options: Partial<DeploymentOptions> = {}): Promise<Deployment> {
  const files = { SLUICE_SERVICES_FILE: [] };
  return openDeployment({ service: "ops-console", main: CONSOLE_MAIN, files, ...options });
}

/** One step of a withdrawal, as online-risk tells it. */
export function change(
  withdrawalId: string,
  revision: number,
  fields: Partial<MessageOf<"withdrawal.changed.v1">> = {},
): OutgoingMessage<"withdrawal.changed.v1"> {
  const message = {
    ...{ withdrawalId, revision, account: "alice", asset: "BTC", amountMinor: "150000", address: "bcrt1q" },
    ...{ state: "received", detail: "", transactionId: "", confirmations: 0, findings: [] },
    changedAtMs: 1_700_000_000_000 + revision,
    ...fields,
  };
  return { id: `${withdrawalId}/${revision}`, key: withdrawalId, occurredAtMs: message.changedAtMs, message };
}
