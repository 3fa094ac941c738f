// The service under test as a process of its own.
import { type Child, type Exit, plainEnvironment, startChild } from "@sluice/devstack";

/** Undefined leaves a setting out. */
export type Environment = Readonly<Record<string, string | undefined>>;

export type LogLine = { readonly level: string; readonly msg: string; readonly [field: string]: unknown };

export type Answer = { readonly status: number; readonly text: string; readonly json: () => unknown };

export type ServiceProcess = {
  readonly pid: number;
  readonly httpUrl: string;
  /** Every line so far, as it was written. */
  readonly output: readonly string[];
  /** The same, read as JSON. */
  readonly log: () => readonly LogLine[];
  readonly get: (path: string) => Promise<Answer>;
  readonly post: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Answer>;
  readonly postJson: (path: string, body: object) => Promise<Answer>;
  /** SIGKILL; resolves when the process is gone. */
  readonly kill: () => Promise<void>;
  /** SIGTERM; resolves when the process is gone. */
  readonly stop: () => Promise<Exit>;
};

export type Spawned = { readonly child: Child; readonly output: readonly string[] };

export async function spawnService(options: {
  readonly service: string;
  readonly main: URL;
  readonly env: Environment;
  readonly secrets: object;
  readonly logFile: string;
  readonly ready: "ready" | "started" | "halted";
  /** For `node`, before the script. */
  readonly flags?: readonly string[];
}): Promise<Spawned> {
  const output: string[] = [];
  const settings = Object.entries(options.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const child = await startChild({
    name: options.service,
    command: [process.execPath, ...(options.flags ?? []), options.main.pathname],
    env: { ...plainEnvironment(), ...Object.fromEntries(settings) },
    logFile: options.logFile,
    ready: READINESS[options.ready],
    readyWithinMs: 60_000,
    // Longer than a process gives itself: whether it hangs is for its own exit code to say.
    stopGraceMs: 25_000,
    inputs: [JSON.stringify(options.secrets)],
    onLine: (line) => output.push(line),
  });
  return { child, output };
}

const READINESS = {
  ready: { kind: "line", pattern: /"msg":"ready"/ },
  halted: { kind: "line", pattern: /"msg":"halted: / },
  started: { kind: "started" },
} as const;

export function serviceProcess({ child, output }: Spawned): ServiceProcess {
  const log = () => output.map(parseLine);
  /** One that was halted listens anew when it goes on. */
  const httpUrl = (): string => {
    const port = log().findLast((line) => typeof line["httpPort"] === "number")?.["httpPort"];
    if (port === undefined) throw new Error(`${child.name} did not say on which port it listens`);
    return `http://127.0.0.1:${port}`;
  };
  httpUrl();
  const ask = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(new URL(path, httpUrl()), init);
    const text = await response.text();
    return { status: response.status, text, json: () => JSON.parse(text) };
  };
  return {
    pid: child.pid,
    get httpUrl() {
      return httpUrl();
    },
    output,
    log,
    get: (path) => ask(path, {}),
    post: (path, headers = {}) => ask(path, { method: "POST", headers }),
    postJson: (path, body) =>
      ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    kill: async () => {
      child.process.kill("SIGKILL");
      await child.exited;
    },
    stop: child.stop,
  };
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: "not JSON", msg: line };
  }
}
