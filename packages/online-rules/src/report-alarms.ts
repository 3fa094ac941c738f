// What is wrong with the semi-offline zone's reports. They cross through vault, which must not be able to swallow one unnoticed.

export type ReportAlarm = {
  readonly code: "REPORTS_MISSING" | "REPORT_NUMBER_REUSED" | "REPORTS_ROLLED_BACK" | "ZONE_SILENT";
  readonly detail: string;
};

/** What is on record of the reports and of the zone's words about itself. Times are epoch ms. */
export type ReportWatch = {
  /** When this side last heard something newer of the zone than it had, and when the zone said it, by its own clock. */
  readonly zoneHeardAtMs: number;
  readonly zoneToldAtMs: number;
  /** Nobody has acknowledged them. A number that has arrived since is not among them. */
  readonly noted: readonly {
    readonly code: Exclude<ReportAlarm["code"], "ZONE_SILENT">;
    readonly number: bigint;
    readonly sinceMs: number;
  }[];
};

export type ReportLimits = {
  /** Reports overtake each other on their way; a number that stays open for longer was withheld or lost. */
  readonly gapMs: number;
  /** The zone speaks every quarter of a minute at least. */
  readonly zoneSilentMs: number;
};

/** One alarm of a kind at most, in a fixed order. */
export function standingAlarms(watch: ReportWatch, limits: ReportLimits, nowMs: number): readonly ReportAlarm[] {
  const missing = watch.noted.filter(
    ({ code, sinceMs }) => code === "REPORTS_MISSING" && nowMs - sinceMs > limits.gapMs,
  );
  const reused = watch.noted.filter(({ code }) => code === "REPORT_NUMBER_REUSED");
  const rolledBack = watch.noted.filter(({ code }) => code === "REPORTS_ROLLED_BACK");
  // What is new here may have been held back on its way, so the zone's own time counts as well.
  const silentSinceMs = Math.min(watch.zoneHeardAtMs, watch.zoneToldAtMs);
  const alarms: ReportAlarm[] = [];
  if (missing.length > 0) {
    alarms.push({ code: "REPORTS_MISSING", detail: `${numbers(missing)} of the semi-offline zone did not arrive` });
  }
  if (reused.length > 0) {
    alarms.push({ code: "REPORT_NUMBER_REUSED", detail: `${numbers(reused)} came twice with different content` });
  }
  if (rolledBack.length > 0) {
    alarms.push({
      code: "REPORTS_ROLLED_BACK",
      detail: `the zone counts its reports from before ${numbers(rolledBack)}`,
    });
  }
  if (nowMs - silentSinceMs > limits.zoneSilentMs) {
    const since = silentSinceMs > 0 ? new Date(silentSinceMs).toISOString() : "the beginning";
    alarms.push({ code: "ZONE_SILENT", detail: `nothing was heard from the semi-offline zone since ${since}` });
  }
  return alarms;
}

const SHOWN = 5;

function numbers(noted: ReportWatch["noted"]): string {
  const shown = noted.slice(0, SHOWN).map(({ number }) => String(number));
  const more = noted.length > SHOWN ? ` and ${noted.length - SHOWN} more` : "";
  return `report${noted.length === 1 ? "" : "s"} ${shown.join(", ")}${more}`;
}
