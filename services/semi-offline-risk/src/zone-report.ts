// What the zone says of itself: it has no HTTP, so vault shows this for it. The newest or nothing: it is never queued.
import { randomBytes } from "node:crypto";
import type { Bridge } from "@sluice/bridge";
import { type Sealer, seal } from "@sluice/contracts";
import { type Bundles, reportBundle } from "@sluice/governance";
import type { Holders } from "@sluice/holders";
import type { Pool } from "@sluice/postgres";
import type { Isolation, Logger, Metrics } from "@sluice/runtime";
import { lastReportNumber } from "@sluice/zone-memory";

const EVERY_MS = 2_000;

export type ZoneReports = { readonly report: () => void; readonly stop: () => void };

export function startZoneReports(parts: {
  readonly bridge: Bridge;
  readonly holders: Holders;
  readonly bundles: Bundles;
  readonly sealer: Sealer;
  readonly pool: Pool;
  readonly metrics: Metrics;
  readonly inspect: () => Isolation;
  readonly logger: Logger;
}): ZoneReports {
  const { bridge, holders, bundles, sealer, pool, metrics, inspect, logger } = parts;
  const life = randomBytes(8).toString("hex");
  let number = 0;
  let underWay = false;
  const report = (): void => {
    if (underWay || bridge.state !== "connected") return;
    underWay = true;
    send()
      .catch((err: unknown) => logger.warn({ err }, "a report about the zone was not sent"))
      .finally(() => {
        underWay = false;
      });
  };
  const timer = setInterval(report, EVERY_MS);
  return { report, stop: () => clearInterval(timer) };

  async function send(): Promise<void> {
    number += 1;
    const database = await lastReportNumber(pool).then(
      (last) => ({ databaseReady: true, lastReportNumber: last }),
      () => ({ databaseReady: false, lastReportNumber: 0n }),
    );
    const envelope = seal(sealer, "zone.reported.v1", {
      id: `${life}/${number}`,
      key: sealer.producer,
      occurredAtMs: Date.now(),
      message: {
        isolation: inspect(),
        ...database,
        holders: holders.status().map(({ report: last, ...status }) => ({ ...status, report: last })),
        metrics: await metrics.text(),
        ...reportBundle(bundles),
      },
    });
    await bridge.send(envelope, { priority: "urgent" });
  }
}
