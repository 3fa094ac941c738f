// A person at this holder's console says no to a task that waits: sealed by the holder, decided upon by semi-offline-risk.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Bridge } from "@sluice/bridge";
import { answered, type ConsoleCommand, refusedAs } from "@sluice/console";
import { type Sealer, seal } from "@sluice/contracts";
import type { Logger } from "@sluice/runtime";

const TAKEN_WITHIN_MS = 5_000;

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
    const sent = bridge.send(seal(sealer, "signing.vetoed.v1", sealed), { priority: "urgent" }).then(
      () => true,
      (err: unknown) => {
        logger.error({ err, taskId, person }, "a veto was not taken");
        return false;
      },
    );
    // The console serves one command at a time, and locking must not wait for the other end.
    const taken = await Promise.race([sent, delay(TAKEN_WITHIN_MS, undefined, { ref: false })]);
    logger.warn({ taskId, person, taken: taken ?? "not yet" }, "a veto was sent");
    if (taken === true) return answered({ holder, taskId, person });
    return refusedAs("VETO_NOT_TAKEN", "semi-offline-risk has not taken it yet; look whether the task still waits");
  };
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= longest;
}
