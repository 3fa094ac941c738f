// The served end: a socket for its owner alone, one request a connection, one request at a time, bounded, never logged.
import { chmodSync, lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { dirname, isAbsolute } from "node:path";
import { type ConsoleAnswer, type JsonObject, refusedByConsole } from "./answer.ts";
import { type ConsoleLimits, DEFAULT_LIMITS, encodeFrame, type Frame, FrameReader, isObject } from "./frame.ts";

/**
 * Answers one request. `input` is what the caller sent as JSON, not judged yet; `binary` is overwritten when the answer
 * is there, so whoever needs it longer copies it. What it throws is logged and answered with CONSOLE_FAILED.
 */
export type ConsoleCommand = (input: JsonObject, binary: Buffer) => ConsoleAnswer | Promise<ConsoleAnswer>;

export type ServeOptions = {
  /** Absolute, at most 107 bytes, in a directory that nobody else may enter; the directory is made if need be. */
  readonly path: string;
  readonly commands: Readonly<Record<string, ConsoleCommand>>;
  readonly logger: {
    readonly info: (fields: object, message: string) => void;
    readonly error: (fields: object, message: string) => void;
  };
  readonly limits?: Partial<ConsoleLimits>;
  /** How long a request may take to arrive; default 5 s. */
  readonly requestWithinMs?: number;
};

export type Console = { readonly close: () => Promise<void> };

export class ConsoleError extends Error {
  override readonly name = "ConsoleError";
  readonly code: "CONSOLE_PATH_INVALID" | "CONSOLE_DIRECTORY_OPEN" | "CONSOLE_PATH_TAKEN";

  constructor(code: ConsoleError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** sun_path has 108 bytes with its final zero. */
const LONGEST_PATH_BYTES = 107;
const OWNER_ONLY_UMASK = 0o177;
const MOST_CONNECTIONS = 8;
const REQUEST_WITHIN_MS = 5_000;

/**
 * Serves until closed. A socket that a killed process left behind is replaced.
 * @throws ConsoleError
 */
export async function serveConsole(options: ServeOptions): Promise<Console> {
  const { path, logger } = options;
  await clearPath(path);
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const open = new Set<Socket>();
  let last: Promise<void> = Promise.resolve();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    if (open.size >= MOST_CONNECTIONS) {
      give(socket, refusedByConsole("CONSOLE_BUSY"), limits);
      return;
    }
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    receive(socket, limits, options.requestWithinMs ?? REQUEST_WITHIN_MS, (frame) => {
      // One after the other: a command never finds another one half done.
      last = last.then(async () => give(socket, await run(options, frame), limits));
      return last;
    });
  });
  server.maxConnections = 4 * MOST_CONNECTIONS;
  await listen(server, path);
  server.on("error", (err) => logger.error({ err }, "the console could not take a connection"));
  logger.info({ path }, "the local console is open to its owner");
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

function receive(
  socket: Socket,
  limits: ConsoleLimits,
  withinMs: number,
  onFrame: (frame: Frame) => Promise<void>,
): void {
  const reader = new FrameReader(limits);
  const late = setTimeout(() => finish(refusedByConsole("CONSOLE_TIMEOUT")), withinMs);
  const finish = (answer: ConsoleAnswer): void => {
    clearTimeout(late);
    reader.wipe();
    give(socket, answer, limits);
  };
  let whole = false;
  socket.on("data", (piece: Buffer) => {
    if (whole || socket.writableEnded) {
      piece.fill(0);
      return;
    }
    const taken = reader.take(piece);
    piece.fill(0);
    if (taken === null) return;
    if ("fault" in taken) return finish(refusedByConsole(taken.fault));
    whole = true;
    clearTimeout(late);
    void onFrame(taken.frame).finally(() => reader.wipe());
  });
  socket.once("end", () => {
    if (!whole) finish(refusedByConsole("CONSOLE_CUT"));
  });
  socket.once("close", () => clearTimeout(late));
}

/** Never throws: a command that does is this process's fault, and the caller hears no more than that. */
async function run({ commands, logger }: ServeOptions, { head, binary }: Frame): Promise<ConsoleAnswer> {
  const { command, input } = head;
  const wellFormed = typeof command === "string" && isObject(input) && Object.keys(head).length === 2;
  if (!wellFormed) return refusedByConsole("CONSOLE_FRAME_INVALID");
  const known = Object.hasOwn(commands, command) ? commands[command] : undefined;
  if (known === undefined) return refusedByConsole("CONSOLE_COMMAND_UNKNOWN");
  try {
    const answer = await known(input, binary);
    logger.info({ command, outcome: answer.ok ? "done" : answer.code }, "asked at the local console");
    return answer;
  } catch (err) {
    logger.error({ command, err }, "a command at the local console failed");
    return refusedByConsole("CONSOLE_FAILED");
  }
}

function give(socket: Socket, answer: ConsoleAnswer, limits: ConsoleLimits): void {
  if (socket.destroyed || socket.writableEnded) return;
  const head: JsonObject = answer.ok
    ? { ok: true, output: answer.output }
    : { ok: false, code: answer.code, message: answer.message };
  const frame =
    encodeFrame(head, answer.ok ? answer.binary : new Uint8Array(0), limits) ??
    encodeFrame({ ok: false, code: "CONSOLE_FRAME_TOO_LARGE", message: "the answer is too large" }, EMPTY, limits);
  // What is still on its way in is thrown away; a caller that neither reads nor leaves is not waited for.
  const leave = setTimeout(() => socket.destroy(), REQUEST_WITHIN_MS);
  socket.once("close", () => clearTimeout(leave));
  socket.resume();
  socket.end(frame ?? EMPTY);
}

const EMPTY = new Uint8Array(0);

async function clearPath(path: string): Promise<void> {
  if (!isAbsolute(path) || Buffer.byteLength(path) > LONGEST_PATH_BYTES) {
    throw new ConsoleError("CONSOLE_PATH_INVALID", "a console's path is absolute and has at most 107 bytes");
  }
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(directory);
  if (uid !== process.getuid?.() || (mode & 0o077) !== 0) {
    throw new ConsoleError("CONSOLE_DIRECTORY_OPEN", `${directory} is not this user's alone (mode 0700)`);
  }
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket() || (await isServed(path))) {
    throw new ConsoleError("CONSOLE_PATH_TAKEN", `${path} is served by another process, or is no socket`);
  }
  unlinkSync(path);
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection({ path });
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      resolve();
    });
    // The file is made inside listen(), synchronously, so there is no moment at which it stands open to others.
    const before = process.umask(OWNER_ONLY_UMASK);
    try {
      server.listen({ path });
    } finally {
      process.umask(before);
    }
  });
  chmodSync(path, 0o600);
}
