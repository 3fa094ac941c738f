// Given to a process with --import, by tests alone: its Date tells the time that a file says, not the machine's.
import { readFileSync, writeFileSync } from "node:fs";

/** What to add to the time; or the one moment at which it stands still. */
export type Skew = { readonly offsetMs: number; readonly frozenAtMs: number | null };

const LOOK_EVERY_MS = 100;
const RealDate = Date;
const file = new URL(import.meta.url).searchParams.get("file");
if (file === null) throw new Error("no file says what time it is");
let text = readFileSync(file, "utf8");
let skew = JSON.parse(text) as Skew;

const now = (): number => skew.frozenAtMs ?? RealDate.now() + skew.offsetMs;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, given, newTarget) => Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, key) => (key === "now" ? now : Reflect.get(target, key)),
});

/** By this the harness knows that the process really goes by it. */
const tell = (): void => writeFileSync(`${file}.told`, JSON.stringify({ text, nowMs: Date.now() }));

tell();
setInterval(() => {
  const next = readFileSync(file, "utf8");
  if (next === text || next === "") return;
  text = next;
  skew = JSON.parse(text) as Skew;
  tell();
}, LOOK_EVERY_MS).unref();
