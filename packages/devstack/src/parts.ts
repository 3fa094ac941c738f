// Finds or starts the real parts, all at once, and stops what it started.

import { type PartAddresses, readAddresses } from "./parts/addresses.ts";
import type { NodeSettings } from "./parts/bitcoind.ts";
import { dockerAnswers } from "./parts/docker.ts";
import type { How, Log } from "./parts/find-part.ts";
import { createFolder } from "./parts/folder.ts";
import { createRunning, type PartProcess } from "./parts/running.ts";
import {
  createBinariesSource,
  type StartContext,
  startBitcoindPart,
  startKafkaPart,
  startOfflinePostgresPart,
  startPostgresPart,
} from "./parts/starts.ts";

/** `process` is there when the part was started here as a process, and not in a container. */
type Common = { readonly how: How; readonly process?: PartProcess };

export type KafkaPart = Common & { readonly brokers: readonly string[] };
/** An administrator's URL over TCP with a password. */
export type PostgresPart = Common & { readonly url: string };
/** An administrator's URL over a Unix socket. `isolated`: the server sees no network interface but a downed loopback. */
export type OfflinePostgresPart = Common & {
  readonly url: string;
  readonly socketDirectory: string;
  readonly isolated: boolean;
};
/** http://user:password@host:port of a node on regtest. */
export type BitcoindPart = Common & {
  readonly rpcUrl: string;
  /** Further nodes of the same chain, which hear of every block and transaction. */
  readonly peers: readonly { readonly rpcUrl: string; readonly process?: PartProcess }[];
};

export type EveryPart = {
  readonly kafka: KafkaPart;
  readonly postgres: PostgresPart;
  readonly offlinePostgres: OfflinePostgresPart;
  readonly bitcoind: BitcoindPart;
};
export type PartName = keyof EveryPart;

export type Parts<N extends PartName = PartName> = Readonly<Pick<EveryPart, N>> & {
  /** All data and logs of what was started here; removed by stop(). */
  readonly directory: string;
  /** Stops what was started here and removes the folder. What the environment named is left alone. */
  stop(): Promise<void>;
};

export type StartPartsOptions<N extends PartName> = {
  /** Progress for a person, a line at a time. */
  readonly log: Log;
  /** All four unless named. */
  readonly which?: readonly N[];
  /** Where addresses are looked for; process.env unless given. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** For each further bitcoind that is connected to the first: settings beside the usual ones. None unless given. */
  readonly bitcoindPeers?: readonly NodeSettings[];
  /** Nobody else's: neither what the environment names nor a container, but processes that the caller may kill. */
  readonly own?: boolean;
};

/** Every part that is asked for, ready. When one fails, the others are stopped and the error names every fault. */
export async function startParts<N extends PartName = PartName>(options: StartPartsOptions<N>): Promise<Parts<N>> {
  const startedAtMs = Date.now();
  const { log, own = false } = options;
  const folder = await createFolder();
  const running = createRunning(log);
  const stop = async (): Promise<void> => {
    await running.stopAll();
    await folder.remove();
  };
  const context = {
    directory: folder.path,
    own,
    addresses: own ? {} : readAddresses(options.env ?? process.env),
    docker: !own && (await dockerAnswers()),
    running,
    log,
  };
  const starts = listStarts(context, options.bitcoindPeers ?? []);
  const which: readonly PartName[] = options.which ?? ["kafka", "postgres", "offlinePostgres", "bitcoind"];
  const results = await Promise.allSettled(which.map(async (name) => [name, await starts[name]()] as const));
  const faults = results.flatMap((result) => (result.status === "rejected" ? [toError(result.reason)] : []));
  if (faults.length > 0) {
    await stop();
    const list = faults.map((fault) => `- ${fault.message}`).join("\n");
    throw new AggregateError(faults, `the real parts could not be started:\n${list}`);
  }
  log(`all parts ready after ${((Date.now() - startedAtMs) / 1_000).toFixed(1)} s`);
  const found = Object.fromEntries(results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : [])));
  // The one place where a list of names becomes the keys of a type.
  return { ...(found as Pick<EveryPart, N>), directory: folder.path, stop };
}

type Starts = { readonly [N in PartName]: () => Promise<EveryPart[N]> };

function listStarts(context: StartContext, bitcoindPeers: readonly NodeSettings[]): Starts {
  const findBinaries = createBinariesSource(context.directory);
  return {
    kafka: () => startKafkaPart(context),
    postgres: () => startPostgresPart(context, findBinaries),
    offlinePostgres: () => startOfflinePostgresPart(context, findBinaries),
    bitcoind: () => startBitcoindPart(context, bitcoindPeers),
  };
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/** The environment variables by which tests and services find these parts. */
export function addressesOf(parts: Pick<Parts, PartName>): PartAddresses {
  const [peer] = parts.bitcoind.peers;
  return {
    KAFKA_BROKERS: parts.kafka.brokers.join(","),
    DATABASE_URL: parts.postgres.url,
    OFFLINE_DATABASE_URL: parts.offlinePostgres.url,
    BITCOIN_RPC_URL: parts.bitcoind.rpcUrl,
    ...(peer === undefined ? {} : { BITCOIN_PEER_RPC_URL: peer.rpcUrl }),
  };
}
