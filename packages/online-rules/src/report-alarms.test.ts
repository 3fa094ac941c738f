// When the semi-offline zone's reports give an alarm, one row a reason, each just before and just after its limit.
import { expect, test } from "vitest";
import { type ReportWatch, standingAlarms } from "./report-alarms.ts";

const NOW = 1_800_000_000_000;
const LIMITS = { gapMs: 1_000, zoneSilentMs: 5_000 };

const watch = (change: Partial<ReportWatch>): ReportWatch => ({
  zoneHeardAtMs: NOW,
  zoneToldAtMs: NOW,
  noted: [],
  ...change,
});
const missing = (number: bigint, agoMs: number) => ({ code: "REPORTS_MISSING", number, sinceMs: NOW - agoMs }) as const;
const noted = (code: "REPORT_NUMBER_REUSED" | "REPORTS_ROLLED_BACK") => ({ code, number: 7n, sinceMs: NOW }) as const;

test.each<[string, Partial<ReportWatch>, readonly string[]]>([
  ["everything is here", {}, []],
  ["a gap that may still close", { noted: [missing(3n, 1_000)] }, []],
  ["a gap that stays open", { noted: [missing(3n, 1_001)] }, ["REPORTS_MISSING"]],
  ["a number that was used twice, at once", { noted: [noted("REPORT_NUMBER_REUSED")] }, ["REPORT_NUMBER_REUSED"]],
  ["a zone that counts from before, at once", { noted: [noted("REPORTS_ROLLED_BACK")] }, ["REPORTS_ROLLED_BACK"]],
  ["a zone that is silent for a while", { zoneHeardAtMs: NOW - 5_000 }, []],
  ["a zone that is silent for too long", { zoneHeardAtMs: NOW - 5_001 }, ["ZONE_SILENT"]],
  ["old words of the zone that come only now", { zoneToldAtMs: NOW - 5_001 }, ["ZONE_SILENT"]],
  ["a zone whose clock is ahead", { zoneToldAtMs: NOW + 60_000 }, []],
  [
    "everything at once, in its order",
    { zoneHeardAtMs: 0, noted: [noted("REPORTS_ROLLED_BACK"), noted("REPORT_NUMBER_REUSED"), missing(3n, 9_000)] },
    ["REPORTS_MISSING", "REPORT_NUMBER_REUSED", "REPORTS_ROLLED_BACK", "ZONE_SILENT"],
  ],
])("%s", (_, change, codes) => {
  expect(standingAlarms(watch(change), LIMITS, NOW).map(({ code }) => code)).toEqual(codes);
});

test("names the numbers, and not more than a person reads", () => {
  const open = Array.from({ length: 7 }, (_, at) => missing(BigInt(at + 1), 2_000));
  expect(standingAlarms(watch({ noted: open }), LIMITS, NOW)[0]?.detail).toContain("reports 1, 2, 3, 4, 5 and 2 more");
});
