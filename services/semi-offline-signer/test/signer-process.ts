// A holder's process as an operator starts it: key on standard input, secrets on descriptor 3, no network.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { type Seals, seedOf } from "./zone.ts";

export const HOLDER = "semi-offline-signer-a";

/** What leaves a process without IP on this machine; empty when nothing does. */
export const WITHOUT_NETWORK = [
  ["unshare", "-n"],
  ["unshare", "-rn"],
].find(([program = "", flag = ""]) => spawnSync(program, [flag, "true"]).status === 0);

export type SignerOptions = {
  readonly folder: string;
  readonly seals: Seals;
  readonly descriptor: string;
  readonly key: Uint8Array;
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
};

export function startSigner({
  folder,
  seals,
  descriptor,
  key,
  env,
  network,
  flags = [],
  before = [],
}: SignerOptions): Signer {
  const files = { trust: join(folder, "trust.json"), wallets: join(folder, "wallets.json") };
  writeFileSync(files.trust, JSON.stringify(seals.file));
  writeFileSync(files.wallets, JSON.stringify([{ walletId: "hot", asset: "BTC", descriptor, gapLimit: 20 }]));
  mkdirSync(join(folder, "journal"), { recursive: true });
  const sealer = seals.sealer(HOLDER);
  const main = join(import.meta.dirname, "../src/main.ts");
  const confinement = network === true ? [] : (WITHOUT_NETWORK ?? []);
  const [program = "", ...args] = [...confinement, ...before, process.execPath, ...flags, main];
  const child = spawn(program, args, {
    stdio: ["pipe", "ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"],
      SLUICE_TRUST_FILE: files.trust,
      SLUICE_SECRETS_SOURCE: "fd:3",
      SLUICE_HOLDER: HOLDER,
      SLUICE_BRIDGE_SOCKET: join(folder, "holder.sock"),
      SLUICE_JOURNAL_DIRECTORY: join(folder, "journal"),
      SLUICE_NETWORK: "regtest",
      SLUICE_WALLETS_FILE: files.wallets,
      SLUICE_MAX_PAYMENT_SAT: "500000",
      SLUICE_MAX_FEE_SAT: "10000",
      SLUICE_MAX_FEE_RATE_SAT_PER_VBYTE: "20.5",
      SLUICE_REQUIRE_ISOLATION: WITHOUT_NETWORK === undefined ? "no" : "yes",
      ...env,
    },
  });
  // A process that ends before it reads breaks these pipes; its exit code tells what happened.
  for (const [pipe, bytes] of [
    [child.stdin, key],
    [child.stdio[3] as Writable, JSON.stringify({ sealKeyId: sealer.keyId, sealSeed: seedOf(sealer) })],
  ] as const) {
    pipe?.on("error", () => {});
    pipe?.end(bytes);
  }
  return follow(child);
}

function follow(child: ChildProcess): Signer {
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
