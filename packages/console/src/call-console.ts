// The calling end: one request, one answer. Whatever goes wrong is an answer with a code, never an exception.
import { createConnection } from "node:net";
import { type ConsoleAnswer, type JsonObject, refusedAs, refusedByConsole } from "./answer.ts";
import { type ConsoleLimits, DEFAULT_LIMITS, encodeFrame, type Frame, FrameReader, isObject } from "./frame.ts";

export type CallOptions = {
  readonly limits?: Partial<ConsoleLimits>;
  /** From the connection to the whole answer; default 30 s, because a command may wait for another one. */
  readonly withinMs?: number;
};

const WITHIN_MS = 30_000;

/** `binary` goes as it is, without ever becoming text. */
export function callConsole(
  path: string,
  command: string,
  input: JsonObject = {},
  binary: Uint8Array = new Uint8Array(0),
  options: CallOptions = {},
): Promise<ConsoleAnswer> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const request = encodeFrame({ command, input }, binary, limits);
  if (request === null) return Promise.resolve(refusedByConsole("CONSOLE_FRAME_TOO_LARGE"));
  return new Promise((resolve) => {
    const reader = new FrameReader(limits);
    let connected = false;
    const socket = createConnection({ path, allowHalfOpen: true });
    const late = setTimeout(() => finish(refusedByConsole("CONSOLE_TIMEOUT")), options.withinMs ?? WITHIN_MS);
    const finish = (answer: ConsoleAnswer): void => {
      clearTimeout(late);
      request.fill(0);
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => {
      connected = true;
      socket.end(request);
    });
    socket.on("data", (piece: Buffer) => {
      const taken = reader.take(piece);
      if (taken === null) return;
      finish("fault" in taken ? refusedByConsole(taken.fault) : readAnswer(taken.frame));
    });
    socket.once("end", () => finish(refusedByConsole("CONSOLE_CUT")));
    socket.once("error", () => finish(refusedByConsole(connected ? "CONSOLE_CUT" : "CONSOLE_UNREACHABLE")));
  });
}

function readAnswer({ head, binary }: Frame): ConsoleAnswer {
  const { ok, output, code, message } = head;
  if (ok === true && isObject(output)) return { ok, output, binary };
  if (ok === false && typeof code === "string" && typeof message === "string") return refusedAs(code, message);
  return refusedByConsole("CONSOLE_FRAME_INVALID");
}
