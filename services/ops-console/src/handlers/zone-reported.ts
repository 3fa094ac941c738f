// Keeps the newest that the semi-offline zone says of itself.
import type { Handler } from "@sluice/messaging";
import { keepZoneReport } from "../store.ts";

export const handleZoneReported: Handler<"zone.reported.v1"> = (tx, { message, occurredAtMs }) =>
  keepZoneReport(tx, occurredAtMs, message);
