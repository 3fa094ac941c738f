// Forty kills over three hundred withdrawals: every process and part at least twice, and each withdrawal is paid once.
import { setTimeout as delay } from "node:timers/promises";
import { addressOf } from "@sluice/chains";
import { expect, it } from "vitest";
import { runChaos } from "./chaos.ts";
import { check } from "./check.ts";
import type { Harness } from "./harness.ts";
import type { Request } from "./history.ts";
import { TARGETS } from "./plan.ts";
import { renderReport } from "./report.ts";

const SEED = 20_261_121;
/** A minute and a half on an idle machine; the suite's other files take their share. */
const WITHIN_MS = 400_000;

it("nothing is lost, doubled or left over; and a payment from outside and one kept back are found out", {
  timeout: WITHIN_MS,
}, async () => {
  const lines: string[] = [];
  let planted: readonly string[][] = [];
  const result = await runChaos({
    ...{ seed: SEED, withdrawals: 300, kills: 40, pauses: 5, zombies: 1, cuts: 6, perSecond: 8 },
    log: (line) => void lines.push(`${new Date().toISOString()} ${line}`),
    afterwards: async (harness, requests) => {
      planted = [await paidFromOutside(harness, requests), await keptBack(harness, requests)];
    },
  }).catch((error: unknown) => {
    throw new Error(lines.slice(-80).join("\n"), { cause: error });
  });
  process.stdout.write(renderReport(result));
  const said = lines.slice(-80).join("\n");
  expect(result.violations, said).toEqual([]);
  expect(result.endedByThemselves, said).toEqual([]);
  expect(Object.keys(result.fired["kill"] ?? {}).toSorted()).toEqual(TARGETS.toSorted());
  for (const times of Object.values(result.fired["kill"] ?? {})) expect(times).toBeGreaterThanOrEqual(2);
  for (const kind of ["pause", "zombie", "cut"]) expect(result.fired[kind], kind).toBeDefined();
  expect(result.counts).toMatchObject({ accepted: 294, refused: 6, paid: 285 });
  expect(result.counts.transfers).toBeGreaterThan(0);
  expect(planted).toEqual([["PAID_TWICE"], expect.arrayContaining(["LOST", "STATE_WRONG"])]);
});

/** Planted: what a broken gateway would do. Somebody pays a payee of ours again, with coins of his own. */
async function paidFromOutside({ stack, observer, rpc }: Harness, requests: readonly Request[]): Promise<string[]> {
  const address = requests.find(({ due, answer }) => due === "paid" && answer === "accepted")?.address ?? "";
  const txid = await stack.chain.pay({ [address]: 10_000n });
  for (;;) {
    const history = await observer.history(requests);
    const isMined = history.blocks.some(({ transactions }) => transactions.some((one) => one.txid === txid));
    if (isMined) return [...new Set(check(history).map(({ code }) => code))];
    await rpc.ask("getblockcount");
    await delay(250);
  }
}

/** Planted: a deployment that accepts a withdrawal and does nothing about it. */
async function keptBack({ stack, observer, supervisor }: Harness, requests: readonly Request[]): Promise<string[]> {
  const like = requests.find(({ due, answer }) => due === "paid" && answer === "accepted");
  if (like === undefined) throw new Error("nothing was accepted");
  const script = `0014${"5a".repeat(20)}`;
  const address = addressOf("regtest", Buffer.from(script, "hex")) ?? "";
  const pausing = supervisor.pause("vault", 3_000);
  const one = { id: "kept-back", account: "alice", amountSat: "10000", address };
  await stack.client.createWithdrawal({ ...one, asset: "BTC", amount: 10_000n });
  const history = await observer.history([...requests, { ...one, script, answer: "accepted", due: "paid" }]);
  await pausing;
  const own = check(history).filter(({ about }) => about === "kept-back");
  return own.map(({ code }) => code);
}
