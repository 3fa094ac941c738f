// The treasury as a real process: messages through real Kafka, killed in between, read over its internal HTTP.
import { type Deployment, openDeployment, type ServiceProcess, until } from "@sluice/online-service/testing";
import { expect, it, onTestFinished } from "vitest";
import { confirmed, newTxid, observed, signed, type TestTransaction, type Told } from "./messages.ts";

type Ledger = {
  readonly balances: readonly { readonly account: string; readonly amountMinor: string }[];
  readonly reconciliation: { readonly ledgerSat: string; readonly chainSat: string; readonly driftSat: string };
  readonly overdrawn: readonly string[];
  readonly payouts: readonly { readonly withdrawalId: string; readonly standing: string; readonly txid: string }[];
  readonly transfers: readonly { readonly id: string }[];
};

it("books a payout pending, then posted with its fee; a confirmation that comes first is kept; a kill loses nothing", async () => {
  const world = await openDeployment({ service: "treasury", main: new URL("../src/main.ts", import.meta.url) });
  onTestFinished(world.close);
  const coin = { txid: newTxid(), vout: 1, amountSat: 1_000_000n };
  const paid: TestTransaction = {
    txid: newTxid(),
    payouts: [
      { withdrawalId: "w-1", account: "alice", amountSat: 100_000n },
      { withdrawalId: "w-2", account: "bob", amountSat: 200_000n },
    ],
    spent: [coin],
    feeSat: 400n,
  };
  const change = { txid: paid.txid, vout: 2, amountSat: 699_600n };
  const early: TestTransaction = {
    txid: newTxid(),
    payouts: [{ withdrawalId: "w-3", account: "alice", amountSat: 50_000n }],
    spent: [change],
    feeSat: 200n,
  };
  const rest = { txid: early.txid, vout: 1, amountSat: 649_400n };

  const first = await world.start();
  await tell(world, observed(coin, 0));
  await tell(world, signed(paid));
  await until(
    () => ledger(first),
    ({ payouts }) => payouts.length === 2,
  );
  const pending = await until(
    () => ledger(first),
    ({ balances }) => balances.some(({ account }) => account === "customer:hot-float"),
  );
  expect(balancesOf(pending)).toEqual({
    "customer:alice": "100000",
    "customer:bob": "200000",
    "customer:hot-float": "-1000000",
    "hot-wallet": "1000000",
    "in-flight": "-300000",
  });
  expect(pending.payouts.map(({ standing }) => standing)).toEqual(["pending", "pending"]);
  expect(pending.reconciliation.driftSat).toBe("0");

  // The chain is faster than vault's message, and everything comes twice, to two processes.
  await tell(world, confirmed(early));
  await first.kill();
  const second = await world.start();
  for (const told of [
    confirmed(paid),
    observed(change, 1),
    observed(rest, 1),
    signed(early),
    signed(paid),
    confirmed(early),
  ]) {
    await tell(world, told);
  }
  const settled = await until(
    () => ledger(second),
    ({ payouts, reconciliation }) =>
      payouts.length === 3 && payouts.every(({ standing }) => standing === "posted") && reconciliation.driftSat === "0",
  );
  expect(balancesOf(settled)).toEqual({
    "customer:alice": "150000",
    "customer:bob": "200000",
    "customer:hot-float": "-1000000",
    "hot-wallet": "649400",
    "in-flight": "0",
    "network-fees": "600",
  });
  expect(settled.overdrawn).toEqual(["customer:alice", "customer:bob"]);
  expect(settled.transfers).toHaveLength(9);
  const metrics = (await second.get("/metrics")).text;
  expect(metrics).toMatch(/^sluice_treasury_drift_sat\{.*\} 0$/m);
  expect(metrics).toMatch(/^sluice_treasury_overdrawn_sat\{.*\} 350000$/m);
  expect((await second.get("/ledger/w-1")).json()).toMatchObject({
    transfers: [{ kind: "payout-pending" }, { kind: "payout-posted" }],
  });
  expect((await second.get("/dead-letters")).json()).toEqual({ deadLetters: [] });
});

async function tell(world: Deployment, { type, id, message }: Told): Promise<void> {
  await world.publish(type, { id, key: id, occurredAtMs: 1_000, message } as Parameters<typeof world.publish>[1]);
}

async function ledger(service: ServiceProcess): Promise<Ledger> {
  return (await service.get("/ledger")).json() as Ledger;
}

function balancesOf({ balances }: Ledger): Readonly<Record<string, string>> {
  return Object.fromEntries(balances.map(({ account, amountMinor }) => [account, amountMinor]));
}
