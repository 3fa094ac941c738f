// The processes of a stack: what each is started with. One description per process, used at start and at every restart.
import { fileURLToPath } from "node:url";
import { HOLDERS, type Holder, type Producer } from "@sluice/contracts";
import type { ServiceDatabase } from "./databases.ts";
import type { Identity } from "./identities.ts";
import { type Labelled, labelPlaces } from "./labels.ts";

export const ONLINE_SERVICES = ["online-risk", "vault", "treasury", "blockchain-gateway", "ops-console"] as const;
export type OnlineService = (typeof ONLINE_SERVICES)[number];

/** Started only where somebody asks for them. */
export const OPTIONAL_SERVICES = ["webhooks"] as const;
export type OptionalService = (typeof OPTIONAL_SERVICES)[number];

/** Optional too. It has no database, no topic and no seal: it speaks to online-risk's API alone. */
export const FACADE = "okx-facade";

export type ProcessName = OnlineService | OptionalService | typeof FACADE | "semi-offline-risk" | Holder;

/** No signal opens the inspector, not even before the process has a handler; no text becomes code. */
const SEMI_OFFLINE_FLAGS = ["--disable-sigusr1", "--disallow-code-generation-from-strings"];

/** The semi-offline side first: vault finds it listening. */
export const START_ORDER: readonly ProcessName[] = ["semi-offline-risk", ...HOLDERS, ...ONLINE_SERVICES];

export const EVERY_PROCESS: readonly ProcessName[] = [...START_ORDER, ...OPTIONAL_SERVICES, FACADE];

export type ProcessPlan = {
  readonly name: ProcessName;
  readonly main: string;
  readonly env: Readonly<Record<string, string>>;
  /** Given over descriptor 3. */
  readonly secrets: object;
  readonly withoutNetwork: boolean;
  /** Node's own. */
  readonly flags: readonly string[];
};

export type Surroundings = {
  readonly topicPrefix: string;
  readonly brokers: readonly string[];
  readonly ports: Readonly<Record<OnlineService | OptionalService | typeof FACADE, number>>;
  readonly apiPort: number;
  /** Of okx-facade; its secrets are null where the stack has none. */
  readonly okx: { readonly apiPort: number; readonly secrets: object | null };
  /** By name, with credentials. */
  readonly bitcoinNodes: Readonly<Record<string, string>>;
  /** What was mined before the wallet existed need not be read. */
  readonly startHeight: number;
  /** Of the files that hold the public configuration. */
  readonly files: Readonly<
    Record<
      | "trust"
      /** Without people's keys: the zone and the holders take no request that one of them signed. */
      | "zoneTrust"
      | "approvals"
      | "bridgeKeys"
      | "wallets"
      | "ceremony"
      | "onlinePolicy"
      | "bundleSigners"
      | "firstBundle"
      | "apiKeys"
      | "services"
      | "labelSigners"
      | "bitcoinNodes"
      | "webhookEndpoints"
      | "okxUsers",
      string
    >
  >;
  readonly socketDirectory: string;
  /** Of the semi-offline processes' local consoles; theirs alone. */
  readonly consoleDirectory: string;
  readonly journalDirectoryOf: (holder: Holder) => string;
  /** A holder's setting: which library works on its key. */
  readonly curveOf: (holder: Holder) => string;
  /** Where a risk system has its labels; null where the stack has none. */
  readonly labelsOf: ((side: Labelled) => string) | null;
  /** A machine for development may swap; the holders are told so. */
  readonly swap: "none" | "tolerated";
  readonly databaseOf: (service: string) => ServiceDatabase;
  readonly identityOf: (producer: Producer) => Identity;
  readonly bridgeSecretsOf: (name: string) => { readonly bridgeKey?: string };
  /** By the endpoint's name: what its webhooks are signed with. */
  readonly webhookKeys: Readonly<Record<string, readonly string[]>>;
  /** Whether the machine gives the semi-offline processes a namespace without interfaces. */
  readonly isolated: boolean;
  readonly extraEnv: Readonly<Partial<Record<ProcessName, Readonly<Record<string, string>>>>>;
  /** Node's own, beside those that a process always has. */
  readonly extraFlags: Readonly<Partial<Record<ProcessName, readonly string[]>>>;
};

export function planProcess(name: ProcessName, around: Surroundings): ProcessPlan {
  const holder = asHolder(name);
  const isInside = holder !== undefined || name === "semi-offline-risk";
  const trust = isInside ? around.files.zoneTrust : around.files.trust;
  const env = { ...environmentOf(name, around), SLUICE_TRUST_FILE: trust, SLUICE_SECRETS_SOURCE: "fd:3" };
  return {
    name,
    main: mainOf(holder === undefined ? name : "semi-offline-signer"),
    env: { ...env, ...around.extraEnv[name] },
    secrets: secretsOf(name, around),
    withoutNetwork: isInside && around.isolated,
    flags: [
      ...(holder !== undefined || name === "semi-offline-risk" ? SEMI_OFFLINE_FLAGS : []),
      ...(around.extraFlags[name] ?? []),
    ],
  };
}

/** semi-offline-risk listens here for this peer; the holders' names are its own choice, vault's stands beside them. */
export function bridgeSocketOf(socketDirectory: string, peer: "vault" | Holder): string {
  return `${socketDirectory}/${peer}.sock`;
}

export function consoleSocketOf(consoleDirectory: string, name: "semi-offline-risk" | Holder): string {
  return `${consoleDirectory}/${name}.sock`;
}

/** The names of the settings that a process is given, for who starts it by other means; without labels those of a stack that has no store of them. */
export function settingNamesOf(name: ProcessName, { labels = true } = {}): readonly string[] {
  const nowhere: Surroundings = {
    topicPrefix: "",
    brokers: [],
    ports: {
      "online-risk": 0,
      vault: 0,
      treasury: 0,
      "blockchain-gateway": 0,
      "ops-console": 0,
      webhooks: 0,
      [FACADE]: 0,
    },
    apiPort: 0,
    okx: { apiPort: 0, secrets: null },
    bitcoinNodes: {},
    startHeight: 0,
    files: {
      trust: "",
      zoneTrust: "",
      approvals: "",
      bridgeKeys: "",
      wallets: "",
      ceremony: "",
      onlinePolicy: "",
      bundleSigners: "",
      firstBundle: "",
      apiKeys: "",
      services: "",
      labelSigners: "",
      bitcoinNodes: "",
      webhookEndpoints: "",
      okxUsers: "",
    },
    socketDirectory: "",
    consoleDirectory: "",
    journalDirectoryOf: () => "",
    curveOf: () => "",
    labelsOf: labels ? () => "" : null,
    swap: "none",
    databaseOf: () => ({ url: "", password: "" }),
    bridgeSecretsOf: () => ({}),
    webhookKeys: {},
    identityOf: () => {
      throw new Error("settings hold no identity");
    },
    isolated: true,
    extraEnv: {},
    extraFlags: {},
  };
  return ["SLUICE_TRUST_FILE", "SLUICE_SECRETS_SOURCE", ...Object.keys(environmentOf(name, nowhere))];
}

function environmentOf(name: ProcessName, around: Surroundings): Record<string, string> {
  const chain = { SLUICE_NETWORK: "regtest", SLUICE_WALLETS_FILE: around.files.wallets };
  const carrierTo = (peer: "vault" | Holder): string => `unix:${bridgeSocketOf(around.socketDirectory, peer)}`;
  const keys = { SLUICE_BRIDGE_KEYS_FILE: around.files.bridgeKeys };
  const bridge = { ...keys, SLUICE_BRIDGE_CARRIER: carrierTo("vault") };
  const offline = { ...chain, SLUICE_REQUIRE_ISOLATION: around.isolated ? "yes" : "no" };
  switch (name) {
    case "online-risk":
      return {
        ...online(name, around),
        ...chain,
        SLUICE_API_PORT: String(around.apiPort),
        SLUICE_POLICY_FILE: around.files.onlinePolicy,
        SLUICE_API_KEYS_FILE: around.files.apiKeys,
        ...labels(name, around),
      };
    case "vault":
      return {
        ...online(name, around),
        ...chain,
        ...bridge,
        SLUICE_FEE_RATE_SAT_PER_VBYTE: "5",
        SLUICE_BATCH_WAIT_MS: "300",
      };
    case "treasury":
      return online(name, around);
    case "blockchain-gateway":
      return {
        ...online(name, around),
        ...chain,
        SLUICE_BITCOIN_NODES_FILE: around.files.bitcoinNodes,
        SLUICE_REQUIRED_CONFIRMATIONS: "2",
        SLUICE_START_HEIGHT: String(around.startHeight),
      };
    case "ops-console":
      return { ...online(name, around), SLUICE_SERVICES_FILE: around.files.services };
    case "webhooks":
      return { ...online(name, around), SLUICE_WEBHOOK_ENDPOINTS_FILE: around.files.webhookEndpoints };
    case FACADE:
      return {
        SLUICE_ONLINE_RISK_URL: `http://127.0.0.1:${around.apiPort}`,
        SLUICE_OKX_USERS_FILE: around.files.okxUsers,
        SLUICE_API_PORT: String(around.okx.apiPort),
        SLUICE_HTTP_PORT: String(around.ports[name]),
      };
    case "semi-offline-risk":
      return {
        ...offline,
        ...bridge,
        SLUICE_DATABASE_URL: around.databaseOf(name).url,
        SLUICE_HOLDER_A_CARRIER: carrierTo("semi-offline-signer-a"),
        SLUICE_HOLDER_B_CARRIER: carrierTo("semi-offline-signer-b"),
        SLUICE_HOLDER_C_CARRIER: carrierTo("semi-offline-signer-c"),
        SLUICE_BUNDLE_SIGNERS_FILE: around.files.bundleSigners,
        SLUICE_FIRST_BUNDLE_FILE: around.files.firstBundle,
        SLUICE_CONSOLE_SOCKET: consoleSocketOf(around.consoleDirectory, name),
        ...labels(name, around),
      };
    default:
      return {
        ...offline,
        ...keys,
        SLUICE_HOLDER: name,
        SLUICE_BRIDGE_CARRIER: carrierTo(name),
        SLUICE_CONSOLE_SOCKET: consoleSocketOf(around.consoleDirectory, name),
        SLUICE_CEREMONY_FILE: around.files.ceremony,
        SLUICE_APPROVALS_FILE: around.files.approvals,
        SLUICE_JOURNAL_DIRECTORY: around.journalDirectoryOf(name),
        SLUICE_CURVE: around.curveOf(name),
        SLUICE_SWAP: around.swap,
        SLUICE_MAX_PAYMENT_SAT: "2000000000",
        SLUICE_MAX_FEE_SAT: "1000000",
        SLUICE_INTERNAL_MAX_FEE_SAT: "1000000",
        SLUICE_MAX_FEE_RATE_SAT_PER_VBYTE: "300",
      };
  }
}

function online(name: OnlineService | OptionalService, around: Surroundings): Record<string, string> {
  return {
    SLUICE_DATABASE_URL: around.databaseOf(name).url,
    SLUICE_KAFKA_BROKERS: around.brokers.join(","),
    SLUICE_TOPIC_PREFIX: around.topicPrefix,
    SLUICE_HTTP_PORT: String(around.ports[name]),
  };
}

function labels(name: Labelled, { labelsOf, files }: Surroundings): Record<string, string> {
  if (labelsOf === null) return {};
  const { store, updates } = labelPlaces(labelsOf(name));
  return {
    SLUICE_LABELS_DIRECTORY: store,
    SLUICE_LABELS_UPDATES: updates,
    SLUICE_LABELS_SIGNERS_FILE: files.labelSigners,
  };
}

function secretsOf(name: ProcessName, around: Surroundings): object {
  if (name === FACADE) {
    if (around.okx.secrets === null) throw new Error("this stack has no okx-facade");
    return around.okx.secrets;
  }
  const { keyId, seed } = around.identityOf(name);
  const sealSeed = Buffer.from(seed).toString("base64");
  const sealing = { sealKeyId: keyId, sealSeed, ...around.bridgeSecretsOf(name) };
  if (asHolder(name) !== undefined) return sealing;
  const stored = { ...sealing, databasePassword: around.databaseOf(name).password };
  if (name === "webhooks") return { ...stored, webhookKeys: around.webhookKeys };
  if (name !== "blockchain-gateway") return stored;
  const credentials = Object.entries(around.bitcoinNodes).map(([node, rpcUrl]) => {
    const { username, password } = new URL(rpcUrl);
    return [node, { user: decodeURIComponent(username), password: decodeURIComponent(password) }] as const;
  });
  return { ...stored, bitcoinNodes: Object.fromEntries(credentials) };
}

function mainOf(folder: string): string {
  return fileURLToPath(new URL(`../../../../services/${folder}/src/main.ts`, import.meta.url));
}

function asHolder(name: string): Holder | undefined {
  return HOLDERS.find((holder) => holder === name);
}
