// What the rest of Sluice may know of Postgres: pool, transaction, lanes, migrations, notifications.

export { durabilityFaults } from "./durability.ts";
export { isRetriable, PostgresError, type PostgresErrorCode, sqlState } from "./errors.ts";
export type { KeptSession } from "./kept-session.ts";
export { giveLifeSign, isAlive } from "./life-sign.ts";
export { type ListenEvent, type Listener, listen } from "./listen.ts";
export { type MigrationSet, migrate } from "./migrate.ts";
export { createPool, type Pool, type PoolOptions, type Query, type Queryable, type Rows } from "./pool.ts";
export { openSession, type Session, tryLock } from "./session.ts";
export { holdNames, savepoint, type Transaction, transaction, withLane } from "./transaction.ts";
export { parseDatabaseUrl } from "./url.ts";
