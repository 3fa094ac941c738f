// A holder's process as an operator starts it: secrets on descriptor 3, no network, locked until custodians come.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { testBridgeKey, testBridgeKeys } from "@sluice/bridge/testing";
import { type HeldWallet, type Seals, seedOf } from "./zone.ts";

export const HOLDER = "semi-offline-signer-a";

/** What leaves a process without IP on this machine; empty when nothing does. */
export const WITHOUT_NETWORK = [
  ["unshare", "-n"],
  ["unshare", "-rn"],
].find(([program = "", flag = ""]) => spawnSync(program, [flag, "true"]).status === 0);

export type SignerOptions = {
  readonly folder: string;
  readonly seals: Seals;
  readonly held: HeldWallet;
  readonly env?: Readonly<Record<string, string>>;
  readonly network?: boolean;
  readonly flags?: readonly string[];
  /** Wrappers of the command, inside its network namespace. */
  readonly before?: readonly string[];
};

export type Signer = {
  readonly child: ChildProcess;
  readonly lines: Record<string, unknown>[];
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly says: (msg: string) => Promise<void>;
  readonly console: string;
  /** The custodians come: locked, then serving. */
  readonly unlock: () => Promise<void>;
};

export function startSigner({ folder, seals, held, env, network, flags = [], before = [] }: SignerOptions): Signer {
  const files = {
    trust: join(folder, "trust.json"),
    wallets: join(folder, "wallets.json"),
    bridgeKeys: join(folder, "bridge-keys.json"),
    ceremony: join(folder, "ceremony.json"),
  };
  writeFileSync(files.trust, JSON.stringify(seals.file));
  writeFileSync(files.bridgeKeys, JSON.stringify(testBridgeKeys([HOLDER, "semi-offline-risk"])));
  writeFileSync(
    files.wallets,
    JSON.stringify(
      [held, ...held.others].map(({ text, wallet: { walletId } }) => ({
        ...{ walletId, asset: "BTC", descriptor: text, gapLimit: 20 },
      })),
    ),
  );
  writeFileSync(files.ceremony, JSON.stringify(held.record));
  const console = join(folder, "console", "a.sock");
  mkdirSync(join(folder, "journal"), { recursive: true });
  const sealer = seals.sealer(HOLDER);
  const main = join(import.meta.dirname, "../src/main.ts");
  const confinement = network === true ? [] : (WITHOUT_NETWORK ?? []);
  const [program = "", ...args] = [...confinement, ...before, process.execPath, ...flags, main];
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const child = spawn(program, args, {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    env: {
      PATH,
      ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }),
      SLUICE_TRUST_FILE: files.trust,
      SLUICE_SECRETS_SOURCE: "fd:3",
      SLUICE_HOLDER: HOLDER,
      SLUICE_BRIDGE_CARRIER: `unix:${join(folder, "holder.sock")}`,
      SLUICE_BRIDGE_KEYS_FILE: files.bridgeKeys,
      SLUICE_JOURNAL_DIRECTORY: join(folder, "journal"),
      SLUICE_NETWORK: "regtest",
      SLUICE_WALLETS_FILE: files.wallets,
      SLUICE_CEREMONY_FILE: files.ceremony,
      SLUICE_CONSOLE_SOCKET: console,
      SLUICE_MAX_PAYMENT_SAT: "500000",
      SLUICE_MAX_FEE_SAT: "10000",
      SLUICE_MAX_FEE_RATE_SAT_PER_VBYTE: "20.5",
      SLUICE_REQUIRE_ISOLATION: WITHOUT_NETWORK === undefined ? "no" : "yes",
      ...env,
    },
  });
  // A process that ends before it reads breaks this pipe; its exit code tells what happened.
  const secrets = child.stdio[3] as Writable;
  secrets.on("error", () => {});
  secrets.end(JSON.stringify({ sealKeyId: sealer.keyId, sealSeed: seedOf(sealer), bridgeKey: testBridgeKey(HOLDER) }));
  const followed = follow(child);
  const unlock = async (): Promise<void> => {
    await followed.says("ready");
    await held.unlock(HOLDER, console);
    await followed.says("serving");
  };
  return { ...followed, console, unlock };
}

function follow(child: ChildProcess): Omit<Signer, "console" | "unlock"> {
  const lines: Record<string, unknown>[] = [];
  const waiting = new Map<string, () => void>();
  let rest = "";
  child.stderr?.on("data", (piece: Buffer) => {
    const parts = (rest + piece.toString("utf8")).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const line = part.startsWith("{") ? (JSON.parse(part) as Record<string, unknown>) : { msg: part };
      lines.push(line);
      waiting.get(String(line["msg"]))?.();
    }
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  const says = (msg: string) =>
    new Promise<void>((resolve, reject) => {
      if (lines.some((line) => line["msg"] === msg)) return resolve();
      waiting.set(msg, resolve);
      void ended.then((end) => reject(new Error(`ended with ${JSON.stringify(end)}: ${JSON.stringify(lines)}`)));
    });
  return { child, lines, ended, says };
}
