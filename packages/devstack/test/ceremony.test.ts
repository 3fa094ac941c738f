// What docker-compose runs before its services, run natively: passwords, keys, databases, configuration, custodians.
import { spawn } from "node:child_process";
import { createHmac, createPublicKey, randomBytes } from "node:crypto";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { openShare, readIdentityFile, rehearse, shareFileOf } from "@sluice/ceremony";
import { parseDescriptor, walletsFileSchema } from "@sluice/chains";
import { accountKeyFromXpub } from "@sluice/chains/signing";
import { BRIDGE_ENDS, ed25519PrivateKey, HOLDERS, type Holder, PRODUCERS, trustFileSchema } from "@sluice/contracts";
import { ceremonyFileSchema, combineShares, deriveAccount, readShare } from "@sluice/keys/custody";
import { createPool } from "@sluice/postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ONLINE_SERVICES as ALWAYS,
  OPTIONAL_SERVICES,
  plainEnvironment,
  settingNamesOf,
  startChild,
} from "../src/index.ts";

const root = mkdtempSync(join(tmpdir(), "sluice-ceremony-"));
const bootstrap = join(root, "bootstrap");
const prefix = `ceremony_${randomBytes(4).toString("hex")}_`;
const postgres = urlOf("DATABASE_URL");
const offlinePostgres = urlOf("OFFLINE_DATABASE_URL");
const ONLINE_SERVICES = [...ALWAYS, ...OPTIONAL_SERVICES] as const;
const STORED = [...ONLINE_SERVICES, "semi-offline-risk"] as const;

type Run = { readonly code: number | null; readonly output: string };
const CUSTODIANS = ["alice", "bob", "carol"] as const;
const OFFICERS = ["officer-1", "officer-2"] as const;
const sealed = join(root, "custody", "sealed");
let first: Run;

beforeAll(async () => {
  mkdirSync(bootstrap);
  expect(await run("bootstrap.ts", bootstrap)).toEqual({ code: 0, output: "" });
  const drawn = contentsOf(bootstrap);
  expect(await run("bootstrap.ts", bootstrap)).toEqual({ code: 0, output: "" });
  expect(contentsOf(bootstrap), "a second start draws nothing new").toEqual(drawn);
});

afterAll(async () => {
  await dropDatabases();
  rmSync(root, { recursive: true, force: true });
});

describe("bootstrap", () => {
  it("draws two passwords, and gives bitcoind only a hash of its own", () => {
    expect(modesOf(bootstrap)).toEqual({ "bitcoin-password": "400", "bitcoin.conf": "444", password: "444" });
    const [postgresPassword, bitcoinPassword] = [secret("password"), secret("bitcoin-password")];
    for (const password of [postgresPassword, bitcoinPassword]) expect(password).toMatch(/^[0-9a-f]{48}$/);
    expect(postgresPassword).not.toBe(bitcoinPassword);
    const config = secret("bitcoin.conf");
    expect(config).not.toContain(bitcoinPassword);
    // share/rpcauth of Bitcoin Core: user, salt, and HMAC-SHA256 of the password under the salt.
    const [, user, salt = "", hash] = /^rpcauth=([^:]+):([0-9a-f]+)\$([0-9a-f]{64})$/m.exec(config) ?? [];
    expect(user).toBe("sluice");
    expect(hash).toBe(createHmac("sha256", salt).update(bitcoinPassword).digest("hex"));
  });

  it("without its folder says how it is used", async () => {
    expect(await run("bootstrap.ts")).toEqual({ code: 64, output: "usage: node bootstrap.ts FOLDER\n" });
  });
});

describe("ceremony", () => {
  beforeAll(async () => {
    // These parts are up already, so their password takes the place of the one that was drawn for new ones.
    rmSync(join(bootstrap, "password"));
    writeFileSync(join(bootstrap, "password"), postgres.password, { mode: 0o444 });
    first = await ceremony();
    expect(first.code, first.output).toBe(0);
  });

  it("tells what it did, and no secret", () => {
    expect(first.output.trim().split("\n")).toEqual([
      "keys are made and shared among custodians; databases and configuration are made",
    ]);
  });

  it("shares every holder's key among three custodians, of whom any two restore those in both descriptors", async () => {
    expect(await rehearse(sealed, identityOf)).toEqual({
      faults: [],
      holders: HOLDERS.map((holder) => ({ holder, shares: 3, sets: 3 })),
    });
    const inWallets = walletsFileSchema.parse(readJson("config", "wallets.json")).map(({ descriptor }) => {
      const parsed = parseDescriptor(descriptor, "regtest");
      if (!parsed.ok) throw new Error(parsed.refusal.detail);
      return parsed.value.holders.map(({ fingerprint }) =>
        Buffer.from(accountKeyFromXpub(parsed.value, fingerprint).publicKey).toString("hex"),
      );
    });
    const { holders, wallets } = ceremonyFileSchema.parse(readJson("config", "ceremony.json"));
    expect(wallets.map(({ walletId, account }) => [walletId, account])).toEqual([
      ["hot-1", 0],
      ["hot-2", 1],
    ]);
    expect(inWallets).toHaveLength(2);
    expect(inWallets).toEqual(wallets.map((_, at) => holders.map(({ accounts }) => accounts[at]?.publicKey)));
  });

  it("writes nothing but this, and for nobody else to read", () => {
    const config = [
      "trust",
      "zoneTrust",
      "approvals",
      "wallets",
      "ceremony",
      "onlinePolicy",
      "bundleSigners",
      "firstBundle",
      "labelSigners",
      "apiKeys",
      "services",
      "bridgeKeys",
      "bitcoinNodes",
      "webhookEndpoints",
      "okxUsers",
    ];
    expect(modesOf(root)).toEqual({
      ...{ "bootstrap/bitcoin-password": "400", "bootstrap/bitcoin.conf": "444", "bootstrap/password": "444" },
      ...Object.fromEntries(config.map((name) => [`config/${name}.json`, "444"])),
      ...Object.fromEntries(PRODUCERS.map((producer) => [`secrets/${producer}/secrets.json`, "400"])),
      "secrets/okx-facade/secrets.json": "400",
      ...Object.fromEntries(OFFICERS.map((name) => [`secrets/exchange-backend/${name}.pem`, "400"])),
      ...{ "labels/online-risk/updates/1.labels": "640", "labels/semi-offline-risk/updates/1.labels": "640" },
      ...{ "custody/sealed/ceremony.json": "644", "custody/sealed/wallets.json": "644" },
      ...Object.fromEntries(
        HOLDERS.flatMap((holder) => CUSTODIANS.map((name) => [`custody/sealed/shares/${holder}/${name}.age`, "600"])),
      ),
      ...Object.fromEntries(CUSTODIANS.map((name) => [`custody/identities/${name}.txt`, "400"])),
    });
    expect(lstatSync(join(root, "custody", "identities")).mode & 0o777).toBe(0o700);
  });

  it("gives each process the secrets that it needs, of which the trust file has every public key", () => {
    const trust = trustFileSchema.parse(readJson("config", "trust.json"));
    expect([...new Set(trust.map(({ producer }) => producer))].toSorted()).toEqual(PRODUCERS.toSorted());
    for (const producer of PRODUCERS) {
      const { sealKeyId, sealSeed, ...others } = secretsOf(producer);
      const privateKey = ed25519PrivateKey(Buffer.from(String(sealSeed), "base64"));
      const publicKey = createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32);
      expect(trust, producer).toContainEqual({ producer, keyId: sealKeyId, publicKey: publicKey.toString("base64") });
      const database = (STORED as readonly string[]).includes(producer) ? ["databasePassword"] : [];
      const node = producer === "blockchain-gateway" ? ["bitcoinNodes"] : [];
      const bridge = (BRIDGE_ENDS as readonly string[]).includes(producer) ? ["bridgeKey"] : [];
      const webhooks = producer === "webhooks" ? ["webhookKeys"] : [];
      expect(Object.keys(others).toSorted(), producer).toEqual([...node, ...bridge, ...database, ...webhooks]);
    }
    const facade = readJson("secrets", "okx-facade", "secrets.json") as Record<string, string>;
    const ofFacade = createPublicKey(ed25519PrivateKey(Buffer.from(facade["requestSeed"] ?? "", "base64")));
    const facadeKey = ofFacade.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
    const { requestKeyId: keyId } = facade;
    expect(trust).toContainEqual({ producer: "exchange-backend", keyId, publicKey: facadeKey });
    for (const keyId of OFFICERS) {
      const pem = readFileSync(join(root, "secrets", "exchange-backend", `${keyId}.pem`));
      const publicKey = createPublicKey(pem).export({ format: "der", type: "spki" }).subarray(-32);
      const known = { producer: "exchange-backend", keyId, publicKey: publicKey.toString("base64") };
      expect(trust, keyId).toContainEqual(known);
    }
    expect(secretsOf("blockchain-gateway")).toMatchObject({
      bitcoinNodes: { bitcoind: { user: "sluice", password: secret("bitcoin-password") } },
    });
  });

  it.each(STORED)("makes a database for %s, which its own password opens and no other's", async (service) => {
    await expect(whoAmI(service, String(secretsOf(service)["databasePassword"]))).resolves.toBe(nameOf(service));
    if (service === "semi-offline-risk") return;
    const other = ONLINE_SERVICES.find((name) => name !== service) ?? service;
    await expect(whoAmI(service, String(secretsOf(other)["databasePassword"]))).rejects.toMatchObject({
      code: "28P01",
    });
  });

  it("leaves no byte of a holder's key in any file", async () => {
    const keys = new Map<Holder, Buffer>();
    for (const holder of HOLDERS) keys.set(holder, await restoreKey(holder));
    const files = Object.entries(contentsOf(root));
    expect(files.length).toBeGreaterThan(10);
    const forms = HOLDERS.flatMap((holder) => {
      const key = keys.get(holder) ?? Buffer.alloc(0);
      expect(key).toHaveLength(32);
      return [
        key,
        Buffer.from(key).reverse(),
        ...(["hex", "base64", "base64url"] as const).map((form) => Buffer.from(key.toString(form))),
      ];
    });
    for (const [path, content] of files) {
      for (const form of forms) expect(content.includes(form), path).toBe(false);
    }
    // The search itself finds what is there: a seed stands in its own file.
    const { sealSeed } = secretsOf("vault");
    expect(files.filter(([, content]) => content.includes(String(sealSeed))).map(([path]) => path)).toEqual([
      "secrets/vault/secrets.json",
    ]);
  });

  it("makes what holders can serve with: they start locked, and the custodians unlock them, once and again", async () => {
    const custodians = () => run("custodians.ts", join(root, "custody"), join(root, "consoles"));
    const coming = custodians();
    const signers = await Promise.all(HOLDERS.map(startHolder));
    const unlocked = HOLDERS.map((holder) => `${holder}: locked → 2 of 3 custodians → serving`);
    const first = await coming;
    expect([first.code, first.output.trim().split("\n").toSorted()]).toEqual([0, unlocked]);
    const again = await custodians();
    expect(again.output.trim().split("\n").toSorted()).toEqual(HOLDERS.map((holder) => `${holder}: serving already`));
    const ends = await Promise.all(signers.map((signer) => signer.stop()));
    for (const end of ends) expect(end).toMatchObject({ code: 0, expected: true });
    for (const folder of ["journals", "consoles", "sockets"]) rmSync(join(root, folder), { recursive: true });
  });

  it("is not held twice: a second run changes nothing and hands out nothing", async () => {
    const before = contentsOf(root);
    const again = await ceremony();
    expect(again).toEqual({
      code: 0,
      output: "this wallet has its ceremony behind it; its holders come back through their custodians, not from here\n",
    });
    expect(contentsOf(root)).toEqual(before);
  });

  it("with wrong arguments says how it is used, and makes nothing", async () => {
    const wrong = [
      [],
      [root, root],
      [root, "--postgres", "postgres://postgres:secret@localhost/postgres"],
      [root, "--database-prefix", "a; drop role b;"],
    ];
    const runs = await Promise.all(wrong.map((args) => run("ceremony.ts", ...args)));
    for (const [at, { code, output }] of runs.entries()) {
      expect(code, wrong[at]?.join(" ")).toBe(64);
      expect(output, wrong[at]?.join(" ")).toContain("usage: node ceremony.ts FOLDER");
    }
  });
});

function mainOf(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

function run(file: string, ...args: readonly string[]): Promise<Run> {
  const command = [mainOf(`../src/compose/${file}`), ...args];
  const child = spawn(process.execPath, command, { env: plainEnvironment(), stdio: ["ignore", "ignore", "pipe"] });
  const output: Buffer[] = [];
  child.stderr.on("data", (bytes: Buffer) => output.push(bytes));
  return new Promise((resolve) => {
    child.once("close", (code) => resolve({ code, output: Buffer.concat(output).toString("utf8") }));
  });
}

function ceremony(): Promise<Run> {
  const withoutPassword = new URL(postgres);
  withoutPassword.password = "";
  const options = ["--postgres", withoutPassword.toString(), "--offline-postgres", offlinePostgres.toString()];
  return run("ceremony.ts", root, ...options, "--database-prefix", prefix, "--wallets", "2");
}

function startHolder(holder: Holder) {
  const journal = join(root, "journals", holder);
  for (const folder of [journal, join(root, "sockets")]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const env: Readonly<Record<string, string>> = {
    SLUICE_TRUST_FILE: join(root, "config", "zoneTrust.json"),
    SLUICE_APPROVALS_FILE: join(root, "config", "approvals.json"),
    SLUICE_SECRETS_SOURCE: join(root, "secrets", holder, "secrets.json"),
    SLUICE_HOLDER: holder,
    SLUICE_BRIDGE_CARRIER: `unix:${join(root, "sockets", `${holder}.sock`)}`,
    SLUICE_BRIDGE_KEYS_FILE: join(root, "config", "bridgeKeys.json"),
    SLUICE_CONSOLE_SOCKET: join(root, "consoles", holder, "own", "console.sock"),
    SLUICE_CEREMONY_FILE: join(root, "config", "ceremony.json"),
    SLUICE_JOURNAL_DIRECTORY: journal,
    SLUICE_NETWORK: "regtest",
    SLUICE_WALLETS_FILE: join(root, "config", "wallets.json"),
    SLUICE_MAX_PAYMENT_SAT: "1",
    SLUICE_MAX_FEE_SAT: "1",
    SLUICE_INTERNAL_MAX_FEE_SAT: "1",
    SLUICE_MAX_FEE_RATE_SAT_PER_VBYTE: "1",
    SLUICE_REQUIRE_ISOLATION: "no",
    SLUICE_CURVE: "addon",
    SLUICE_SWAP: "tolerated",
  };
  expect(Object.keys(env).toSorted()).toEqual(settingNamesOf(holder).toSorted());
  return startChild({
    name: holder,
    command: [process.execPath, mainOf("../../../services/semi-offline-signer/src/main.ts")],
    env: { ...plainEnvironment(), ...env },
    logFile: join(journal, "signer.log"),
    ready: { kind: "line", pattern: /"msg":"serving"/ },
    readyWithinMs: 30_000,
  });
}

function identityOf(custodian: string): string | null {
  return readIdentityFile(readFileSync(join(root, "custody", "identities", `${custodian}.txt`), "utf8"));
}

/** As two custodians together could. */
async function restoreKey(holder: Holder): Promise<Buffer> {
  const bodies = [];
  for (const name of CUSTODIANS.slice(1)) {
    const share = await openShare(readFileSync(shareFileOf(sealed, holder, name)), identityOf(name) ?? "");
    bodies.push(readShare(share ?? new Uint8Array(0))?.body ?? new Uint8Array(0));
  }
  return deriveAccount(await combineShares(bodies), 1).key;
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
}

function modesOf(folder: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    filesIn(folder).map((path) => {
      const status = lstatSync(join(folder, path));
      return [path, `${(status.mode & 0o777).toString(8)}`];
    }),
  );
}

function contentsOf(folder: string): Readonly<Record<string, Buffer>> {
  const files = filesIn(folder).filter((path) => lstatSync(join(folder, path)).isFile());
  return Object.fromEntries(files.map((path) => [path, readFileSync(join(folder, path))]));
}

function secret(name: string): string {
  return readFileSync(join(bootstrap, name), "utf8");
}

function readJson(...path: readonly string[]): unknown {
  return JSON.parse(readFileSync(join(root, ...path), "utf8"));
}

function secretsOf(producer: string): Readonly<Record<string, unknown>> {
  return readJson("secrets", producer, "secrets.json") as Readonly<Record<string, unknown>>;
}

function nameOf(service: string): string {
  return `${prefix}${service}`.replaceAll("-", "_");
}

async function whoAmI(service: string, password: string): Promise<string | undefined> {
  const url = new URL(service === "semi-offline-risk" ? offlinePostgres : postgres);
  url.pathname = `/${nameOf(service)}`;
  url.password = "";
  if (url.searchParams.has("user")) url.searchParams.set("user", nameOf(service));
  else url.username = nameOf(service);
  const pool = createPool({ url: url.toString(), password, applicationName: "test", max: 1 });
  try {
    return (await pool.query<{ name: string }>("select current_user as name")).rows[0]?.name;
  } finally {
    await pool.end();
  }
}

async function dropDatabases(): Promise<void> {
  for (const [url, services] of [
    [postgres, ONLINE_SERVICES],
    [offlinePostgres, ["semi-offline-risk"]],
  ] as const) {
    const admin = createPool({ url: url.toString(), applicationName: "test", max: 1 });
    for (const service of services) {
      await admin.query(`drop database if exists ${nameOf(service)} with (force)`);
      await admin.query(`drop role if exists ${nameOf(service)}`);
    }
    await admin.end();
  }
}

function urlOf(name: "DATABASE_URL" | "OFFLINE_DATABASE_URL"): URL {
  const address = process.env[name];
  if (address === undefined) throw new Error(`${name} is not set: this test needs a Postgres server`);
  return new URL(address);
}
