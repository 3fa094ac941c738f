// The whole of Sluice as separate processes over real parts: what the demo, the journeys and `pnpm stack` run.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type DrawEntropy, playCeremony } from "@sluice/ceremony";
import type { WalletDescriptor } from "@sluice/chains";
import { createSluiceClient, type SluiceClient } from "@sluice/client";
import { BRIDGE_SCHEMA, type Holder, type Producer, type Sealer, type TrustFile } from "@sluice/contracts";
import { createBus, removeTopics } from "@sluice/messaging";
import type { Child } from "../parts/child.ts";
import { readPermissions } from "../parts/confine.ts";
import type { Log } from "../parts/find-part.ts";
import { findFreePorts } from "../parts/ports.ts";
import type { Parts } from "../parts.ts";
import { type ZoneProcess, zoneProcesses } from "../zone/prove-zone.ts";
import { createDatabases } from "./databases.ts";
import { planHolders } from "./holders.ts";
import {
  apiKeysOf,
  FACADE_ORIGIN_LIMITS,
  facadeSecretsOf,
  type Identities,
  type Identity,
  makeIdentities,
} from "./identities.ts";
import { describeIsolation } from "./isolation.ts";
import { planLabels, type StackLabels } from "./labels.ts";
import { type Office, openOffice } from "./office.ts";
import { type PolicyChoices, policies } from "./policies.ts";
import {
  bridgeSocketOf,
  consoleSocketOf,
  FACADE,
  ONLINE_SERVICES,
  type OnlineService,
  OPTIONAL_SERVICES,
  type OptionalService,
  type ProcessName,
  type Surroundings,
} from "./processes.ts";
import { listNodes, openRegtest, type Regtest } from "./regtest.ts";
import { createProcesses, type Processes } from "./running-processes.ts";
import { makeFolders, writeFiles } from "./stack-files.ts";
import { funding, openWallets, plannedWallets, WALLET_ID } from "./wallets.ts";

export type StackOptions = {
  readonly parts: Parts;
  readonly log: Log;
  /** Logs, sockets, journals and configuration of this stack; the caller removes it. */
  readonly directory: string;
  readonly policies?: PolicyChoices | ((chain: Regtest) => Promise<PolicyChoices>);
  /** How many wallets its ceremony makes, hot-1, hot-2, …; one unless given. */
  readonly wallets?: number;
  /** Gives each risk system a store of labels; none unless given. */
  readonly labels?: (chain: Regtest) => Promise<StackLabels>;
  readonly extraEnv?: Surroundings["extraEnv"];
  readonly extraFlags?: Surroundings["extraFlags"];
  /** Where the ceremony's entropy comes from: a test that plays a thief of the keys looks on. */
  readonly draw?: DrawEntropy;
  /** Starts webhooks too; to post to receivers of this machine it needs SLUICE_WEBHOOK_ALLOWED_NETWORKS in extraEnv. */
  readonly webhooks?: {
    readonly endpoints: readonly object[];
    readonly keys: Readonly<Record<string, readonly string[]>>;
  };
  /** Starts okx-facade too: its users' file, and the secret of each of their keys. */
  readonly okx?: { readonly users: readonly object[]; readonly secrets: Readonly<Record<string, string>> };
};

/** What the processes of a stack know and nobody else should: for tests that play an enemy who has got hold of it. */
export type Inside = {
  readonly sealerOf: (producer: Producer) => Sealer;
  readonly trust: TrustFile;
  /** Own key and pinned ones of an end of a bridge. */
  readonly bridgeOf: (name: string) => BridgeSecrets;
  readonly brokers: readonly string[];
  readonly topicPrefix: string;
  /** Where semi-offline-risk listens for this peer. */
  readonly socketOf: (peer: "vault" | Holder) => string;
  /** Where semi-offline-risk and the holders serve their local consoles. */
  readonly consoleOf: (name: "semi-offline-risk" | Holder) => string;
  /** An online service's database, for the administrator. */
  readonly databaseUrlOf: (service: OnlineService | OptionalService) => string;
  /** Who seals bundles and decides. */
  readonly office: Office;
};

export type BridgeSecrets = {
  readonly name: string;
  readonly privateKey: string;
  readonly publicKeys: Readonly<Record<string, string>>;
  readonly network: string;
  readonly schema: string;
};

export type Stack = {
  /** The first wallet; all of them by name below. */
  readonly walletId: string;
  readonly wallet: WalletDescriptor;
  readonly wallets: ReadonlyMap<string, WalletDescriptor>;
  readonly apiUrl: string;
  /** Internal HTTP of the online services. */
  readonly httpUrls: Readonly<Record<OnlineService, string>>;
  /** Of webhooks, where it was asked for. */
  readonly webhooksUrl: string | null;
  /** Where okx-facade speaks OKX's API, where it was asked for. */
  readonly okxUrl: string | null;
  readonly backend: Sealer;
  readonly inside: Inside;
  readonly client: SluiceClient;
  /** Two people with keys of their own: nobody approves an own request. */
  readonly officers: readonly [SluiceClient, SluiceClient];
  readonly officerKeys: readonly Pick<Identity, "keyId" | "privateKey">[];
  readonly chain: Regtest;
  /** Whether the semi-offline processes run where no IP is to be had; `detail` says why not. */
  readonly isolation: { readonly noIp: boolean; readonly detail: string };
  /** Where its logs, sockets, journals and configuration are. */
  readonly directory: string;
  readonly processOf: (name: ProcessName) => Child;
  /** Every process of the semi-offline zone as it is now, those of its Postgres among them. */
  readonly zoneProcesses: () => readonly ZoneProcess[];
  readonly logFileOf: (name: ProcessName) => string;
  readonly kill: (name: ProcessName) => Promise<void>;
  /** Starts a process again that was killed, with further settings if given; a holder comes back locked and is unlocked. */
  readonly restart: (name: ProcessName, env?: Readonly<Record<string, string>>) => Promise<void>;
  /** A second instance of an online service beside the first; it ends with the stack unless it is ended before. */
  readonly startTwin: (name: OnlineService | OptionalService) => Promise<Child>;
  /** Pays coins of these satoshi to fresh addresses of a hot wallet, the first unless named, and mines them. */
  readonly fund: (amountsSat: readonly bigint[], walletId?: string) => Promise<void>;
  readonly stop: () => Promise<void>;
};

export async function startStack(options: StackOptions): Promise<Stack> {
  const { parts, log, directory } = options;
  const isolated = readPermissions().networkNamespace !== "none";
  const tag = randomBytes(4).toString("hex");
  const custody = await playCeremony({
    network: "regtest",
    wallets: plannedWallets(options.wallets ?? 1),
    ...(options.draw === undefined ? {} : { draw: options.draw }),
  });
  const { record, wallets } = custody.ceremony;
  const opened = openWallets(wallets);
  const optional = options.webhooks === undefined ? [] : OPTIONAL_SERVICES;
  const identities = makeIdentities(optional, options.okx !== undefined);
  log(
    "ceremony: three holders' keys are made, shared and sealed to three custodians each; only what is public is written",
  );
  const [wallet] = opened.values();
  if (wallet === undefined) throw new Error("a ceremony makes a wallet");
  const chain = await openRegtest(parts.bitcoind.rpcUrl);
  const chosen = typeof options.policies === "function" ? await options.policies(chain) : (options.policies ?? {});

  const served = [...ONLINE_SERVICES, ...OPTIONAL_SERVICES] as const;
  const [apiPort = 0, okxPort = 0, facadePort = 0, ...free] = await findFreePorts(3 + served.length);
  const ports = {
    ...Object.fromEntries(served.map((name, at) => [name, free[at]])),
    [FACADE]: facadePort,
  } as Surroundings["ports"];
  const urlOf = (name: OnlineService | OptionalService) => `http://127.0.0.1:${ports[name]}`;
  const httpUrls = Object.fromEntries(ONLINE_SERVICES.map((name) => [name, urlOf(name)])) as Stack["httpUrls"];

  const online = await createDatabases(parts.postgres.url, `sluice_${tag}_`, [...ONLINE_SERVICES, ...optional]);
  const offline = await createDatabases(parts.offlinePostgres.url, `sluice_${tag}_`, ["semi-offline-risk"]);
  const folders = await makeFolders(directory);
  const originLimits = options.okx === undefined ? {} : { originLimits: FACADE_ORIGIN_LIMITS };
  const labels = planLabels(directory, await options.labels?.(chain));
  const office = openOffice(identities.trust, { ...originLimits, ...policies(chosen).offline }, Date.now());
  const bitcoinNodes = Object.fromEntries(
    [parts.bitcoind, ...parts.bitcoind.peers].map(({ rpcUrl }, at) => [`node-${at + 1}`, rpcUrl]),
  );
  const around: Surroundings = {
    topicPrefix: `${tag}.`,
    brokers: parts.kafka.brokers,
    ports,
    apiPort,
    okx: { apiPort: okxPort, secrets: facadeSecretsOf(identities, options.okx?.secrets ?? {}) },
    bitcoinNodes,
    startHeight: await chain.rpc<number>("getblockcount"),
    files: await writeFiles(folders.config, {
      trust: identities.trust,
      bridgeKeys: identities.bridgeKeys,
      wallets,
      ceremony: record,
      onlinePolicy: policies(chosen).online,
      bundleSigners: office.signersFile,
      firstBundle: office.firstBundle,
      apiKeys: apiKeysOf(identities, ["127.0.0.1/32", "::1/128"]),
      services: [...ONLINE_SERVICES, ...optional]
        .filter((name) => name !== "ops-console")
        .map((name) => ({ name, url: urlOf(name) })),
      labelSigners: labels.signers,
      webhookEndpoints: options.webhooks?.endpoints ?? [],
      okxUsers: options.okx?.users ?? [],
      bitcoinNodes: { nodes: await listNodes(bitcoinNodes) },
    }),
    socketDirectory: folders.sockets,
    consoleDirectory: folders.consoles,
    journalDirectoryOf: (holder) => join(folders.journals, holder),
    labelsOf: labels.labelsOf,
    ...(await planHolders(log)),
    databaseOf: (service) => (service === "semi-offline-risk" ? offline : online).of(service),
    identityOf: identities.of,
    bridgeSecretsOf: identities.bridgeSecretsOf,
    webhookKeys: options.webhooks?.keys ?? {},
    isolated,
    extraEnv: options.extraEnv ?? {},
    extraFlags: options.extraFlags ?? {},
  };
  const beside = [...optional, ...(options.okx === undefined ? [] : ([FACADE] as const))];
  const running = createProcesses(around, beside, custody, folders.logs, log);
  const stop = stopping(running, async () => {
    await Promise.all([online.drop(), offline.drop(), dropTopics(around)]);
  });
  try {
    await running.startAll();
  } catch (error) {
    await stop();
    throw error;
  }
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  const clientOf = ({ keyId, privateKey }: Identity) => createSluiceClient({ baseUrl: apiUrl, keyId, privateKey });
  return {
    walletId: WALLET_ID,
    wallet,
    wallets: opened,
    apiUrl,
    httpUrls,
    webhooksUrl: options.webhooks === undefined ? null : urlOf("webhooks"),
    okxUrl: options.okx === undefined ? null : `http://127.0.0.1:${okxPort}`,
    backend: identities.sealer("exchange-backend"),
    inside: insideOf(identities, office, around, parts.postgres.url),
    client: clientOf(identities.of("exchange-backend")),
    officers: [clientOf(identities.officers[0]), clientOf(identities.officers[1])],
    officerKeys: identities.officers,
    chain,
    isolation: describeIsolation(isolated),
    directory,
    processOf: running.of,
    zoneProcesses: () => zoneProcesses({ processOf: running.of }, parts.offlinePostgres),
    logFileOf: running.logFileOf,
    kill: running.kill,
    restart: running.start,
    startTwin: running.startTwin,
    fund: funding(opened, chain),
    stop,
  };
}

function insideOf(identities: Identities, office: Office, around: Surroundings, adminUrl: string): Inside {
  const databaseUrlOf: Inside["databaseUrlOf"] = (service) => {
    const url = new URL(adminUrl);
    url.pathname = new URL(around.databaseOf(service).url).pathname;
    return url.toString();
  };
  const { brokers, topicPrefix, socketDirectory, consoleDirectory } = around;
  const consoleOf: Inside["consoleOf"] = (name) => consoleSocketOf(consoleDirectory, name);
  const socketOf: Inside["socketOf"] = (peer) => bridgeSocketOf(socketDirectory, peer);
  const bridgeOf: Inside["bridgeOf"] = (name) => ({
    name,
    privateKey: identities.bridgeSecretsOf(name).bridgeKey ?? "",
    publicKeys: identities.bridgeKeys,
    network: "regtest",
    schema: BRIDGE_SCHEMA,
  });
  return {
    bridgeOf,
    sealerOf: identities.sealer,
    trust: identities.trust,
    brokers,
    topicPrefix,
    socketOf,
    consoleOf,
    databaseUrlOf,
    office,
  };
}

/** On a Kafka that somebody else keeps up, nothing of this stack stays behind. */
async function dropTopics({ brokers, topicPrefix }: Surroundings): Promise<void> {
  const silent = () => undefined;
  const logger = { debug: silent, info: silent, warn: silent, error: silent };
  await removeTopics(createBus({ brokers, clientId: "devstack", logger, topicPrefix }));
}

function stopping(running: Processes, drop: () => Promise<void>): () => Promise<void> {
  let stopped: Promise<void> | undefined;
  return () => {
    stopped ??= (async () => {
      await running.stopAll();
      await drop();
    })();
    return stopped;
  };
}
