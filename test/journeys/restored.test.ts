// Every online service's database in turn is restored from a backup while the rest went on, as "A database that was set
// back" in OPERATIONS says: noticed, nothing done on it, brought back by an operator's word. Each withdrawal is paid once.
import { ONLINE_SERVICES, type OnlineService } from "@sluice/devstack";
import { createPool } from "@sluice/postgres";
import { backUpDatabase } from "@sluice/postgres/testing";
import { expect, it } from "vitest";
import { follow, paymentsTo, withStack } from "./with-stack.ts";

const MARK_EVERY_MS = 400;
const env = { SLUICE_MARK_EVERY_MS: String(MARK_EVERY_MS), SLUICE_KAFKA_SESSION_TIMEOUT_MS: "6000" };
const stack = withStack({
  extraEnv: Object.fromEntries(ONLINE_SERVICES.map((name) => [name, env])),
});

const posted: { readonly id: string; readonly address: string }[] = [];

async function post(id: string): Promise<string> {
  const address = await stack().chain.newAddress();
  await stack().client.createWithdrawal({ id, account: "alice", asset: "BTC", amount: 150_000n, address });
  posted.push({ id, address });
  return id;
}

it("one service after the other goes on from an older copy, and nothing is lost or paid twice", async () => {
  await stack().fund(Array.from({ length: 10 }, () => 5_000_000n));
  await follow(stack(), await post("before"), ["completed"]);
  const marks = new Map<OnlineService, bigint>();
  for (const name of ONLINE_SERVICES) marks.set(name, await markOf(name));
  const backups = new Map<OnlineService, Awaited<ReturnType<typeof backUpDatabase>>>();
  for (const name of ONLINE_SERVICES) {
    backups.set(name, await backUpDatabase(stack().inside.databaseUrlOf(name)));
  }
  // Since then: one is completed, and one is signed and waits for a block.
  await follow(stack(), await post("completed-since"), ["completed"]);
  await follow(stack(), await post("signed-since"), ["broadcast"]);
  for (const name of ONLINE_SERVICES) {
    await expect.poll(() => markOf(name), { timeout: 20_000 }).toBeGreaterThan((marks.get(name) ?? 0n) + 6n);
  }

  let noticed = 0;
  for (const name of ONLINE_SERVICES) {
    await stack().processOf(name).stop();
    await backups.get(name)?.restore();
    const restarted = stack().restart(name);
    const said = await untilHalted(name);
    expect(said, name).toContain("DATABASE_SET_BACK");
    noticed += 1;
    const mark = /POST \/recovery \{\\"mark\\":\\"([0-9]+)\\"\}/.exec(said)?.[1] ?? "";
    expect(await sayGoOn(name, mark)).toBe(202);
    await restarted;
    await post(`after-${name}`);
  }
  for (const { id } of posted) expect((await follow(stack(), id, ["completed"])).state, id).toBe("completed");
  for (const { id, address } of posted) expect(await paymentsTo(stack(), address), id).toHaveLength(1);
  const treasury = (await (await fetch(`${stack().httpUrls.treasury}/ledger`)).json()) as {
    readonly reconciliation: { readonly driftSat: string };
    readonly payouts: readonly { readonly standing: string }[];
  };
  expect(treasury.payouts.map(({ standing }) => standing)).toEqual(posted.map(() => "posted"));
  await expect.poll(driftSat, { timeout: 20_000 }).toBe("0");
  for (const name of ONLINE_SERVICES) expect([name, await deadLetters(name)]).toEqual([name, []]);
  await expect.poll(() => count("vault", "select from reservation"), { timeout: 20_000 }).toBe(0);
  expect(noticed).toBe(ONLINE_SERVICES.length);
  process.stdout.write(`restored: ${noticed} databases set back and noticed, ${posted.length} withdrawals paid once\n`);
}, 240_000);

async function driftSat(): Promise<string> {
  const answer = (await (await fetch(`${stack().httpUrls.treasury}/ledger`)).json()) as {
    readonly reconciliation: { readonly driftSat: string };
  };
  return answer.reconciliation.driftSat;
}

async function deadLetters(name: OnlineService): Promise<readonly unknown[]> {
  const answer = await (await fetch(`${stack().httpUrls[name]}/dead-letters`)).json();
  return (
    answer as { readonly deadLetters: readonly { readonly code: string; readonly reason: string }[] }
  ).deadLetters.map(({ code, reason }) => `${code}: ${reason}`);
}

async function untilHalted(name: OnlineService): Promise<string> {
  let said = "";
  await expect
    .poll(
      async () => {
        const answer = await fetch(`${stack().httpUrls[name]}/readyz`).catch(() => null);
        said = (await answer?.text()) ?? "";
        return answer?.status;
      },
      { timeout: 30_000, interval: 50 },
    )
    .toBe(503);
  return said;
}

async function sayGoOn(name: OnlineService, mark: string): Promise<number> {
  const answer = await fetch(`${stack().httpUrls[name]}/recovery`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ mark }),
  });
  return answer.status;
}

async function markOf(name: OnlineService): Promise<bigint> {
  const [row] = await rows(name, "select mark from high_water");
  return BigInt(String(row?.["mark"] ?? 0));
}

async function count(name: OnlineService, sql: string): Promise<number> {
  return (await rows(name, sql)).length;
}

async function rows(name: OnlineService, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const pool = createPool({ url: stack().inside.databaseUrlOf(name), applicationName: "journey", max: 1 });
  try {
    return (await pool.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await pool.end();
  }
}
