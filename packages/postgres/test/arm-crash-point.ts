// Loaded before a process' main (`node --import`), for tests alone: gives a name to the place before and after every commit, every
// writing statement without a transaction, every journal write and sync, and kills the process at the one that is asked for.
//
// Between two neighbours of these places nothing durable happens: to be killed anywhere between them is to be killed at one of
// them, also around a send over the bridge or to a node, which is durable only where the other side commits it.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import pg from "pg";

/** `point` is "<name>#<occurrence>", counted from 1; every name that is reached is appended to `reached`. */
const asked = new URL(import.meta.url).searchParams;
const point = asked.get("point") ?? "";
const reached = asked.get("reached");
const counts = new Map<string, number>();
const appendFile = fs.appendFileSync;

function reach(name: string): void {
  const count = (counts.get(name) ?? 0) + 1;
  counts.set(name, count);
  if (reached !== null && count === 1) appendFile(reached, `${name}\n`);
  if (`${name}#${count}` === point) process.kill(process.pid, "SIGKILL");
}

armPostgres();
armJournal();

function armPostgres(): void {
  const WRITES = /^\s*(insert|update|delete|with)\b/i;
  const open = new WeakSet<object>();
  const prototype = pg.Client.prototype as unknown as { query: (...given: unknown[]) => unknown };
  const query = prototype.query;
  prototype.query = function (this: object, ...given: unknown[]): unknown {
    const [first] = given;
    const sql = typeof first === "string" ? first : ((first as { readonly text?: string }).text ?? "");
    if (sql === "begin") open.add(this);
    const commits =
      sql === "commit" || (!open.has(this) && WRITES.test(sql) && /\b(insert|update|delete)\b/i.test(sql));
    if (sql === "commit" || sql === "rollback") open.delete(this);
    if (!commits) return query.apply(this, given);
    const name = callerOf(sql);
    reach(`before ${name}`);
    const answer = query.apply(this, given);
    if (answer instanceof Promise) void answer.then(() => reach(`after ${name}`)).catch(() => undefined);
    return answer;
  };
}

function armJournal(): void {
  const { openSync, writeSync, fdatasyncSync } = fs;
  const journals = new Set<number>();
  fs.openSync = ((path: fs.PathLike, ...rest: [fs.OpenMode, fs.Mode?]) => {
    const file = openSync(path, ...rest);
    if (String(path).endsWith(".journal")) journals.add(file);
    return file;
  }) as typeof fs.openSync;
  fs.writeSync = ((file: number, ...rest: [never]) => {
    if (!journals.has(file)) return writeSync(file, ...rest);
    reach("before journal write");
    const written = writeSync(file, ...rest);
    reach("after journal write");
    return written;
  }) as typeof fs.writeSync;
  fs.fdatasyncSync = (file) => {
    fdatasyncSync(file);
    if (journals.has(file)) reach("after journal sync");
  };
  syncBuiltinESMExports();
}

/** The function of ours that had it done, by file and name: lines move, names are meant. */
function callerOf(sql: string): string {
  Error.stackTraceLimit = 60;
  const frames = (new Error().stack ?? "").split("\n").slice(1);
  if (frames.some((frame) => frame.includes("/postgres/src/migrate."))) return "migrate";
  const ours = frames.flatMap((frame) => {
    const found =
      /(?:at (?:async )?(?:new )?([\w.$#<>]+) \()?(?:file:\/\/)?\S*\/(?:services|packages)\/([\w-]+)\/src\/([\w/-]+)\.ts/.exec(
        frame,
      );
    if (found === null || found[2] === "postgres") return [];
    const [, called, folder, file] = found;
    const name = called === undefined || called === "Object" ? "" : ` ${called.split(".").at(-1)}`;
    return [`${folder}/${file?.split("/").at(-1)}${name}`];
  });
  return ours[0] ?? `somebody's ${sql.trim().slice(0, 40)}`;
}
