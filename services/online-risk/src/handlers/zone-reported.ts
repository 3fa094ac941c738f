// The semi-offline zone says how far its reports are numbered, so that one that nothing follows is missed as well.
import type { Handler } from "@sluice/messaging";
import { noteZone } from "@sluice/report-watch";

export function zoneReported(now: () => number): Handler<"zone.reported.v1"> {
  return (tx, word) => noteZone(tx, word, now());
}
