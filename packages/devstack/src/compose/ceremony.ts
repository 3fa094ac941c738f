// The ceremony of docker-compose: keys, databases, public configuration. No key is ever a file: what is left of the
// holders' keys are shares sealed to custodians, whom compose/custodians.ts plays.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { playCeremony, writeCeremony } from "@sluice/ceremony";
import { PRODUCERS, type Producer } from "@sluice/contracts";
import { createDatabases, type Databases } from "../stack/databases.ts";
import {
  apiKeysOf,
  FACADE_ORIGIN_LIMITS,
  facadeSecretsOf,
  type Identities,
  makeIdentities,
} from "../stack/identities.ts";
import { planLabels } from "../stack/labels.ts";
import { openOffice, withoutPeople } from "../stack/office.ts";
import { policies } from "../stack/policies.ts";
import { FACADE, ONLINE_SERVICES, OPTIONAL_SERVICES } from "../stack/processes.ts";
import { plannedWallets } from "../stack/wallets.ts";

const USAGE = `usage: node ceremony.ts FOLDER [--postgres URL] [--offline-postgres URL] [--database-prefix PREFIX]
  [--wallets COUNT]
Both URLs are an administrator's, without a password: that of the first is in FOLDER/bootstrap/password.
`;

const { out, postgres, offlinePostgres, prefix, wallets } = readArguments();
const say = (line: string): void => void process.stderr.write(`${line}\n`);
if (existsSync(join(out, "config", "wallets.json"))) {
  say("this wallet has its ceremony behind it; its holders come back through their custodians, not from here");
  process.exit(0);
}
const { ceremony, custodians } = await playCeremony({
  network: "regtest",
  wallets: plannedWallets(wallets),
});
const SERVICES = [...ONLINE_SERVICES, ...OPTIONAL_SERVICES];
const identities = makeIdentities(OPTIONAL_SERVICES, true);
const secret = (name: string): string => readFileSync(join(out, "bootstrap", name), "utf8").trim();
postgres.password = secret("password");
const online = await createDatabases(postgres.toString(), prefix, SERVICES);
const offline = await createDatabases(offlinePostgres.toString(), prefix, ["semi-offline-risk"]);
for (const producer of PRODUCERS) writeSecrets(out, producer, secretsOf(producer, identities, online, offline));
// Nobody may call it until users are listed, each key with its secret.
writeSecrets(out, FACADE, facadeSecretsOf(identities, {}) ?? {});
writeOfficers(join(out, "secrets", "exchange-backend"));
writeCustody(join(out, "custody"));
writeConfig(join(out, "config"));
say("keys are made and shared among custodians; databases and configuration are made");

/** What is not given is as docker-compose has it. */
function readArguments() {
  try {
    const text = { type: "string" } as const;
    const { values, positionals } = parseArgs({
      options: { postgres: text, "offline-postgres": text, "database-prefix": text, wallets: text },
      allowPositionals: true,
    });
    const [folder, ...more] = positionals;
    if (folder === undefined || more.length > 0) throw new Error("exactly one folder is needed");
    const socket = encodeURIComponent(join(folder, "offline-postgres"));
    return {
      out: folder,
      postgres: readUrl(values.postgres ?? "postgres://postgres@postgres-online/postgres"),
      offlinePostgres: readUrl(values["offline-postgres"] ?? `postgres:///postgres?host=${socket}&user=postgres`),
      prefix: readPrefix(values["database-prefix"] ?? ""),
      wallets: readCount(values.wallets ?? "1"),
    };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(64);
  }
}

/** Everybody on the machine can read an argument. */
function readUrl(given: string): URL {
  const url = URL.parse(given);
  if (url === null || url.protocol !== "postgres:") throw new Error("a URL begins with postgres:");
  if (url.password !== "" || url.searchParams.has("password")) throw new Error("a URL must not hold a password");
  return url;
}

function readCount(given: string): number {
  if (!/^[1-9]$/.test(given)) throw new Error("a ceremony makes 1 to 9 wallets here");
  return Number(given);
}

/** It becomes a part of SQL names. */
function readPrefix(given: string): string {
  if (!/^([a-z][a-z0-9_]{0,30})?$/.test(given)) throw new Error("a prefix is of a-z, 0-9 and _");
  return given;
}

function secretsOf(
  producer: Producer,
  { of, bridgeSecretsOf }: Identities,
  online: Databases,
  offline: Databases,
): object {
  const { keyId, seed } = of(producer);
  const sealSeed = Buffer.from(seed).toString("base64");
  const sealing = { sealKeyId: keyId, sealSeed, ...bridgeSecretsOf(producer) };
  if (producer === "semi-offline-risk") return { ...sealing, databasePassword: offline.of(producer).password };
  if (!(SERVICES as readonly string[]).includes(producer)) return sealing;
  const stored = { ...sealing, databasePassword: online.of(producer).password };
  // Nobody is told of anything until endpoints are listed, each with a key of its own.
  if (producer === "webhooks") return { ...stored, webhookKeys: {} };
  if (producer !== "blockchain-gateway") return stored;
  return { ...stored, bitcoinNodes: { bitcoind: { user: "sluice", password: secret("bitcoin-password") } } };
}

function writeSecrets(folder: string, name: string, secrets: object): void {
  mkdirSync(join(folder, "secrets", name), { recursive: true });
  writeFileSync(join(folder, "secrets", name, "secrets.json"), JSON.stringify(secrets), { mode: 0o400 });
}

/** Beside the backend's own, whose requests they approve: `sluice` takes such a file. */
function writeOfficers(folder: string): void {
  for (const { keyId, privateKey } of identities.officers) {
    const pem = privateKey.export({ format: "pem", type: "pkcs8" });
    writeFileSync(join(folder, `${keyId}.pem`), pem, { mode: 0o400 });
  }
}

function writeConfig(folder: string): void {
  const chosen = policies({});
  const offlinePolicy = { originLimits: FACADE_ORIGIN_LIMITS, ...chosen.offline };
  const office = openOffice(identities.trust, offlinePolicy, Date.now());
  const contents = {
    trust: identities.trust,
    zoneTrust: withoutPeople(identities.trust),
    approvals: office.approvals,
    bridgeKeys: identities.bridgeKeys,
    onlinePolicy: chosen.online,
    labelSigners: planLabels(out, {}).signers,
    bundleSigners: office.signersFile,
    firstBundle: office.firstBundle,
    apiKeys: apiKeysOf(identities, ["0.0.0.0/0"]),
    webhookEndpoints: [],
    okxUsers: [],
    services: SERVICES.filter((name) => name !== "ops-console").map((name) => ({
      name,
      url: `http://${name}:9100`,
    })),
    bitcoinNodes: { nodes: [{ name: "bitcoind", url: "http://bitcoind:18443/", zmq: "tcp://bitcoind:28332" }] },
    ceremony: ceremony.record,
    // Last: it says that the ceremony is behind us.
    wallets: ceremony.wallets,
  };
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(contents)) {
    const bytes = content instanceof Uint8Array ? content : `${JSON.stringify(content, null, 2)}\n`;
    writeFileSync(join(folder, `${name}.json`), bytes, { mode: 0o444 });
  }
}

/** Shares and identities in one place are the key: this is how people are played on one machine, and no example. */
function writeCustody(folder: string): void {
  mkdirSync(join(folder, "identities"), { recursive: true, mode: 0o700 });
  writeCeremony(join(folder, "sealed"), ceremony);
  for (const { name, identity } of custodians) {
    writeFileSync(join(folder, "identities", `${name}.txt`), `${identity}\n`, { mode: 0o400 });
  }
}
