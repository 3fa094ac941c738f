// The pool of connections, and the one place that says how Postgres values become TypeScript values.

import pg from "pg";
import { named } from "./errors.ts";
import { type DatabaseAddress, parseDatabaseUrl } from "./url.ts";

export type Rows<T> = { readonly rows: readonly T[]; readonly rowCount: number };

/**
 * Runs one statement. bigint columns come back as bigint, numeric as string, bytea as Buffer, jsonb parsed, timestamptz
 * as Date (milliseconds). As parameters: bigint, string, number, Buffer or Uint8Array, Date, null, arrays of these, and
 * plain objects for jsonb; an array meant for jsonb must be given as `JSON.stringify(array)`.
 */
export type Query = <T = Record<string, unknown>>(sql: string, params?: readonly unknown[]) => Promise<Rows<T>>;

export type Queryable = { readonly query: Query };

export type Pool = Queryable & {
  /** Resolves when every connection, also those in use, has been returned and closed. */
  readonly end: () => Promise<void>;
};

export type PoolOptions = {
  readonly url: string;
  /** Given apart, so that a URL in a configuration or a log holds no secret. Wins over a password in the URL. */
  readonly password?: string | undefined;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Most connections at once; 10 if not given. */
  readonly max?: number;
  /** Told of connections that die while nobody uses them. The pool replaces them by itself. */
  readonly onIdleError?: (error: Error) => void;
};

export function createPool(options: PoolOptions): Pool {
  const config = clientConfig(options);
  const inner = new pg.Pool({ ...config, max: options.max ?? 10 });
  inner.on("error", (error) => options.onIdleError?.(error));
  // A connection that dies while in use fails its query as well; without a listener the event would end the process.
  inner.on("connect", (client) => client.on("error", () => undefined));
  const pool: Pool = {
    query: async (sql, params) => {
      const client = await checkOut(pool);
      try {
        return await run(client, sql, params);
      } finally {
        client.release();
      }
    },
    end: () => inner.end(),
  };
  INNER.set(pool, { pool: inner, config });
  return pool;
}

/** For this package only: a connection out of the pool. */
export async function checkOut(pool: Pool): Promise<pg.PoolClient> {
  try {
    return await innerOf(pool).pool.connect();
  } catch (error) {
    throw named(error);
  }
}

/** For this package only: a connection beside the pool, with the same address and settings. */
export async function connectBeside(pool: Pool): Promise<pg.Client> {
  const client = new pg.Client(innerOf(pool).config);
  client.on("error", () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    throw named(error);
  }
}

export async function run<T>(
  client: pg.ClientBase,
  sql: string,
  params: readonly unknown[] | undefined,
): Promise<Rows<T>> {
  try {
    const { rows, rowCount } = await client.query(sql, params === undefined ? undefined : [...params]);
    return { rows: rows as readonly T[], rowCount: rowCount ?? 0 };
  } catch (error) {
    throw named(error);
  }
}

const INNER = new WeakMap<Pool, { readonly pool: pg.Pool; readonly config: pg.ClientConfig }>();

function innerOf(pool: Pool): { readonly pool: pg.Pool; readonly config: pg.ClientConfig } {
  const inner = INNER.get(pool);
  if (inner === undefined) throw new TypeError("The pool was not made by createPool.");
  return inner;
}

function clientConfig(options: PoolOptions): pg.ClientConfig {
  const address: DatabaseAddress = parseDatabaseUrl(options.url);
  const password = options.password ?? address.password ?? "";
  return {
    host: address.host,
    port: address.port,
    user: address.user,
    database: address.database,
    ssl: address.tls,
    // A function, so that neither the process environment nor a printed client can supply or show it.
    password: () => password,
    application_name: options.applicationName,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    // A process that hangs inside a transaction must not keep its rows from a second instance for ever.
    idle_in_transaction_session_timeout: 60_000,
    types: { getTypeParser },
  };
}

const INT8 = 20;
const INT8_ARRAY = 1016;

const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: "text" | "binary") => {
  const standard = pg.types.getTypeParser(oid, format as "text");
  if (oid === INT8) return (text: string) => BigInt(text);
  if (oid === INT8_ARRAY) return (text: string) => bigints(standard(text));
  return standard;
};

type NestedTexts = readonly (string | null | NestedTexts)[];
type NestedBigints = readonly (bigint | null | NestedBigints)[];

function bigints(values: NestedTexts): NestedBigints {
  return values.map((value) => {
    if (value === null) return null;
    return typeof value === "string" ? BigInt(value) : bigints(value);
  });
}
