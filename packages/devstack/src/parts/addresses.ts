// The addresses of the parts in environment variables: read from there, and written there for those who come after.

import { connect } from "node:net";
import { PartError } from "./part-error.ts";

export type PartAddresses = {
  readonly KAFKA_BROKERS?: string;
  readonly DATABASE_URL?: string;
  readonly OFFLINE_DATABASE_URL?: string;
  readonly BITCOIN_RPC_URL?: string;
  /** A second node of the same chain, connected to the first. */
  readonly BITCOIN_PEER_RPC_URL?: string;
};

/** An empty variable counts as none. */
export function readAddresses(env: Readonly<Record<string, string | undefined>>): PartAddresses {
  const named = [
    "KAFKA_BROKERS",
    "DATABASE_URL",
    "OFFLINE_DATABASE_URL",
    "BITCOIN_RPC_URL",
    "BITCOIN_PEER_RPC_URL",
  ] as const;
  return Object.fromEntries(named.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

export type HostAndPort = { readonly host: string; readonly port: number };

/** `host:port,host:port` → its parts. */
export function parseBrokers(value: string): readonly HostAndPort[] {
  return value.split(",").map((broker) => {
    const match = /^([^\s:]+):(\d{1,5})$/.exec(broker.trim());
    if (match?.[1] === undefined)
      throw new PartError("PART_NOT_ANSWERING", `KAFKA_BROKERS: "${broker}" is not host:port`);
    return { host: match[1], port: Number(match[2]) };
  });
}

/** The folder of the socket in `postgres:///postgres?host=/folder&user=postgres`. */
export function parseSocketDirectory(value: string): string {
  const host = URL.canParse(value) ? new URL(value).searchParams.get("host") : null;
  if (host?.startsWith("/")) return host;
  throw new PartError(
    "PART_NOT_ANSWERING",
    "OFFLINE_DATABASE_URL: expected postgres:///postgres?host=/folder/of/the/socket&user=postgres (a Unix socket, no host and port)",
  );
}

/** The host and port of `postgres://user:password@host:port/database`. */
export function parseTcpDatabase(value: string): HostAndPort {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.hostname !== "") {
    return { host: url.hostname, port: Number(url.port || "5432") };
  }
  throw new PartError("PART_NOT_ANSWERING", "DATABASE_URL: expected postgres://user:password@host:port/database");
}

const ANSWER_WITHIN_MS = 5_000;

/** Rejects when nobody accepts a connection there. The variable is named, the address too, credentials never. */
export async function requireListener(
  variable: keyof PartAddresses,
  target: HostAndPort | { readonly path: string },
): Promise<void> {
  const shown = "path" in target ? target.path : `${target.host}:${target.port}`;
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ ...target, timeout: ANSWER_WITHIN_MS }, () => {
      socket.destroy();
      resolve();
    });
    socket.once("timeout", () => socket.destroy(new Error(`no answer within ${ANSWER_WITHIN_MS / 1_000} s`)));
    socket.once("error", (error) =>
      reject(
        new PartError("PART_NOT_ANSWERING", `${variable}: nothing answers at ${shown} (${error.message})`, {
          cause: error,
        }),
      ),
    );
  });
}

/** Lines for a shell to source, each value quoted. */
export function renderEnvironmentFile(addresses: PartAddresses): string {
  return Object.entries(addresses)
    .map(([name, value]) => `${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join("");
}
