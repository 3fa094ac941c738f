// A console on real parts, and the news that it is told.
import type { MessageOf, OutgoingMessage } from "@sluice/contracts";
import { type Deployment, openDeployment } from "@sluice/online-service/testing";

const MAIN = new URL("../src/main.ts", import.meta.url);

export type Service = { readonly name: string; readonly url: string };

export function openConsole(services: readonly Service[] = []): Promise<Deployment> {
  return openDeployment({ service: "ops-console", main: MAIN, files: { SLUICE_SERVICES_FILE: services } });
}

type Change = MessageOf<"withdrawal.changed.v1">;

/** One step of a withdrawal, as online-risk tells it. */
export function change(
  withdrawalId: string,
  revision: number,
  fields: Partial<Change> = {},
): OutgoingMessage<"withdrawal.changed.v1"> {
  const message: Change = {
    ...{ withdrawalId, revision, account: "alice", asset: "BTC", amountMinor: "150000", address: "bcrt1q" },
    ...{ state: "received", detail: "", transactionId: "", confirmations: 0, findings: [] },
    changedAtMs: 1_700_000_000_000 + revision,
    ...fields,
  };
  return { id: `${withdrawalId}/${revision}`, key: withdrawalId, occurredAtMs: message.changedAtMs, message };
}

export function zoneReport(lastReportNumber: number, occurredAtMs: number): OutgoingMessage<"zone.reported.v1"> {
  return {
    id: `zone/${occurredAtMs}/${lastReportNumber}`,
    key: "zone",
    occurredAtMs,
    message: {
      isolation: { noIp: true, detail: "no interface" },
      databaseReady: true,
      holders: [{ holder: "semi-offline-signer-a", connected: true, heardAtMs: occurredAtMs }],
      lastReportNumber: BigInt(lastReportNumber),
      metrics: "sluice_holder_up_info 1\n",
    },
  };
}

/** As vault tells of a transaction that it planned. */
export function planned(transactionId: string, walletId: string): OutgoingMessage<"transaction.planned.v1"> {
  const message: MessageOf<"transaction.planned.v1"> = {
    ...{ taskId: "task-1", walletId, transactionId, feeSat: 700n, vbytes: 140 },
    withdrawals: [{ withdrawalId: "in-order", attempt: 1 }],
  };
  return { id: "task-1/planned", key: "task-1", occurredAtMs: 1_700_000_000_000, message };
}
