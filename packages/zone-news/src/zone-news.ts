// What the semi-offline zone says of itself. It has no HTTP, so vault keeps its newest word and passes it on.
import type { MessageOf, OpenedOf } from "@sluice/contracts";
import { appendOutbox } from "@sluice/messaging";
import { type Pool, transaction } from "@sluice/postgres";
import type { Logger } from "@sluice/runtime";

export type Zone = MessageOf<"zone.reported.v1">;

export type HeardZone = { readonly zone: Zone; readonly heardAtMs: number };

export type ZoneNews = {
  /** Never fails: news of the zone must not hold up a report behind it. */
  readonly hear: (opened: OpenedOf<"zone.reported.v1">) => Promise<void>;
  readonly newest: () => HeardZone | null;
  /** Of the zone's processes, while they are fresh. */
  readonly metricTexts: () => readonly string[];
};

/** The zone speaks every two seconds; what is older than this says nothing of the present. */
const FRESH_MS = 15_000;
const PUBLISH_AFTER_MS = 15_000;

export function createZoneNews(pool: Pool, logger: Logger): ZoneNews {
  let newest: HeardZone | null = null;
  let published: { readonly standing: string; readonly atMs: number } | null = null;
  return { newest: () => newest, hear, metricTexts };

  function metricTexts(): readonly string[] {
    if (newest === null || Date.now() - newest.heardAtMs > FRESH_MS) return [];
    const { metrics, holders } = newest.zone;
    return [metrics, ...holders.flatMap(({ report }) => report?.metrics ?? [])];
  }

  async function hear(opened: OpenedOf<"zone.reported.v1">): Promise<void> {
    const nowMs = Date.now();
    newest = { zone: opened.message, heardAtMs: nowMs };
    const standing = standingOf(opened.message);
    if (published?.standing === standing && nowMs - published.atMs < PUBLISH_AFTER_MS) return;
    const { id, key, envelope } = opened;
    try {
      await transaction(pool, (tx) => appendOutbox(tx, { topic: "zone.reported.v1", key, id, envelope }));
      published = { standing, atMs: nowMs };
    } catch (error) {
      logger.warn({ err: error }, "news of the semi-offline zone could not be passed on");
    }
  }
}

/** All but times and counters: what has to be known elsewhere at once when it changes. */
function standingOf({ isolation, databaseReady, holders }: Zone): string {
  const standings = holders.map(({ holder, connected, report, alarm }) => [
    holder,
    connected,
    alarm,
    report?.state,
    report?.isolation.noIp,
    report?.isolation.detail,
  ]);
  return JSON.stringify([isolation.noIp, isolation.detail, databaseReady, standings]);
}
