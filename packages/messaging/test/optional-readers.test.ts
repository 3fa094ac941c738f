// A reader that not every deployment has is waited for where it is, from when it comes until it goes.
import { createPool, migrate, transaction } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import { expect, onTestFinished, test } from "vitest";
import { appendOutbox, MESSAGING_MIGRATIONS, redrive, setOptionalReaders } from "../src/index.ts";

test("what is appended waits for it only while it is there; going takes it out of all that waits", async () => {
  const database = await createTestDatabase();
  const pool = createPool({ url: database.url, applicationName: "optional-readers-test", max: 2 });
  onTestFinished(async () => {
    await pool.end();
    await database.drop();
  });
  await migrate(pool, [{ set: "messaging", directory: MESSAGING_MIGRATIONS }]);
  const append = (id: string) =>
    transaction(pool, (tx) =>
      appendOutbox(tx, { topic: "withdrawal.changed.v1", key: "w-1", id, envelope: Buffer.from(id) }),
    );
  const awaits = async () =>
    (
      await pool.query<{ id: string; awaits: readonly string[] }>(
        "select message_id as id, awaits from outbox order by outbox.id",
      )
    ).rows.map(({ id, awaits: readers }) => [id, ...readers]);

  await setOptionalReaders(pool, []);
  await append("before");
  await setOptionalReaders(pool, ["webhooks"]);
  await setOptionalReaders(pool, ["webhooks"]);
  await append("with");
  expect(await awaits()).toEqual([
    ["before", "ops-console"],
    ["with", "ops-console", "webhooks"],
  ]);
  // Driven again by hand, it is meant for whoever is there now.
  await pool.query("update outbox set published_at = now()");
  expect(await redrive(pool, "withdrawal.changed.v1", new Date(0))).toBe(2);
  expect(await awaits()).toEqual([
    ["before", "ops-console", "webhooks"],
    ["with", "ops-console", "webhooks"],
  ]);
  await setOptionalReaders(pool, []);
  await append("after");
  expect(await awaits()).toEqual([
    ["before", "ops-console"],
    ["with", "ops-console"],
    ["after", "ops-console"],
  ]);
});
