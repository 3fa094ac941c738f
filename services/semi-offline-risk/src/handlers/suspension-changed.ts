// People stopped something, or let it go on: what online-risk sealed, carried by vault. It counts from its commit here.
import type { BitcoinNetwork } from "@sluice/chains";
import { open, type Trust } from "@sluice/contracts";
import type { Bundles } from "@sluice/governance";
import { type Pool, transaction } from "@sluice/postgres";
import type { Logger } from "@sluice/runtime";
import { readSuspension, registryTrust } from "@sluice/second-opinion";
import { holdOff, judgeNow, noteSuspension } from "@sluice/zone-memory";

const TYPE = "suspension.changed.v1";
const ANOTHER_MESSAGE = ["ENVELOPE_TOO_LARGE", "ENVELOPE_MALFORMED", "TYPE_UNKNOWN", "TYPE_UNEXPECTED"];

/** What became of it; null for another message. */
export async function handleSuspensionChanged(
  around: {
    readonly pool: Pool;
    readonly trust: Trust;
    readonly bundles: Bundles;
    readonly network: BitcoinNetwork;
    readonly logger: Logger;
  },
  envelope: Uint8Array,
): Promise<string | null> {
  const { pool, trust, bundles, network, logger } = around;
  const named = open(trust, envelope, [TYPE]);
  if (!named.ok && ANOTHER_MESSAGE.includes(named.refusal.code)) return null;
  const done = await transaction(pool, async (tx) => {
    await holdOff(tx, "suspending");
    const found = await bundles.inForce(tx);
    // Whose clearances count, their suspensions do: the bundle says it. While there is none, nothing is signed anyhow.
    const opened = found.ok ? open(registryTrust(found.bundle.keys, Date.now()), envelope, [TYPE]) : named;
    if (!opened.ok) {
      logger.error({ refusal: opened.refusal }, "ALARM: a suspension does not open, and is dropped");
      return "suspension-not-opened";
    }
    const suspension = readSuspension(opened.value.message, network);
    const { isStanding } = opened.value.message;
    if (!(await noteSuspension(tx, opened.value, suspension))) return "suspension-known";
    await judgeNow(tx, null);
    logger.warn({ ...suspension, isStanding }, isStanding ? "people have suspended this" : "people have reopened this");
    return "suspension-noted";
  });
  return done;
}
