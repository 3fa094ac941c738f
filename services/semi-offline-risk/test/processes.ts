// The zone as an operator starts it: semi-offline-risk and three holders, processes of their own without a network.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { testBridgeKey, testBridgeKeys } from "@sluice/bridge/testing";
import { BRIDGE_ENDS, type Holder, type Producer } from "@sluice/contracts";
import {
  type BundleParts,
  type HeldWallet,
  makeOffice,
  type Office,
  type PolicyChanges,
  type Seals,
  sealedBundle,
  seedOf,
} from "@sluice/second-opinion/fixtures";

/** What leaves a process without IP on this machine; undefined when nothing does. */
export const WITHOUT_NETWORK = [
  ["unshare", "-n"],
  ["unshare", "-rn"],
].find(([program = "", flag = ""]) => spawnSync(program, [flag, "true"]).status === 0);

export type Process = {
  readonly child: ChildProcess;
  readonly lines: Record<string, unknown>[];
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly says: (msg: string) => Promise<void>;
  readonly kill: (signal?: NodeJS.Signals) => Promise<void>;
};

export type ZoneOptions = {
  readonly folder: string;
  readonly seals: Seals;
  readonly held: HeldWallet;
  readonly databaseUrl: string;
  readonly policy?: PolicyChanges;
  readonly office?: Office;
  /** Of the first bundle, beside the policy. */
  readonly bundle?: BundleParts;
  readonly holderDeadline?: string;
};

/** Everything that does not change when a process of the zone is started again. */
export function prepareZone(options: ZoneOptions) {
  const { folder, seals, held } = options;
  const file = (name: string, content: unknown): string => {
    const path = join(folder, name);
    writeFileSync(path, JSON.stringify(content));
    return path;
  };
  const { PATH = "", NODE_COMPILE_CACHE } = process.env;
  const common = {
    PATH,
    ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }),
    SLUICE_TRUST_FILE: file("trust.json", seals.file),
    SLUICE_SECRETS_SOURCE: "fd:3",
    SLUICE_BRIDGE_KEYS_FILE: file("bridge-keys.json", testBridgeKeys(BRIDGE_ENDS)),
    SLUICE_NETWORK: "regtest",
    SLUICE_WALLETS_FILE: file(
      "wallets.json",
      [held, ...held.others].map(({ text, wallet: { walletId, gapLimit } }) => ({
        ...{ walletId, asset: "BTC", descriptor: text, gapLimit },
      })),
    ),
    SLUICE_REQUIRE_ISOLATION: WITHOUT_NETWORK === undefined ? "no" : "yes",
  };
  const ceremonyFile = file("ceremony.json", held.record);
  const office = options.office ?? makeOffice();
  const firstBundle = join(folder, "first.bundle");
  writeFileSync(firstBundle, sealedBundle(seals, office, { policy: options.policy ?? {}, ...options.bundle }));
  const signersFile = file("bundle-signers.json", office.signersFile);
  const carrierOf = (holder: Holder): string => `unix:${join(folder, `${holder}.sock`)}`;
  const secrets = (producer: Producer): string => {
    const sealer = seals.sealer(producer);
    return JSON.stringify({ sealKeyId: sealer.keyId, sealSeed: seedOf(sealer), bridgeKey: testBridgeKey(producer) });
  };
  const consoleOf = (holder: Holder): string => join(folder, "consoles", `${holder}.sock`);
  const riskConsole = join(folder, "consoles", "risk.sock");
  return {
    vaultSocket: join(folder, "vault.sock"),
    riskConsole,
    office,
    consoleOf,
    startRisk: (env: Readonly<Record<string, string>> = {}, flags: readonly string[] = []): Process =>
      start(
        "semi-offline-risk",
        secrets("semi-offline-risk"),
        {
          ...common,
          SLUICE_DATABASE_URL: options.databaseUrl,
          SLUICE_BRIDGE_CARRIER: `unix:${join(folder, "vault.sock")}`,
          SLUICE_HOLDER_A_CARRIER: carrierOf("semi-offline-signer-a"),
          SLUICE_HOLDER_B_CARRIER: carrierOf("semi-offline-signer-b"),
          SLUICE_HOLDER_C_CARRIER: carrierOf("semi-offline-signer-c"),
          SLUICE_BUNDLE_SIGNERS_FILE: signersFile,
          SLUICE_FIRST_BUNDLE_FILE: firstBundle,
          SLUICE_CONSOLE_SOCKET: riskConsole,
          SLUICE_HOLDER_DEADLINE_MS: options.holderDeadline ?? "2s",
          ...env,
        },
        flags,
      ),
    /** Its custodians come as soon as it is there; one that is killed before is not waited for. */
    startHolder: (
      holder: Holder,
      env: Readonly<Record<string, string>> = {},
      unlock = true,
      flags: readonly string[] = [],
    ): Process => {
      const journal = join(folder, `journal-${holder}`);
      mkdirSync(journal, { recursive: true });
      const console = consoleOf(holder);
      const process = start(
        "semi-offline-signer",
        secrets(holder),
        {
          ...common,
          SLUICE_CEREMONY_FILE: ceremonyFile,
          SLUICE_CONSOLE_SOCKET: console,
          SLUICE_HOLDER: holder,
          SLUICE_BRIDGE_CARRIER: carrierOf(holder),
          SLUICE_JOURNAL_DIRECTORY: journal,
          SLUICE_MAX_PAYMENT_SAT: "500000",
          SLUICE_MAX_FEE_SAT: "10000",
          SLUICE_MAX_FEE_RATE_SAT_PER_VBYTE: "20",
          ...env,
        },
        flags,
      );
      if (!unlock) return process;
      process
        .says("ready")
        .then(() => held.unlock(holder, console))
        .catch((error: unknown) => process.lines.push({ msg: "custodians", error: String(error) }));
      return process;
    },
  };
}

function start(
  service: string,
  secrets: string,
  env: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): Process {
  const main = join(import.meta.dirname, `../../${service}/src/main.ts`);
  const [program = "", ...args] = [...(WITHOUT_NETWORK ?? []), process.execPath, ...flags, main];
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe", "pipe"], env });
  // A process that ends before it reads breaks this pipe; its exit code tells what happened.
  const pipe = child.stdio[3] as Writable;
  pipe.on("error", () => {});
  pipe.end(secrets);
  return follow(child);
}

function follow(child: ChildProcess): Process {
  const lines: Record<string, unknown>[] = [];
  const listeners = new Set<() => void>();
  let rest = "";
  child.stderr?.on("data", (piece: Buffer) => {
    const parts = (rest + piece.toString("utf8")).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      lines.push(part.startsWith("{") ? (JSON.parse(part) as Record<string, unknown>) : { msg: part });
    }
    for (const listener of listeners) listener();
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  const says = (msg: string) =>
    new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (!lines.some((line) => line["msg"] === msg)) return;
        listeners.delete(look);
        resolve();
      };
      listeners.add(look);
      look();
      void ended.then((end) => reject(new Error(`ended with ${JSON.stringify(end)}: ${JSON.stringify(lines)}`)));
    });
  const kill = async (signal: NodeJS.Signals = "SIGKILL"): Promise<void> => {
    child.kill(signal);
    await ended;
  };
  return { child, lines, ended, says, kill };
}
