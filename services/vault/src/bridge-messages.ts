// What comes over the bridge: reports, which take effect before they are accepted, and the zone's news of itself.
import { type OpenedOf, open } from "@sluice/contracts";
import { handleOnce, OperatingError } from "@sluice/messaging";
import type { OnlineService } from "@sluice/online-service";
import type { ReportDecision } from "@sluice/planning";
import { isRetriable, transaction } from "@sluice/postgres";
import { about, type Logger } from "@sluice/runtime";
import { parkReport } from "@sluice/wallet-memory";
import type { ZoneNews } from "@sluice/zone-news";
import type { handleRiskReported } from "./handlers/risk-reported.ts";

export type BridgeMessagesOptions = Pick<OnlineService, "pool" | "trust"> & {
  readonly zone: ZoneNews;
  readonly handleReport: ReturnType<typeof handleRiskReported>;
  /** Own tasks that come back after the database was restored. */
  readonly adopt: (opened: OpenedOf<"signing.requested.v1">) => Promise<void>;
  readonly onParked: (code: string) => void;
  readonly logger: Logger;
};

/**
 * The bridge's onMessage. Resolving lets the other side forget the message, so it resolves when what has to survive is
 * committed; it rejects while the database is away, and the same message comes again. What can never take effect is
 * parked, since those behind it wait.
 */
export function receiveBridgeMessages(options: BridgeMessagesOptions): (bytes: Uint8Array) => Promise<void> {
  const { pool, trust, zone, handleReport, onParked, logger } = options;
  return async (bytes) => {
    const opened = open(trust, bytes, ["risk.reported.v1", "zone.reported.v1", "signing.requested.v1"]);
    if (!opened.ok) return park(null, opened.refusal.code, opened.refusal.detail, bytes);
    if (opened.value.type === "zone.reported.v1") return zone.hear(opened.value);
    if (opened.value.type === "signing.requested.v1") return options.adopt(opened.value);
    const report = opened.value;
    try {
      await takeReport(report);
    } catch (error) {
      if (isRetriable(error)) throw error;
      const code = error instanceof OperatingError ? error.code : "REPORT_FAILED";
      await park(report.message.taskId, code, error instanceof Error ? error.message : String(error), bytes);
    }
  };

  async function takeReport(report: OpenedOf<"risk.reported.v1">): Promise<void> {
    let decision: ReportDecision | null = null;
    await transaction(pool, (tx) =>
      handleOnce(tx, report, async () => {
        decision = await handleReport(tx, report);
      }),
    );
    tell(report, decision);
  }

  async function park(taskId: string | null, code: string, detail: string, envelope: Uint8Array): Promise<void> {
    await parkReport(pool, { envelope, taskId, code, detail });
    logger.error({ code, detail, ...(taskId === null ? {} : { taskId }) }, "a message from the bridge is parked");
    onParked(code);
  }

  function tell(report: OpenedOf<"risk.reported.v1">, decision: ReportDecision | null): void {
    const { taskId, transactionId } = report.message;
    const line = about(logger, { taskId, transactionId, messageId: report.id });
    if (decision === null) line.info("a report came again");
    else if (decision.kind === "stuck") line.error(decision, "ALARM: a task waits for a person, its coins reserved");
    else if (decision.kind === "parked") line.error(decision, "ALARM: a report is parked");
    else line.info({ decision: decision.kind }, "the semi-offline zone has decided");
    if (decision?.kind === "parked") onParked(decision.code);
  }
}
