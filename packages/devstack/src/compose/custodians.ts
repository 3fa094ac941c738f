// Plays the custodians of docker-compose: waits for each holder's console and feeds shares until it serves. It may be
// run again at any time, after a holder was restarted say.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { feedShare, readCeremony, readIdentityFile, shareFileOf } from "@sluice/ceremony";
import { callConsole } from "@sluice/console";

const USAGE = "usage: node custodians.ts CUSTODY CONSOLES   CONSOLES/<holder>/own/console.sock is a holder's console\n";
const WAIT_AT_MOST_MS = 120_000;

const [custody, consoles, ...more] = process.argv.slice(2);
if (custody === undefined || consoles === undefined || more.length > 0) {
  process.stderr.write(USAGE);
  process.exit(64);
}
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const sealed = join(custody, "sealed");
const read = readCeremony(sealed);
if ("faults" in read) throw new Error(read.faults.map(({ code, message }) => `${code}: ${message}`).join("\n"));
await Promise.all(
  read.record.holders.map(({ holder, shares }) =>
    unlock(
      holder,
      shares.map(({ custodian }) => custodian),
    ),
  ),
);

async function unlock(holder: string, custodians: readonly string[]): Promise<void> {
  const path = join(consoles ?? "", holder, "own", "console.sock");
  const before = await whenThere(path);
  if (before["state"] === "serving") return say(`${holder}: serving already`);
  const came: string[] = [];
  for (const name of custodians) {
    const identity = readIdentityFile(readFileSync(join(custody ?? "", "identities", `${name}.txt`), "utf8"));
    if (identity === null) throw new Error(`${name}'s identity file is none`);
    const answer = await feedShare(path, readFileSync(shareFileOf(sealed, holder, name)), identity);
    if (!answer.ok && answer.code !== "SHARE_DOUBLED") throw new Error(`${holder}: ${answer.code}, ${answer.message}`);
    came.push(name);
    if (answer.ok && answer.output["state"] === "serving") break;
  }
  say(`${holder}: locked → ${came.length} of ${custodians.length} custodians → serving`);
}

async function whenThere(path: string) {
  for (const until = Date.now() + WAIT_AT_MOST_MS; ; ) {
    const answer = await callConsole(path, "status");
    if (answer.ok) return answer.output;
    if (Date.now() > until) throw new Error(`${path}: ${answer.code}, ${answer.message}`);
    await delay(200);
  }
}
