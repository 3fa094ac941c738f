// People stopped something, or let it go on: then there is something to plan.
import type { Handler } from "@sluice/messaging";
import { noteSuspension } from "@sluice/wallet-memory";
import { tellOfWork } from "../work.ts";

export const handleSuspensionChanged: Handler<"suspension.changed.v1"> = async (tx, opened) => {
  await noteSuspension(tx, opened);
  await tellOfWork(tx);
};
