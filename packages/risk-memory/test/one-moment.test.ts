// A withdrawal is read as of one moment: state, history and findings agree while somebody changes it, on real Postgres.
import { fileURLToPath } from "node:url";
import type { WithdrawalId } from "@sluice/core";
import { createPool, migrate, type Pool, transaction } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  insertFindings,
  insertWithdrawals,
  lockWithdrawal,
  readWhole,
  saveWithdrawals,
  type Whole,
} from "../src/index.ts";

const MIGRATIONS = fileURLToPath(new URL("../../../services/online-risk/migrations", import.meta.url));
const ID = "w-1" as WithdrawalId;
let pool: Pool;
const ending: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const database = await createTestDatabase();
  pool = createPool({ url: database.url, applicationName: "test", max: 3 });
  ending.push(
    () => pool.end(),
    () => database.drop(),
  );
  await migrate(pool, [{ set: "online-risk", directory: MIGRATIONS }]);
  await pool.query(
    `insert into withdrawal_request (withdrawal_id, key_id, nonce, method, authority, path, query, content_type,
       content_digest, signature_input, signature, body, body_sha256, received_at_ms)
     values ($1, 'k', 'n', 'POST', 'a', '/', '', '', '', '', '', '', '', 1)`,
    [ID],
  );
  await transaction(pool, (tx) =>
    insertWithdrawals(tx, [
      {
        ...{ id: ID, state: "received", account: "acme", asset: "BTC", amountMinor: 1n, address: "bcrt1", keyId: "k" },
        ...{ scriptPubKey: new Uint8Array([0]), priority: "normal", feePayer: "exchange", feeMinor: 0n },
        ...{ detail: "change 1", receivedAtMs: 1 },
      },
    ]),
  );
});
afterAll(async () => {
  for (const end of ending) await end();
});

/** The next revision, with a finding of its own, in one transaction. */
function changeOnce(): Promise<void> {
  return transaction(pool, async (tx) => {
    const stored = await lockWithdrawal(tx, ID);
    if (stored === undefined) throw new Error("it is gone");
    const revision = stored.revision + 1;
    const state = revision % 2 === 0 ? "held" : "delayed";
    const next = { ...stored, revision, state, detail: `change ${revision}` } as const;
    if ((await saveWithdrawals(tx, [next])).length > 0) throw new Error();
    const findings = [{ rule: "R", verdict: "hold", reason: `${revision}`, evidence: {} }];
    await insertFindings(tx, "online-risk", [{ id: ID, findings, atMs: 1 }]);
  });
}

/** How what was read does not belong together; empty when it does. */
function tornBy({ stored, history, findings }: Omit<Whole, "failing" | "requestBody">): readonly string[] {
  const last = history.at(-1);
  return [
    ...(history.length === stored.revision ? [] : ["history"]),
    ...(last?.state === stored.state && last.detail === stored.detail ? [] : ["last change"]),
    ...(findings.length === stored.revision - 1 ? [] : ["findings"]),
  ];
}

async function read(): Promise<Whole> {
  const whole = await readWhole(pool, ID);
  if (whole === undefined) throw new Error("it is gone");
  return whole;
}

test("three hundred reads beside a writer that never rests each show one moment, many moments in all", async () => {
  let writing = true;
  const writer = (async () => {
    while (writing) await changeOnce();
  })();
  const revisions = new Set<number>();
  for (let n = 0; n < 300; n += 1) {
    const whole = await read();
    revisions.add(whole.stored.revision);
    expect(tornBy(whole)).toEqual([]);
  }
  writing = false;
  await writer;
  process.stdout.write(`one moment: 300 reads saw ${revisions.size} revisions\n`);
  expect(revisions.size).toBeGreaterThan(10);
});

test("the check sees what is read one after the other", async () => {
  const { stored } = await read();
  await changeOnce();
  const { history, findings } = await read();
  expect(tornBy({ stored, history, findings })).toEqual(["history", "last change", "findings"]);
});
