// How look-ups are timed, and how their files get into the page cache and out of it.
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readSync } from "node:fs";

/** Each by itself: what making the address costs is left out. */
export function measureLatency<T>(times: number, make: (at: number) => T, find: (made: T) => void): string {
  const micros = new Float64Array(times);
  for (let at = 0; at < times; at += 1) {
    const made = make(at);
    const from = performance.now();
    find(made);
    micros[at] = (performance.now() - from) * 1_000;
  }
  micros.sort();
  const part = (of: number) => `${(micros[Math.min(times - 1, Math.floor(times * of))] ?? 0).toFixed(1)}`;
  return `p50 ${part(0.5)}, p99 ${part(0.99)}, p99.9 ${part(0.999)}, most ${part(1)} µs over ${times}`;
}

/** All together, by the clock and by processor time: others work on this machine too. */
export function measureRate<T>(times: number, make: (at: number) => T, find: (made: T) => void): string {
  const some = 10_000;
  let [wall, cpu] = [0, 0];
  for (let at = 0; at < times; at += some) {
    const made = Array.from({ length: some }, (_, each) => make(at + each));
    const [from, used] = [performance.now(), process.cpuUsage()];
    for (const one of made) find(one);
    wall += performance.now() - from;
    const { user, system } = process.cpuUsage(used);
    cpu += (user + system) / 1_000;
  }
  const rate = (ms: number) => Math.round(times / (ms / 1_000)).toLocaleString("en");
  return `${rate(wall)}/s by the clock, ${rate(cpu)}/s of processor time, one thread`;
}

/** posix_fadvise(DONTNEED) by way of dd: drops these files alone, and needs no right to drop everything. */
export function dropFromCache(files: readonly string[]): void {
  execFileSync("sync");
  for (const file of files) execFileSync("dd", [`if=${file}`, "iflag=nocache", "count=0", "status=none"]);
}

export function readIntoCache(files: readonly string[]): void {
  const buffer = new Uint8Array(4 << 20);
  for (const path of files) {
    const file = openSync(path, "r");
    while (readSync(file, buffer) > 0) {}
    closeSync(file);
  }
}

/** As the kernel says (fincore). */
export function residentBytes(files: readonly string[]): number {
  const lines = execFileSync("fincore", ["--bytes", "--noheadings", "--output", "RES", ...files]).toString();
  return lines
    .trim()
    .split("\n")
    .map(Number)
    .reduce((sum, bytes) => sum + bytes, 0);
}
