// After online-risk's database was set back: what was suspended or reopened since the copy comes back from its own sealed words.
import { type BitcoinNetwork, parseAddress } from "@sluice/chains";
import type { MessageOf } from "@sluice/contracts";
import { readToEnd } from "@sluice/messaging";
import type { OnlineService } from "@sluice/online-service";
import { type Transaction, transaction } from "@sluice/postgres";

type Word = MessageOf<"suspension.changed.v1">;

/**
 * Can be done again: what is there is left alone. Vault holds the same suspensions, so one that was lost here could neither be
 * seen nor reopened. What one of two people had said for a reopening is not told, and has to be said again.
 */
export async function bringBackSuspensions(
  { pool, bus, trust, life }: Pick<OnlineService, "pool" | "bus" | "trust" | "life">,
  network: BitcoinNetwork,
): Promise<void> {
  const words = new Map<string, Word>();
  await readToEnd(bus, trust, "suspension.changed.v1", ({ message }) => {
    // A reopening is the last word, whatever order they come in.
    if (!message.isStanding || !words.has(message.suspensionId)) words.set(message.suspensionId, message);
  });
  const all = [...words.values()];
  const reopened = all.filter(({ isStanding }) => !isStanding);
  const standing = all.filter(({ isStanding }) => isStanding);
  const lost = await transaction(pool, async (tx) => {
    // What stands may stand for the second time: the first has to be over before.
    for (const word of reopened) await insert(tx, word, network);
    const rows = await Promise.all(standing.map((word) => insert(tx, word, network)));
    return rows.reduce((sum, each) => sum + each, 0);
  });
  life.logger.warn({ standing: standing.length, lost }, "suspensions were brought back");
}

/** Resolves to how many rows are new. */
async function insert(tx: Transaction, word: Word, network: BitcoinNetwork): Promise<number> {
  const { suspensionId, kind, values, isStanding, changedAtMs, reason = "", suspendedBy = "" } = word;
  const [shown = ""] = values;
  const reopenedAtMs = isStanding ? null : changedAtMs;
  if (!isStanding) {
    const sql = "update suspension set reopened_at_ms = $2 where id = $1 and reopened_at_ms is null";
    await tx.query(sql, [suspensionId, changedAtMs]);
  }
  const { rowCount } = await tx.query(
    `insert into suspension (id, kind, value, shown, reason, suspended_by, suspended_at_ms, reopened_at_ms)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
    [
      ...[suspensionId, kind, comparedOf(kind, shown, network), shown],
      ...[reason === "" ? UNTOLD : reason, suspendedBy === "" ? UNTOLD : suspendedBy],
      ...[
        word.suspendedAtMs === undefined || word.suspendedAtMs === 0 ? changedAtMs : word.suspendedAtMs,
        reopenedAtMs,
      ],
    ],
  );
  return rowCount ?? 0;
}

/** Of words that were sealed before they said so. */
const UNTOLD = "not known any more";

function comparedOf(kind: Word["kind"], shown: string, network: BitcoinNetwork): string {
  if (kind !== "destination") return shown;
  const parsed = parseAddress(network, shown);
  return parsed.ok ? Buffer.from(parsed.value.scriptPubKey).toString("hex") : shown;
}
