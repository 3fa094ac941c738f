// What a holder says of itself, since it has no HTTP: its state, its isolation, how far its journal is, its metrics.
import { randomBytes } from "node:crypto";
import type { Bridge } from "@sluice/bridge";
import { type Sealer, seal } from "@sluice/contracts";
import type { KeyLock } from "@sluice/keys/custody";
import type { Isolation, Logger, Metrics } from "@sluice/runtime";
import type { Journal } from "@sluice/sign-once";
import { recordsOf } from "./refuse-rollback.ts";

const REPORT_EVERY_MS = 2_000;

export type HolderReports = {
  /** Reports now, because something changed. */
  readonly report: () => void;
  /** How many records of the journal semi-offline-risk has on its disk, as far as this process heard. */
  readonly acknowledged: () => bigint;
  readonly stop: () => void;
};

type Parts = {
  readonly bridge: Bridge;
  readonly sealer: Sealer;
  readonly journal: Journal;
  readonly lock: KeyLock;
  readonly metrics: Metrics;
  readonly inspect: () => Isolation;
  readonly logger: Logger;
  readonly now: () => number;
};

/** The newest report or none: while one is under way or the bridge is down, none is queued behind it. */
export function startHolderReports(parts: Parts): HolderReports {
  const { bridge, sealer, journal, lock, metrics, inspect, logger, now } = parts;
  const life = randomBytes(8).toString("hex");
  let number = 0;
  let acknowledged = 0n;
  let underWay = false;
  let changed = false;

  const report = (): void => {
    changed = true;
    if (underWay || bridge.state !== "connected") return;
    changed = false;
    underWay = true;
    send()
      .catch((err) => logger.warn({ err }, "a report about this holder was not sent"))
      .finally(() => {
        underWay = false;
        if (changed) report();
      });
  };

  async function send(): Promise<void> {
    number += 1;
    const records = recordsOf(journal);
    const envelope = seal(sealer, "holder.reported.v1", {
      id: `${life}/${number}`,
      key: sealer.producer,
      occurredAtMs: now(),
      message: {
        holder: sealer.producer,
        state: lock.status().state,
        isolation: inspect(),
        journalRecords: BigInt(journal.entries),
        journalHead: journal.head,
        journalRefusals: BigInt(journal.refusals),
        metrics: await metrics.text(),
      },
    });
    await bridge.send(envelope, { priority: "urgent" });
    // Taken means stored there, and reports are taken in their order.
    acknowledged = records;
  }

  const timer = setInterval(report, REPORT_EVERY_MS);
  return { report, acknowledged: () => acknowledged, stop: () => clearInterval(timer) };
}
