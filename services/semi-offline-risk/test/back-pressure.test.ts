// A zone whose holders are slow takes no more tasks than it can hold: vault keeps the rest, and asks again.
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { seal } from "@sluice/contracts";
import { createPool, migrate, type Pool, transaction } from "@sluice/postgres";
import { createTestDatabase, type TestDatabase } from "@sluice/postgres/testing";
import { asMessage, makeSeals, makeTask, makeWallet } from "@sluice/second-opinion/fixtures";
import { acceptTask, listDue } from "@sluice/zone-memory";
import { afterAll, beforeAll, expect, test } from "vitest";
import { handleSigningRequested } from "../src/handlers/signing-requested.ts";

const OPEN_AT_MOST = 500;

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await createTestDatabase(process.env["OFFLINE_DATABASE_URL"]);
  pool = createPool({ url: database.url, applicationName: "back-pressure-test" });
  const directory = fileURLToPath(new URL("../migrations", import.meta.url));
  await migrate(pool, [{ set: "semi-offline-risk", directory }]);
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

test(`the task after ${OPEN_AT_MOST} open ones waits on vault's side, and is taken once one of them has its verdict`, async () => {
  const sha256 = randomBytes(32);
  const accept = (id: string) =>
    transaction(pool, (tx) => acceptTask(tx, { id, walletId: "hot", envelope: Buffer.of(1), sha256 }));
  await pool.query(
    `insert into task (id, wallet_id, envelope, content_sha256, state)
     select 'old-' || number, 'hot', '', $1, case when number % 2 = 0 then 'received' else 'ordered' end
     from generate_series(1, $2) as number`,
    [sha256, OPEN_AT_MOST - 1],
  );
  expect(await accept("last")).toBe("new");
  expect(await accept("one-more")).toBe("full");
  // Asking about a task that is known already is always answered.
  expect(await accept("old-1")).toBe("known");
  const due = await listDue(pool, Date.now());
  expect(due).toHaveLength(OPEN_AT_MOST);
  expect(due.findLastIndex(({ state }) => state === "received")).toBeLessThan(
    due.findIndex(({ state }) => state === "ordered"),
  );

  const seals = makeSeals();
  const { wallet } = makeWallet();
  const task = makeTask(seals, wallet, {});
  const envelope = seal(seals.sealer("vault"), "signing.requested.v1", {
    id: task.taskId,
    key: task.walletId,
    occurredAtMs: Date.now(),
    message: asMessage(task),
  });
  const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const around = { pool, trust: seals.trust, logger: logger as never };
  // Rejecting is what keeps the message on the bridge: nothing of it is stored, and it comes again.
  await expect(handleSigningRequested(around, envelope)).rejects.toThrow("TASKS_OPEN");
  await pool.query("update task set state = 'signed' where id = 'old-1'");
  expect(await handleSigningRequested(around, envelope)).toBe("new");
});
