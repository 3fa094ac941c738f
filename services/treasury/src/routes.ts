// What a person can read of the ledger.
import { type HttpServer, z } from "@sluice/http";
import { type Pool, type Transaction, transaction } from "@sluice/postgres";
import {
  type Balance,
  chainBalanceSat,
  listBalances,
  listNewestPayouts,
  listNewestTransfers,
  listPaidTwice,
  listTransfers,
} from "./store.ts";

const SHOWN_PAYOUTS = 200;
const SHOWN_TRANSFERS = 50;

export type Reconciliation = {
  readonly ledgerSat: bigint;
  readonly chainSat: bigint;
  readonly driftSat: bigint;
  readonly balances: readonly Balance[];
};

/** Both sides as of one moment. */
export function readReconciliation(pool: Pool): Promise<Reconciliation> {
  return asOfOneMoment(pool, reconcile);
}

async function reconcile(tx: Transaction): Promise<Reconciliation> {
  const balances = await listBalances(tx);
  const chainSat = await chainBalanceSat(tx);
  const ledgerSat =
    balances.find(({ account, asset }) => account === "hot-wallet" && asset === "BTC")?.amountMinor ?? 0n;
  return { ledgerSat, chainSat, driftSat: ledgerSat - chainSat, balances };
}

/** What is shown together was true together: a payout that is listed as posted is in the balances beside it. */
function asOfOneMoment<T>(pool: Pool, read: (tx: Transaction) => Promise<T>): Promise<T> {
  return transaction(pool, async (tx) => {
    await tx.query("set transaction isolation level repeatable read, read only");
    return read(tx);
  });
}

/** Customers who were paid more than these books say they were owed. Debits are positive. */
export function overdrawnOf(balances: readonly Balance[]): readonly Balance[] {
  return balances.filter(({ account, amountMinor }) => account.startsWith("customer:") && amountMinor > 0n);
}

export function addRoutes(http: HttpServer, pool: Pool): void {
  http.get("/ledger", () => asOfOneMoment(pool, readLedger));
  http.get("/ledger/:id", { schema: { params: z.object({ id: z.string().min(1).max(100) }) } }, async (request) => ({
    transfers: await listTransfers(pool, request.params.id),
  }));
}

async function readLedger(tx: Transaction): Promise<object> {
  const { ledgerSat, chainSat, driftSat, balances } = await reconcile(tx);
  return {
    balances: balances.map(({ amountMinor, ...balance }) => ({ ...balance, amountMinor: String(amountMinor) })),
    reconciliation: { ledgerSat: String(ledgerSat), chainSat: String(chainSat), driftSat: String(driftSat) },
    overdrawn: overdrawnOf(balances).map(({ account }) => account),
    paidTwice: await listPaidTwice(tx),
    payouts: await listNewestPayouts(tx, SHOWN_PAYOUTS),
    transfers: await listNewestTransfers(tx, SHOWN_TRANSFERS),
  };
}
