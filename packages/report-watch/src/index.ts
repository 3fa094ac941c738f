// What online-risk knows of the semi-offline zone's reports. The tables are made by the migrations of online-risk.
export { alarmsNow, type ReportWatching, watchReports } from "./report-watch.ts";
export { noteReport, noteZone, refusedOfflineAtMs } from "./reports.ts";
