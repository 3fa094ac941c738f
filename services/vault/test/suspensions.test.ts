// What people have stopped is neither planned nor sent, whatever order their words come in; reopened, it goes on.
import type { MessageOf } from "@sluice/contracts";
import { transaction } from "@sluice/postgres";
import { listWaiting, noteSuspension, sumWaiting } from "@sluice/wallet-memory";
import { beforeEach, expect, it } from "vitest";
import { dueTasks } from "../src/store/tasks.ts";
import { fund } from "./support/holders.ts";
import { plan, poolOf, putCoin, putWithdrawal, test, usePlanningDatabase } from "./support/planning.ts";

const database = usePlanningDatabase();
type Word = MessageOf<"suspension.changed.v1">;
const pool = () => poolOf(database.pools);

beforeEach(() => pool().query("truncate suspension"));

function say(kind: Word["kind"], value: string, isStanding: boolean, suspensionId = `${kind}-${value}`): Promise<void> {
  const message = { suspensionId, kind, values: ["another", value], isStanding, changedAtMs: 1 };
  return transaction(pool(), (tx) => noteSuspension(tx, { envelope: Buffer.of(isStanding ? 1 : 0), message }));
}

async function payable(): Promise<string> {
  await putCoin(pool(), fund(test, 500_000n));
  await putWithdrawal(pool(), { id: "w-1", amountSat: 20_000n });
  const { rows } = await pool().query<{ address: string; account: string }>("select address, account from withdrawal");
  return JSON.stringify(rows[0]);
}

const KINDS: readonly (readonly [
  Word["kind"],
  (row: { readonly address: string; readonly account: string }) => string,
])[] = [
  ["account", ({ account }) => account],
  ["destination", ({ address }) => address],
  ["asset", () => "BTC"],
  ["wallet", () => "hot-1"],
  ["all", () => ""],
];

it.each(KINDS)("a suspended %s is not planned, and shows why; reopened it is", async (kind, of) => {
  const value = of(JSON.parse(await payable()) as { address: string; account: string });
  await say(kind, "somebody else", true, "of another");
  if (kind === "all") await say(kind, "somebody else", false, "of another");
  await say(kind, value, true);
  expect((await plan(pool())).kind).not.toBe("planned");
  const isShown = kind !== "wallet";
  expect((await listWaiting(pool(), 9)).map(({ code }) => code === "SUSPENDED")).toEqual([isShown]);
  expect(await transaction(pool(), (tx) => sumWaiting(tx, "hot-1"))).toBe(isShown ? 0n : 20_000n);
  await say(kind, value, false);
  expect((await plan(pool())).kind).toBe("planned");
});

it.each(KINDS)("what is planned for a suspended %s and not sent yet waits", async (kind, of) => {
  const value = of(JSON.parse(await payable()) as { address: string; account: string });
  expect((await plan(pool())).kind).toBe("planned");
  expect(await dueTasks(pool(), [], 9)).toHaveLength(1);
  await say(kind, value, true);
  expect(await dueTasks(pool(), [], 9)).toEqual([]);
  await say(kind, value, false);
  expect(await dueTasks(pool(), [], 9)).toHaveLength(1);
});

it("a reopening that comes before its suspension holds", async () => {
  await payable();
  for (const isStanding of [false, true, false, true]) await say("all", "", isStanding);
  expect((await plan(pool())).kind).toBe("planned");
});
