// A person at this holder's console says no to a task that waits: sealed by the holder, decided upon by semi-offline-risk.
import { randomUUID } from "node:crypto";
import type { Bridge } from "@sluice/bridge";
import { answered, type ConsoleCommand, refusedAs } from "@sluice/console";
import { type Sealer, seal } from "@sluice/contracts";
import type { Logger } from "@sluice/runtime";

/** A holder may say no whether it is locked or not: a veto needs no key of the wallet. */
export function vetoCommand(parts: {
  readonly bridge: Bridge;
  readonly sealer: Sealer;
  readonly logger: Logger;
}): ConsoleCommand {
  const { bridge, sealer, logger } = parts;
  return async ({ taskId, person, reason = "" }) => {
    if (!isText(taskId, 256) || !isText(person, 64) || typeof reason !== "string" || reason.length > 1_000) {
      return refusedAs("VETO_MALFORMED", "taskId and person are texts, the reason is a short one");
    }
    if (bridge.state !== "connected") return refusedAs("ZONE_UNREACHABLE", "the line to semi-offline-risk is down");
    const { producer: holder } = sealer;
    const message = { taskId, holder, person, reason };
    const sealed = { id: `${taskId}/veto/${randomUUID()}`, key: taskId, occurredAtMs: Date.now(), message };
    await bridge.send(seal(sealer, "signing.vetoed.v1", sealed), { priority: "urgent" });
    logger.warn({ taskId, person }, "a veto was sent");
    return answered({ holder, taskId, person });
  };
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= longest;
}
