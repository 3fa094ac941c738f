// The bridge beside its bare carrier: round trip and throughput of both on each medium, in one run.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { newBridgeKey } from "@sluice/bridge";
import { joinPtys, layCable, MEDIA } from "@sluice/bridge/media";
import type { EndResult, EndTask, Layers, What } from "./bridge-plan.ts";

const ROUNDS = 3;
const LAYERS: readonly Layers[] = ["bare", "bridge"];

interface Line {
  readonly near: string;
  readonly far: string;
  /** Starts something where that end lives. */
  readonly at: (side: "left" | "right", start: () => ChildProcess) => ChildProcess;
  readonly end: () => void;
}

interface MediumUnderTest {
  readonly name: string;
  /** By this name the tests know why it cannot be tried. */
  readonly kind: string;
  readonly lay: (folder: string) => Promise<Line>;
}

const anywhere: Line["at"] = (_, start) => start();
const line = (near: string, far = near): Line => ({ near, far, at: anywhere, end: () => {} });

const UNDER_TEST: readonly MediumUnderTest[] = [
  { name: "Unix socket", kind: "Unix socket", lay: async (folder) => line(`unix:${folder}/line.sock`) },
  {
    name: "raw Ethernet (veth)",
    kind: "raw Ethernet",
    lay: async () => {
      const cable = layCable();
      const at: Line["at"] = (side, start) => cable.inside(side, start);
      return { near: "ethernet:left", far: "ethernet:right", at, end: () => cable.end() };
    },
  },
  {
    name: "serial line (PTY pair)",
    kind: "serial line",
    lay: async (folder) => {
      const [left, right] = [join(folder, "left"), join(folder, "right")];
      const ptys = await joinPtys(left, right);
      return { ...line(`serial:${left}?baud=921600`, `serial:${right}?baud=921600`), end: () => ptys.pull() };
    },
  },
  {
    name: "two one-way Unix sockets",
    kind: "a pair of one-way Unix sockets",
    lay: async (folder) => {
      const [up, down] = [`unix:${folder}/up.sock`, `unix:${folder}/down.sock`];
      return line(`oneway:in=${up},out=${down}`, `oneway:in=${down},out=${up}`);
    },
  },
  {
    name: "two named pipes",
    kind: "a pair of named pipes",
    lay: async (folder) => {
      const [up, down] = [`fifo:${folder}/up`, `fifo:${folder}/down`];
      execFileSync("mkfifo", [join(folder, "up"), join(folder, "down")]);
      return line(`oneway:in=${up},out=${down}`, `oneway:in=${down},out=${up}`);
    },
  },
  { name: "vsock", kind: "vsock", lay: async () => line("vsock:1:20900") },
];

interface Row {
  readonly medium: string;
  readonly roundTripP50Us: number;
  readonly roundTripP99Us: number;
  readonly megabytesPerSecond: number;
  readonly lostBytes: number;
}

const rows: (Row & { readonly layers: Layers })[] = [];
const skipped: string[] = [];
for (const medium of UNDER_TEST) {
  const reason = await MEDIA.find(({ name }) => name === medium.kind)?.unavailable();
  if (reason !== undefined) skipped.push(reason);
  else {
    const results = await measureMedium(medium);
    for (const layers of LAYERS) rows.push({ layers, ...rowOf(medium.name, results[layers]) });
  }
}
report();

/** Both alternate, so that whatever else the machine does meets both alike. */
async function measureMedium(medium: MediumUnderTest): Promise<Record<Layers, EndResult[]>> {
  const results: Record<Layers, EndResult[]> = { bare: [], bridge: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const what of ["round trips", "throughput"] as const)
      for (const layers of LAYERS) results[layers].push(await measureOnce(medium, layers, what));
  }
  return results;
}

/** Each end is a process of its own; this one only lays the line. */
async function measureOnce(medium: MediumUnderTest, layers: Layers, what: What): Promise<EndResult> {
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  const { near, far, at, end } = await medium.lay(folder);
  const keys = { near: newBridgeKey(randomBytes), far: newBridgeKey(randomBytes) };
  const publicKeys = { near: keys.near.publicKey, far: keys.far.publicKey };
  const start = (side: "near" | "far") => (): ChildProcess => {
    const address = side === "near" ? near : far;
    const task: EndTask = { address, layers, what, end: side, privateKey: keys[side].privateKey, publicKeys };
    const main = fileURLToPath(new URL("bridge-end.ts", import.meta.url));
    return spawn(process.execPath, [main, JSON.stringify(task)], { stdio: ["ignore", "pipe", "inherit"] });
  };
  const farEnd = at("right", start("far"));
  const nearEnd = at("left", start("near"));
  try {
    let said = "";
    nearEnd.stdout?.on("data", (bytes: Buffer) => (said += bytes.toString()));
    const [code] = (await once(nearEnd, "close")) as [number | null];
    if (code !== 0) throw new Error(`an end of ${near} ended with ${code}`);
    return JSON.parse(said) as EndResult;
  } finally {
    farEnd.kill("SIGKILL");
    await once(farEnd, "close");
    end();
    rmSync(folder, { recursive: true, force: true });
  }
}

function rowOf(medium: string, results: readonly EndResult[]): Row {
  const trips = results.flatMap((result) => (result.what === "round trips" ? result.us : [])).toSorted((a, b) => a - b);
  const pours = results.flatMap((result) => (result.what === "throughput" ? [result] : []));
  const speeds = pours.map(({ megabytesPerSecond }) => megabytesPerSecond).toSorted((a, b) => a - b);
  const quantile = (share: number): number => Math.round(trips[Math.floor(trips.length * share)] ?? 0);
  return {
    medium,
    roundTripP50Us: quantile(0.5),
    roundTripP99Us: quantile(0.99),
    megabytesPerSecond: Math.round((speeds[Math.floor(speeds.length / 2)] ?? 0) * 10) / 10,
    lostBytes: pours.reduce((sum, { lostBytes }) => sum + lostBytes, 0),
  };
}

function report(): void {
  if (process.argv.includes("--json")) {
    const machine = { cpus: cpus().length, cpu: cpus()[0]?.model, node: process.version, load: loadavg() };
    console.log(JSON.stringify({ machine, rounds: ROUNDS, rows, skipped }, null, 2));
    return;
  }
  console.log("| medium | | round trip p50 | p99 | MB/s | against bare: p50, MB/s | lost |");
  console.log("|---|---|---|---|---|---|---|");
  for (const row of rows) {
    const bare = rows.find(({ medium, layers }) => medium === row.medium && layers === "bare") ?? row;
    const slower = (row.roundTripP50Us / bare.roundTripP50Us).toFixed(1);
    const share = (row.megabytesPerSecond / bare.megabytesPerSecond).toFixed(2);
    const against = row.layers === "bare" ? "" : `${slower} times as long, ${share} of the speed`;
    const cells = [row.medium, row.layers, `${row.roundTripP50Us} µs`, `${row.roundTripP99Us} µs`];
    console.log(`| ${[...cells, row.megabytesPerSecond, against, row.lostBytes].join(" | ")} |`);
  }
  for (const reason of skipped) console.log(`skipped: ${reason}`);
  console.log(`load before and now: ${loadavg()[1]?.toFixed(1)}, ${loadavg()[0]?.toFixed(1)}; ${cpus().length} cores`);
}
