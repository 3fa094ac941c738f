// Keeps what people have stopped, for as long as it stands.
import type { Handler } from "@sluice/messaging";
import { keepSuspension } from "../suspensions.ts";

export const handleSuspensionChanged: Handler<"suspension.changed.v1"> = (tx, { message }) =>
  keepSuspension(tx, message);
