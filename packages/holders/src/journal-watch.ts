// Keeps what holders say of their journals, and says who may be asked to sign. What is kept in memory is on disk already.
import { answered, type ConsoleCommand, refusedAs } from "@sluice/console";
import { HOLDERS, type Holder, type MessageOf } from "@sluice/contracts";
import { type Pool, type Transaction, transaction } from "@sluice/postgres";
import type { Logger, Metrics } from "@sluice/runtime";
import { type JournalSeen, judgeJournal } from "./judge-journal.ts";

export type JournalWatch = {
  /** Judges and stores what a holder says; resolves when it is stored. */
  readonly hear: (holder: Holder, report: MessageOf<"holder.reported.v1">) => Promise<void>;
  /** The code of what stands against it, or nothing. */
  readonly alarmOf: (holder: Holder) => string;
  /** Not while its own journal is behind, and nobody while this database is: then other orders may be forgotten too. */
  readonly mayOrder: (holder: Holder) => boolean;
  /** What was last stored of it, as an order names it. */
  readonly seen: (holder: Holder) => { readonly seenRecords: bigint; readonly seenHead: string };
  readonly accept: (holder: Holder) => Promise<boolean>;
};

type Row = JournalSeen & {
  readonly told: bigint;
  readonly accepted: bigint;
  readonly alarm: string;
  readonly detail: string;
};

const COLUMNS = "records, head, told_records as told, accepted_records as accepted, alarm, detail";
const UNHEARD: Row = { records: 0n, head: "", told: 0n, accepted: 0n, alarm: "", detail: "" };

export async function openJournalWatch(parts: {
  readonly pool: Pool;
  /** How many orders to this holder are on record. */
  readonly countOrders: (tx: Transaction, holder: Holder) => Promise<bigint>;
  readonly metrics: Metrics;
  readonly logger: Logger;
}): Promise<JournalWatch> {
  const { pool, countOrders, metrics, logger } = parts;
  const { rows } = await pool.query<Row & { readonly holder: string }>(`select holder, ${COLUMNS} from holder_journal`);
  const known = new Map(rows.map(({ holder, ...row }) => [holder, row]));
  const alarmOf = (holder: Holder): string => known.get(holder)?.alarm ?? "";
  metrics.gauge({
    name: "sluice_offline_journal_alarm_info",
    help: "Alarms about journals: 1 while one stands.",
    labels: ["holder", "code"],
    collect: (gauge) => {
      gauge.reset();
      for (const holder of HOLDERS) if (alarmOf(holder) !== "") gauge.set({ holder, code: alarmOf(holder) }, 1);
    },
  });
  return {
    alarmOf,
    hear,
    accept,
    mayOrder: (holder) => alarmOf(holder) === "" && HOLDERS.every((other) => alarmOf(other) !== "ZONE_ROLLED_BACK"),
    seen: (holder) => {
      const { records, head } = known.get(holder) ?? UNHEARD;
      return { seenRecords: records, seenHead: head };
    },
  };

  async function hear(holder: Holder, report: MessageOf<"holder.reported.v1">): Promise<void> {
    const reported = { records: report.journalRecords + (report.journalRefusals ?? 0n), head: report.journalHead };
    const before = known.get(holder);
    if (before?.records === reported.records && before.head === reported.head && before.alarm === "") return;
    const after = await transaction(pool, async (tx) => {
      const stored = await lock(tx, holder);
      const ordered = await countOrders(tx, holder);
      const alarm = judgeJournal(stored, reported, ordered, stored?.accepted ?? 0n);
      // What was seen stays what has to come back.
      const kept = alarm === null ? reported : (stored ?? UNHEARD);
      const { accepted } = stored ?? UNHEARD;
      const { records, head } = kept;
      const told = reported.records;
      const row: Row = { records, head, told, accepted, alarm: alarm?.code ?? "", detail: alarm?.detail ?? "" };
      await save(tx, holder, row);
      return row;
    });
    known.set(holder, after);
    if (after.alarm === (before?.alarm ?? "")) return;
    const { alarm, detail } = after;
    if (alarm === "") logger.info({ holder }, "a holder's journal is what it was again");
    else logger.error({ holder, alarm, detail }, `ALARM: ${alarm}: it is not asked to sign`);
  }

  /** Of a journal that is longer than known a person can say that it is right; of one that is shorter nobody can. */
  async function accept(holder: Holder): Promise<boolean> {
    const after = await transaction(pool, async (tx) => {
      const stored = await lock(tx, holder);
      if (stored?.alarm !== "ZONE_ROLLED_BACK") return null;
      const accepted = stored.told - (await countOrders(tx, holder));
      const row: Row = { ...stored, accepted, alarm: "", detail: "" };
      await save(tx, holder, row);
      return row;
    });
    if (after !== null) known.set(holder, after);
    return after !== null;
  }
}

async function lock(tx: Transaction, holder: Holder): Promise<Row | null> {
  const { rows } = await tx.query<Row>(`select ${COLUMNS} from holder_journal where holder = $1 for update`, [holder]);
  return rows[0] ?? null;
}

async function save(tx: Transaction, holder: Holder, row: Row): Promise<void> {
  await tx.query(
    `insert into holder_journal (holder, records, head, told_records, accepted_records, alarm, detail)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (holder) do update
     set records = $2, head = $3, told_records = $4, accepted_records = $5, alarm = $6, detail = $7`,
    [holder, row.records, row.head, row.told, row.accepted, row.alarm, row.detail],
  );
}

/** `journal accept` at the local console: a person has compared the holder's journal with the chain. */
export function journalCommands(watch: JournalWatch, logger: Logger): Readonly<Record<string, ConsoleCommand>> {
  return {
    "journal accept": async ({ holder: name, person }) => {
      const holder = HOLDERS.find((each) => each === name);
      if (holder === undefined) return refusedAs("HOLDER_UNKNOWN", "there is no such holder");
      if (typeof person !== "string" || person === "") return refusedAs("PERSON_MISSING", "a person has to be named");
      if (!(await watch.accept(holder))) {
        return refusedAs(
          "NOTHING_TO_ACCEPT",
          `only a journal under ZONE_ROLLED_BACK is accepted: ${watch.alarmOf(holder)}`,
        );
      }
      logger.warn({ holder, person }, "a person has accepted a journal that is longer than this database knows");
      return answered({ holder, accepted: true });
    },
  };
}
