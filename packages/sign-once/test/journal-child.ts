// A holder without a key: decides, records, and lets a signature go, until it kills itself at the point it was told.
import { fdatasyncSync, fstatSync, fsyncSync, writeSync } from "node:fs";
import { openJournal } from "../src/journal.ts";
import { decideSigning, type SigningIntent } from "../src/sign-once.ts";

export type KillPoint = "write" | "torn-write" | "sync" | "after-sync" | "release" | "after-release" | "never";

type Job = {
  readonly directory: string;
  readonly intents: readonly SigningIntent[];
  readonly point: KillPoint;
  /** At the point's first passing, or a later one. */
  readonly passing: number;
};

const job = JSON.parse(process.argv[2] ?? "") as Job;
const passings = new Map<KillPoint, number>();

const journal = openJournal(job.directory, "semi-offline-signer-a", {
  writeSync: ((file: number, bytes: Buffer, offset: number, length: number, position: number) => {
    killAt("write");
    killAt("torn-write", () => writeSync(file, bytes, offset, Math.floor(length / 2), position));
    return writeSync(file, bytes, offset, length, position);
  }) as typeof writeSync,
  fsyncSync,
  fdatasyncSync: (file) => {
    killAt("sync");
    fdatasyncSync(file);
    say(`durable ${fstatSync(file).size}`);
    killAt("after-sync");
  },
});
say(`opened ${journal.entries} ${journal.trimmedBytes}`);
for (const [at, intent] of job.intents.entries()) {
  const decision = decideSigning(journal.history, intent);
  say(decision.ok ? decision.value : decision.refusal.code);
  if (!decision.ok) continue;
  if (decision.value === "first") journal.append({ ...intent, atMs: 1 });
  killAt("release");
  say(`released ${at}`);
  killAt("after-release");
}
journal.close();

function killAt(point: KillPoint, before: () => void = () => {}): void {
  const passing = (passings.get(point) ?? -1) + 1;
  passings.set(point, passing);
  if (job.point !== point || job.passing !== passing) return;
  before();
  process.kill(process.pid, "SIGKILL");
}

/** What was written to the pipe is there however this process ends. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}
