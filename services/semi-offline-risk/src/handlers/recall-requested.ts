// Vault has lost what it knew since a time: it gets its own tasks back as it sealed them, each with what became of it.
import type { Bridge } from "@sluice/bridge";
import { open, type Trust } from "@sluice/contracts";
import type { Pool } from "@sluice/postgres";
import type { Logger } from "@sluice/runtime";
import { listRecalled } from "@sluice/zone-memory";

/**
 * False for another message. Resolves when vault has stored everything: a task before its newest report, and both before
 * the next task, so that what was refused is free again before it is found in another task. Rejects when the line broke,
 * and the whole is asked for again.
 */
export async function handleRecallRequested(
  around: { readonly pool: Pool; readonly trust: Trust; readonly bridge: Bridge; readonly logger: Logger },
  envelope: Uint8Array,
): Promise<boolean> {
  const opened = open(around.trust, envelope, ["recall.requested.v1"]);
  if (!opened.ok) return false;
  const since = new Date(opened.value.message.sinceMs);
  let tasks = 0;
  for (let after: string | null = null; ; ) {
    const page = await listRecalled(around.pool, since, after);
    for (const { request, report } of page) {
      await around.bridge.send(request);
      if (report !== null) await around.bridge.send(report);
    }
    tasks += page.length;
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.taskId;
  }
  around.logger.warn({ since, tasks }, "vault has lost what it knew and was given its tasks again");
  return true;
}
