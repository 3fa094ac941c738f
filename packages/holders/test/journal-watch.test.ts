// What is kept of journals on a real Postgres: it outlives the process, and an alarm ends as it should.
import { HOLDERS } from "@sluice/contracts";
import { createPool, migrate } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import { createMetrics } from "@sluice/runtime";
import { expect, onTestFinished, test } from "vitest";
import { JOURNAL_WATCH_MIGRATIONS, journalCommands, openJournalWatch } from "../src/index.ts";

const [A, B] = HOLDERS;
const nothing = () => undefined;
const logger = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
} as never;

async function createWorld() {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const pool = createPool({ url: database.url, applicationName: "journal-watch-test", max: 2 });
  onTestFinished(() => pool.end());
  await migrate(pool, [JOURNAL_WATCH_MIGRATIONS]);
  const orders = { count: 100n };
  const metrics = createMetrics("journal-watch");
  const open = () =>
    openJournalWatch({ pool, logger, metrics: createMetrics("journal-watch"), countOrders: async () => orders.count });
  return { orders, open, metrics };
}

const said = (records: number, head: string, refusals = 0) => ({
  holder: A,
  state: "serving" as const,
  isolation: { noIp: true, detail: "" },
  journalRecords: BigInt(records),
  journalRefusals: BigInt(refusals),
  journalHead: head,
  metrics: "",
});

test("a holder that comes back shorter is not asked until it is what it was, also by the next process", async () => {
  const { open } = await createWorld();
  const first = await open();
  await first.hear(A, said(3, "h4", 1));
  expect([first.mayOrder(A), first.seen(A)]).toEqual([true, { seenRecords: 4n, seenHead: "h4" }]);
  await first.hear(A, said(3, "h3"));
  expect([first.alarmOf(A), first.mayOrder(A), first.mayOrder(B)]).toEqual(["HOLDER_ROLLED_BACK", false, true]);
  const second = await open();
  expect([second.alarmOf(A), second.mayOrder(A)]).toEqual(["HOLDER_ROLLED_BACK", false]);
  // A person cannot say that a shorter journal is right, and it stays what has to come back.
  const accept = journalCommands(second, logger)["journal accept"];
  expect(await accept?.({ holder: A, person: "ann" }, Buffer.alloc(0))).toMatchObject({ code: "NOTHING_TO_ACCEPT" });
  await second.hear(A, said(4, "other"));
  expect(second.alarmOf(A)).toBe("HOLDER_ROLLED_BACK");
  await second.hear(A, said(3, "h4", 1));
  expect([second.alarmOf(A), second.mayOrder(A)]).toEqual(["", true]);
});

test("a journal that is longer than there were orders stops everybody until a person accepts it", async () => {
  const { open, orders } = await createWorld();
  const watch = await open();
  orders.count = 2n;
  await watch.hear(A, said(2, "h2"));
  await watch.hear(A, said(5, "h5"));
  expect([watch.alarmOf(A), watch.mayOrder(A), watch.mayOrder(B)]).toEqual(["ZONE_ROLLED_BACK", false, false]);
  const accept = journalCommands(watch, logger)["journal accept"];
  expect(await accept?.({ holder: "nobody", person: "ann" }, Buffer.alloc(0))).toMatchObject({
    code: "HOLDER_UNKNOWN",
  });
  expect(await accept?.({ holder: A }, Buffer.alloc(0))).toMatchObject({ code: "PERSON_MISSING" });
  expect(await accept?.({ holder: A, person: "ann" }, Buffer.alloc(0))).toMatchObject({ ok: true });
  await watch.hear(A, said(5, "h5"));
  expect([watch.alarmOf(A), watch.mayOrder(B)]).toEqual(["", true]);
  // One more than was accepted is one too many; one more with its order is not.
  orders.count = 3n;
  await watch.hear(A, said(6, "h6"));
  expect(watch.alarmOf(A)).toBe("");
  await watch.hear(A, said(7, "h7"));
  expect(watch.alarmOf(A)).toBe("ZONE_ROLLED_BACK");
});
