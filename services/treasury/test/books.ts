// The treasury's tables on a real server, and its handlers called as the consumer calls them.
import { fileURLToPath } from "node:url";
import { MESSAGES, type Opened } from "@sluice/contracts";
import { balanceKey, type LedgerAccount } from "@sluice/core";
import { type Handlers, handleOnce, MESSAGING_MIGRATIONS } from "@sluice/messaging";
import { createPool, migrate, type Pool, type Transaction } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import { handleCoinObserved } from "../src/handlers/coin-observed.ts";
import { handleCoinVanished } from "../src/handlers/coin-vanished.ts";
import { handleTransactionConfirmed } from "../src/handlers/transaction-confirmed.ts";
import { handleTransactionConflicted } from "../src/handlers/transaction-conflicted.ts";
import { handleTransactionReorged } from "../src/handlers/transaction-reorged.ts";
import { handleTransactionSigned } from "../src/handlers/transaction-signed.ts";
import { handleWithdrawalCleared } from "../src/handlers/withdrawal-cleared.ts";
import { handleWithdrawalFailed } from "../src/handlers/withdrawal-failed.ts";
import { listBalances } from "../src/store.ts";
import { type Told, TRUST } from "./messages.ts";

export type Books = { readonly pool: Pool; readonly close: () => Promise<void> };

export async function openBooks(): Promise<Books> {
  const database = await createTestDatabase();
  const pool = createPool({ url: database.url, applicationName: "treasury-test", max: 4 });
  await migrate(pool, [
    { set: "messaging", directory: MESSAGING_MIGRATIONS },
    { set: "treasury", directory: fileURLToPath(new URL("../migrations", import.meta.url)) },
  ]);
  return {
    pool,
    close: async () => {
      await pool.end();
      await database.drop();
    },
  };
}

const handlers: Handlers = {
  "coin.observed.v1": handleCoinObserved,
  "coin.vanished.v1": handleCoinVanished,
  "transaction.confirmed.v1": handleTransactionConfirmed,
  "transaction.conflicted.v1": handleTransactionConflicted,
  "transaction.reorged.v1": handleTransactionReorged,
  "transaction.signed.v1": handleTransactionSigned,
  "withdrawal.cleared.v1": handleWithdrawalCleared(TRUST),
  "withdrawal.failed.v1": handleWithdrawalFailed(TRUST),
};

/** Through the inbox, as everything that arrives. */
export async function take(tx: Transaction, told: Told & { readonly envelope?: Uint8Array }): Promise<void> {
  const { type, id, message, envelope = new Uint8Array() } = told;
  const producer = MESSAGES[type].producers[0];
  const rest = { id, key: id, producer, keyId: "k", occurredAtMs: 1, envelope } as const;
  const opened = { type, message, ...rest } as Opened;
  const handler = handlers[type] as (tx: Transaction, opened: Opened) => Promise<void>;
  await handleOnce(tx, opened, handler);
}

/** Without accounts that stand at zero. */
export async function balances(tx: Transaction | Pool): Promise<ReadonlyMap<string, bigint>> {
  const listed = await listBalances(tx);
  return new Map(
    listed.flatMap(({ account, amountMinor }) =>
      amountMinor === 0n ? [] : [[balanceKey(account as LedgerAccount, "BTC"), amountMinor] as const],
    ),
  );
}
