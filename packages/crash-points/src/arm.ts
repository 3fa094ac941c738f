// Loaded before a process' main (`node --import`), for tests alone: gives a name to the place before and after every durable
// effect, and kills the process at the one that is asked for. Nothing of it is in what is run otherwise, so it costs nothing there
// and no setting can turn it on.
//
// The effects: every commit, every writing statement without a transaction, every write and sync of a journal, every file put in
// its place, every message given to a bridge, to Kafka or to a Bitcoin node, every post, every offset committed. Between two neighbours of
// these places nothing durable happens: to be killed anywhere between them is to be killed at one of them.
import fs from "node:fs";
import { registerHooks, syncBuiltinESMExports } from "node:module";

/** `point` is "<name>#<occurrence>", counted from 1; every name that is reached is appended to `reached`. */
const asked = new URL(import.meta.url).searchParams;
const point = asked.get("point");
const reached = asked.get("reached");
const counts = new Map<string, number>();
const appendFile = fs.appendFileSync;

function reach(name: string): void {
  const count = (counts.get(name) ?? 0) + 1;
  counts.set(name, count);
  if (reached !== null && count === 1) appendFile(reached, `${name}\n`);
  if (`${name}#${count}` === point) process.kill(process.pid, "SIGKILL");
}

/** Whoever waits for the answer hears of it behind this place. */
function around<T>(name: string, act: () => Promise<T>): Promise<T> {
  reach(`before ${name}`);
  const answer = act();
  answer.then(() => reach(`after ${name}`)).catch(() => undefined);
  return answer;
}

armFiles();
armModules();

function armPostgres(prototype: Queries): void {
  const WRITES = /\b(insert into|delete from|(?<!\bfor )(?<!\bfor no key )update)\b/i;
  /** Whether the transaction that is open on a connection has changed anything: a commit of nothing is no effect. */
  const open = new Map<object, boolean>();
  const { query } = prototype;
  prototype.query = function (this: object, ...given: unknown[]): Promise<Answer> {
    const [first] = given;
    const sql = typeof first === "string" ? first : ((first as { readonly text?: string }).text ?? "");
    const ask = () => query.apply(this, given);
    const changed = open.get(this);
    if (sql === "begin") open.set(this, false);
    if (sql === "commit" || sql === "rollback") open.delete(this);
    if (sql === "commit" ? changed === true : changed === undefined && WRITES.test(sql))
      return around(callerOf(sql), ask);
    if (changed !== false || !WRITES.test(sql)) return ask();
    return ask().then((answer) => {
      if (answer.rowCount !== 0 && open.has(this)) open.set(this, true);
      return answer;
    });
  };
}

type Queries = { query: (this: object, ...given: unknown[]) => Promise<Answer> };
type Answer = { readonly rowCount: number | null };

function armFiles(): void {
  const { openSync, writeSync, fsyncSync, fdatasyncSync, ftruncateSync, renameSync } = fs;
  const journals = new Set<number>();
  const named = (name: string, act: () => void): void => {
    reach(`before ${name}`);
    act();
    reach(`after ${name}`);
  };
  fs.openSync = ((path: fs.PathLike, ...rest: [fs.OpenMode, fs.Mode?]) => {
    const file = openSync(path, ...rest);
    if (String(path).endsWith(".journal")) journals.add(file);
    return file;
  }) as typeof fs.openSync;
  fs.writeSync = ((file: number, ...rest: [never]) => {
    let written = 0;
    const write = (): void => {
      written = writeSync(file, ...rest);
    };
    if (journals.has(file)) named("journal write", write);
    else write();
    return written;
  }) as typeof fs.writeSync;
  fs.fdatasyncSync = (file) => named("journal sync", () => fdatasyncSync(file));
  fs.fsyncSync = (file) =>
    named(journals.has(file) ? "journal opened sync" : "journal directory sync", () => fsyncSync(file));
  fs.ftruncateSync = (file, length) => named("journal trim", () => ftruncateSync(file, length));
  fs.renameSync = (from, to) => named(`${callerOf("rename")} rename`, () => renameSync(from, to));
  syncBuiltinESMExports();
}

/** What is said to somebody else is ours to say: a line at the end of the modules that say it, as they are loaded. */
function armModules(): void {
  const LINES: Readonly<Record<string, string>> = {
    "/postgres/src/pool.ts": "globalThis.sluiceCrashPoints.armPostgres(pg.Client.prototype);",
    "/bridge/src/open-bridge.ts": "globalThis.sluiceCrashPoints.armBridge(OpenBridge.prototype);",
    "/bitcoin-nodes/src/connection.ts": "openConnection = globalThis.sluiceCrashPoints.armNode(openConnection);",
    "/messaging/src/bus.ts": "globalThis.sluiceCrashPoints.armKafka(Kafka.prototype);",
    "/guarded-post/src/post.ts": "createPoster = globalThis.sluiceCrashPoints.armPosts(createPoster);",
  };
  Object.assign(globalThis, { sluiceCrashPoints: { armPostgres, armBridge, armNode, armKafka, armPosts } });
  registerHooks({
    load: (url, context, next) => {
      const loaded = next(url, context);
      const line = Object.entries(LINES).find(([ending]) => url.endsWith(ending))?.[1];
      return line === undefined ? loaded : { ...loaded, source: `${String(loaded.source)}\n${line}\n` };
    },
  });
}

type Sends = { send: (...given: unknown[]) => Promise<unknown> };

function armBridge(prototype: Sends): void {
  const { send } = prototype;
  prototype.send = function (...given) {
    return around(`${callerOf("send")} over the bridge`, () => send.apply(this, given));
  };
}

type Asks = { readonly ask: (method: string, params: readonly unknown[]) => Promise<unknown> };

function armNode(open: (...given: unknown[]) => Asks): typeof open {
  return (...given) => {
    const connection = open(...given);
    const ask: Asks["ask"] = (method, params) =>
      method === "sendrawtransaction"
        ? around(method, () => connection.ask(method, params))
        : connection.ask(method, params);
    return { ...connection, ask };
  };
}

type Posts = { readonly post: (...given: unknown[]) => Promise<unknown> };

function armPosts(create: (...given: unknown[]) => Posts): typeof create {
  return (...given) => {
    const poster = create(...given);
    return { ...poster, post: (...what) => around("guarded post", () => poster.post(...what)) };
  };
}

type Kafka = { producer: (...given: unknown[]) => Sends; consumer: (...given: unknown[]) => Runs };
type Runs = { run: (config: { readonly eachBatch: EachBatch }) => Promise<void> };
type EachBatch = (payload: {
  readonly commitOffsetsIfNecessary: (...given: unknown[]) => Promise<void>;
}) => Promise<void>;

function armKafka(prototype: Kafka): void {
  const { producer, consumer } = prototype;
  prototype.producer = function (...given) {
    const made = producer.apply(this, given);
    const send: Sends["send"] = (record) =>
      around(`kafka ${kindOf((record as { readonly topic: string }).topic)}`, () => made.send(record));
    return { ...made, send };
  };
  prototype.consumer = function (...given) {
    const made = consumer.apply(this, given);
    const run: Runs["run"] = (config) => {
      const eachBatch: EachBatch = (payload) => {
        const commitOffsetsIfNecessary = (...offsets: unknown[]) =>
          around("kafka offset", () => payload.commitOffsetsIfNecessary(...offsets));
        return config.eachBatch({ ...payload, commitOffsetsIfNecessary });
      };
      return made.run({ ...config, eachBatch });
    };
    return { ...made, run };
  };
}

/** Receipts and marks come by the clock; everything else is a message out of the outbox. */
function kindOf(topic: string): string {
  if (topic.endsWith("message.received.v1")) return "receipts";
  return topic.endsWith("database.marked.v1") ? "mark" : "outbox";
}

/** The function of ours that had it done, by file and name: lines move, names are meant. */
function callerOf(what: string): string {
  Error.stackTraceLimit = 60;
  const frames = (new Error().stack ?? "").split("\n").slice(1);
  if (frames.some((frame) => frame.includes("/postgres/src/migrate."))) return "migrate";
  const ours = frames.flatMap((frame) => {
    const found =
      /(?:at (?:async )?(?:new )?([\w.$#<>]+) \()?(?:file:\/\/)?\S*\/(?:services|packages)\/([\w-]+)\/src\/([\w/-]+)\.ts/.exec(
        frame,
      );
    if (found === null || found[2] === "postgres" || found[2] === "crash-points") return [];
    const [, called, folder, file] = found;
    const name = called === undefined || called === "Object" ? "" : ` ${called.split(".").at(-1)}`;
    return [`${folder}/${file?.split("/").at(-1)}${name}`];
  });
  return ours[0] ?? `somebody's ${what.trim().slice(0, 40)}`;
}
