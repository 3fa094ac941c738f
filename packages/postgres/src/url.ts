// Reads a database URL strictly: an unknown parameter is a fault, never ignored.

import { readFileSync } from "node:fs";
import { PostgresError } from "./errors.ts";

export type DatabaseAddress = {
  /** Host name, or the directory of the server's Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  readonly tls: { readonly rejectUnauthorized: true; readonly ca?: string } | false;
};

/**
 * `postgres://user:password@host:5432/database?sslmode=verify-full&sslrootcert=/path/ca.pem` or, over a Unix socket,
 * `postgres:///database?host=/socket/directory&user=name`. Parameters: host, port, user, sslmode (disable or
 * verify-full; encryption without verification is not offered), sslrootcert. Throws DATABASE_URL_INVALID; the message never repeats the URL, which may
 * hold a password.
 */
export function parseDatabaseUrl(text: string): DatabaseAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw invalid("it is not a URL");
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:") throw invalid("the scheme must be postgres");
  for (const name of url.searchParams.keys()) {
    if (!PARAMETERS.has(name)) throw invalid(`the parameter ${JSON.stringify(name)} is not known`);
  }
  const database = decodeURIComponent(url.pathname.replace(/^\//, ""));
  if (database === "" || database.includes("/")) throw invalid("the path must name one database");
  const host = url.searchParams.get("host") ?? decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1");
  if (host === "") throw invalid("the host is missing");
  const user = url.searchParams.get("user") ?? decodeURIComponent(url.username);
  if (user === "") throw invalid("the user is missing");
  const password = url.password === "" ? undefined : decodeURIComponent(url.password);
  return { host, port: portOf(url), user, password, database, tls: tlsOf(url) };
}

const PARAMETERS: ReadonlySet<string> = new Set(["host", "port", "user", "sslmode", "sslrootcert"]);

function portOf(url: URL): number {
  const text = url.searchParams.get("port") ?? (url.port === "" ? "5432" : url.port);
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) throw invalid("the port must be 1 to 65535");
  return port;
}

function tlsOf(url: URL): DatabaseAddress["tls"] {
  const mode = url.searchParams.get("sslmode") ?? "disable";
  const rootCertificate = url.searchParams.get("sslrootcert");
  if (mode === "disable" && rootCertificate === null) return false;
  if (mode !== "verify-full") throw invalid("sslmode must be disable (without sslrootcert) or verify-full");
  return rootCertificate === null
    ? { rejectUnauthorized: true }
    : { rejectUnauthorized: true, ca: readFileSync(rootCertificate, "utf8") };
}

function invalid(reason: string): PostgresError {
  return new PostgresError("DATABASE_URL_INVALID", `The database URL is not usable: ${reason}.`);
}
