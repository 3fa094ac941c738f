// Transactions and savepoints that cannot be left half-way: what is closed refuses further statements.

import type pg from "pg";
import { named, PostgresError } from "./errors.ts";
import { checkOut, type Pool, type Queryable, type Rows, run } from "./pool.ts";

/** Handed to the work of one transaction or savepoint, and dead after it. */
export type Transaction = Queryable & { readonly kind: "transaction" };

/**
 * Runs the work in one transaction: commits when it resolves, rolls back when it throws. Retries nothing. When the connection breaks during the
 * commit the outcome is unknown; the error is retriable, and the work must be one that is safe to repeat (an inbox row,
 * an expected state in the WHERE).
 */
export async function transaction<T>(pool: Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const client = await checkOut(pool);
  const scope = new Scope(client);
  let usable = false;
  try {
    await run(client, "begin", undefined);
    const value = await work(scope);
    await scope.close();
    await commit(client);
    usable = true;
    return value;
  } catch (error) {
    await scope.close();
    usable = await rollBack(client);
    throw error;
  } finally {
    client.release(!usable);
  }
}

/**
 * Runs the work so that its failure, also a failed statement, undoes only itself: the transaction around it goes on.
 * The error is thrown again. When even the undoing fails, the connection is gone and that error is thrown instead.
 */
export async function savepoint<T>(tx: Transaction, work: (inner: Transaction) => Promise<T>): Promise<T> {
  const outer = scopeOf(tx);
  await outer.query("savepoint sluice");
  const inner = new Scope(outer.client);
  try {
    const value = await work(inner);
    await inner.close();
    await outer.query("release savepoint sluice");
    return value;
  } catch (error) {
    await inner.close();
    await outer.query("rollback to savepoint sluice; release savepoint sluice");
    throw error;
  }
}

/**
 * Takes the lane for this transaction: true when nobody else is in it, false at once otherwise. Postgres frees it with
 * the transaction, also when the process dies. Two keys share a lane only if 64 bits of their hashes agree, which delays
 * and never harms.
 */
export async function withLane(tx: Transaction, key: string): Promise<boolean> {
  const { rows } = await tx.query<{ taken: boolean }>(
    "select pg_try_advisory_xact_lock(hashtextextended('lane:' || $1::text, 0)) as taken",
    [key],
  );
  return rows[0]?.taken === true;
}

/**
 * Waits until nobody else has any of these names, and has them until the end of the transaction. Taken in the order of their
 * hashes, so that two transactions that want the same ones in one call do not wait for each other.
 */
export async function holdNames(tx: Transaction, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await tx.query(
    `select pg_advisory_xact_lock(hash)
     from (select distinct hashtextextended(name, 0) as hash from unnest($1::text[]) as name order by hash) as ordered`,
    [names],
  );
}

class Scope implements Transaction {
  readonly kind = "transaction";
  readonly client: pg.ClientBase;
  #closed = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: pg.ClientBase) {
    this.client = client;
  }

  // Statements queue here one after another, so that work which starts several at once still runs them in its order,
  // and none of them is left on the wire when the scope is committed or undone.
  readonly query = <T>(sql: string, params?: readonly unknown[]): Promise<Rows<T>> => {
    if (this.#closed) {
      return Promise.reject(new PostgresError("TRANSACTION_CLOSED", "A statement came after its transaction ended."));
    }
    const result = this.#last.then(() => run<T>(this.client, sql, params));
    this.#last = result.catch(() => undefined);
    return result;
  };

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
  }
}

function scopeOf(tx: Transaction): Scope {
  if (!(tx instanceof Scope)) throw new TypeError("The transaction was not made by this package.");
  return tx;
}

async function commit(client: pg.ClientBase): Promise<void> {
  const { command } = await client.query("commit").catch((error: unknown) => {
    throw named(error);
  });
  // Postgres answers the commit of a failed transaction with a rollback and no error: work that swallowed a failed
  // statement would otherwise look as if it had been saved.
  if (command !== "COMMIT") {
    throw new PostgresError("TRANSACTION_ABORTED", "A statement failed and was ignored, so Postgres rolled back.");
  }
}

async function rollBack(client: pg.ClientBase): Promise<boolean> {
  try {
    await client.query("rollback");
    return true;
  } catch {
    return false;
  }
}
