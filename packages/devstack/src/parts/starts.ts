// How each of the four parts is found or started, in the order of find-part.ts.

import { join } from "node:path";
import type { BitcoindPart, KafkaPart, OfflinePostgresPart, PostgresPart } from "../parts.ts";
import {
  type PartAddresses,
  parseBrokers,
  parseSocketDirectory,
  parseTcpDatabase,
  requireListener,
} from "./addresses.ts";
import {
  BITCOIND_ADVICE,
  findLocalBitcoind,
  type NodeSettings,
  peerSettings,
  requireRegtest,
  type StartBitcoind,
} from "./bitcoind.ts";
import {
  startBitcoindContainer,
  startKafkaContainer,
  startOfflinePostgresContainer,
  startPostgresContainer,
} from "./docker.ts";
import { findPart, type Log } from "./find-part.ts";
import { findLocalKafka, KAFKA_ADVICE } from "./kafka.ts";
import { findFreePorts } from "./ports.ts";
import { POSTGRES_ADVICE, startOfflinePostgres, startOnlinePostgres } from "./postgres.ts";
import { findPostgresBinaries, type PostgresBinaries, preparePostgresBinaries } from "./postgres-binaries.ts";
import { isServerIsolated, SOCKET_FILE } from "./postgres-socket.ts";
import type { PartProcess, Running } from "./running.ts";

export type StartContext = {
  readonly directory: string;
  readonly addresses: PartAddresses;
  /** The parts will be killed and started again. */
  readonly own: boolean;
  /** A Docker engine answers. */
  readonly docker: boolean;
  /** Takes note of what has to be stopped. */
  readonly running: Running;
  readonly log: Log;
};

export async function startKafkaPart(context: StartContext): Promise<KafkaPart> {
  const { directory, addresses, own, docker, running, log } = context;
  const given = addresses.KAFKA_BROKERS;
  const { how, part } = await findPart<{ readonly brokers: readonly string[] } & Owned>(
    {
      name: "kafka",
      environment: given === undefined ? null : () => checkBrokers(given),
      docker: docker ? async () => running.addContainer("kafka", await startKafkaContainer()) : null,
      local: async () => {
        const start = await findLocalKafka(join(directory, "kafka"), log, own);
        return start === null ? null : async () => running.addChild(await start());
      },
      advice: KAFKA_ADVICE,
    },
    log,
  );
  return { how, brokers: part.brokers, ...ownedOf(part) };
}

/** Only what runs as a process of our own has one. */
type Owned = { readonly process?: PartProcess };

function ownedOf({ process }: Owned): Owned {
  return process === undefined ? {} : { process };
}

async function checkBrokers(given: string): Promise<{ readonly brokers: readonly string[] }> {
  const brokers = parseBrokers(given);
  for (const { host, port } of brokers) await requireListener("KAFKA_BROKERS", { host, port });
  return { brokers: brokers.map(({ host, port }) => `${host}:${port}`) };
}

/** Both servers run the same programs; they are found and made readable once. */
export function createBinariesSource(directory: string): () => Promise<PostgresBinaries | null> {
  let prepared: Promise<PostgresBinaries | null> | undefined;
  return () => {
    prepared ??= findPostgresBinaries().then((native) =>
      native === null ? null : preparePostgresBinaries(native, directory),
    );
    return prepared;
  };
}

export async function startPostgresPart(
  { directory, addresses, docker, running, log }: StartContext,
  findBinaries: () => Promise<PostgresBinaries | null>,
): Promise<PostgresPart> {
  const given = addresses.DATABASE_URL;
  const { how, part } = await findPart<{ readonly url: string } & Owned>(
    {
      name: "postgres",
      environment:
        given === undefined
          ? null
          : async () => {
              await requireListener("DATABASE_URL", parseTcpDatabase(given));
              return { url: given };
            },
      docker: docker ? async () => running.addContainer("postgres", await startPostgresContainer()) : null,
      local: async () => {
        const binaries = await findBinaries();
        if (binaries === null) return null;
        return async () => running.addChild(await startOnlinePostgres(binaries, join(directory, "postgres"), log));
      },
      advice: POSTGRES_ADVICE,
    },
    log,
  );
  return { how, url: part.url, ...ownedOf(part) };
}

type OfflineServer = Omit<OfflinePostgresPart, "how">;

export async function startOfflinePostgresPart(
  { directory, addresses, docker, running, log }: StartContext,
  findBinaries: () => Promise<PostgresBinaries | null>,
): Promise<OfflinePostgresPart> {
  const given = addresses.OFFLINE_DATABASE_URL;
  const { how, part } = await findPart<OfflineServer>(
    {
      name: "offline postgres",
      environment: given === undefined ? null : () => checkOfflineServer(given),
      docker: docker
        ? async () => {
            const container = await startOfflinePostgresContainer(join(directory, "offline-container"));
            return { ...running.addContainer("offline postgres", container), isolated: true };
          }
        : null,
      local: async () => {
        const binaries = await findBinaries();
        if (binaries === null) return null;
        return async () => running.addChild(await startOfflinePostgres(binaries, join(directory, "offline"), log));
      },
      advice: POSTGRES_ADVICE,
    },
    log,
  );
  return {
    how,
    url: part.url,
    socketDirectory: part.socketDirectory,
    isolated: part.isolated,
    ...ownedOf(part),
  };
}

async function checkOfflineServer(url: string): Promise<OfflineServer> {
  const socketDirectory = parseSocketDirectory(url);
  await requireListener("OFFLINE_DATABASE_URL", { path: join(socketDirectory, SOCKET_FILE) });
  return { url, socketDirectory, isolated: isServerIsolated(socketDirectory) };
}

export async function startBitcoindPart(context: StartContext, peers: readonly NodeSettings[]): Promise<BitcoindPart> {
  const { directory, addresses, docker, running, log } = context;
  const { BITCOIN_RPC_URL: given, BITCOIN_PEER_RPC_URL: givenPeer } = addresses;
  const { how, part } = await findPart<Omit<BitcoindPart, "how" | "process"> & Owned>(
    {
      name: "bitcoind",
      environment:
        given === undefined
          ? null
          : async () => {
              const others = givenPeer === undefined ? [] : [givenPeer];
              for (const url of [given, ...others]) await requireRegtest(url);
              return { rpcUrl: given, peers: others.map((rpcUrl) => ({ rpcUrl })) };
            },
      // One container alone: how two of them find each other was never tried.
      docker: docker
        ? async () => ({ ...running.addContainer("bitcoind", await startBitcoindContainer()), peers: [] })
        : null,
      local: async () => {
        const start = await findLocalBitcoind(log);
        return start === null ? null : () => startPeers(start, directory, peers, running);
      },
      advice: BITCOIND_ADVICE,
    },
    log,
  );
  return { how, rpcUrl: part.rpcUrl, peers: part.peers, ...ownedOf(part) };
}

/** All at once: the others try again until the first listens. */
async function startPeers(start: StartBitcoind, directory: string, peers: readonly NodeSettings[], running: Running) {
  if (peers.length === 0) return { ...running.addChild(await start(join(directory, "bitcoind"))), peers: [] };
  const [port = 0] = await findFreePorts(1);
  const settings = peerSettings(port);
  const [first, ...others] = await Promise.all([
    start(join(directory, "bitcoind"), settings.first).then(running.addChild),
    ...peers.map((more, at) =>
      start(join(directory, `bitcoind-${at + 2}`), { ...settings.other, ...more }).then(running.addChild),
    ),
  ]);
  return { ...first, peers: others.map(({ rpcUrl, process }) => ({ rpcUrl, process })) };
}
