// A person at a holder's console says no to a task that waits. A veto needs no more than its seal: no is always safe.
import type { OpenedOf } from "@sluice/contracts";
import { recordVeto } from "@sluice/governance";
import { type Pool, transaction } from "@sluice/postgres";
import type { Logger } from "@sluice/runtime";
import { judgeNow, listDelayed } from "@sluice/zone-memory";

export async function handleSigningVetoed(
  { pool, logger }: { readonly pool: Pool; readonly logger: Logger },
  { message, producer, envelope }: OpenedOf<"signing.vetoed.v1">,
): Promise<void> {
  const { taskId, person, reason } = message;
  const stopped = await transaction(pool, async (tx) => {
    const [task] = await listDelayed(tx, { lock: taskId });
    if (task === undefined) return [];
    const withdrawals = await recordVeto(tx, taskId, { person, via: producer, reason, proof: envelope }, Date.now());
    await judgeNow(tx, taskId);
    return withdrawals;
  });
  const line = { taskId, holder: producer, person, stopped };
  if (stopped.length === 0) logger.warn(line, "a veto came for a task in which nothing waits");
  else logger.warn(line, "a person said no at a holder's console");
}
