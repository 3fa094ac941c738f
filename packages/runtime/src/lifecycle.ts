// The life of a process: it starts or says why not, stops in order when asked, and crashes loudly when it is broken.
import { ConfigError, LOG_LEVEL } from "./config.ts";
import { createLogger, type Logger } from "./logger.ts";
import { orderlyStop } from "./orderly-stop.ts";
import { logLevel } from "./settings.ts";

/** Exit codes: 0 stopped in order, 1 crashed or did not stop in order, 78 (EX_CONFIG) did not start for its config. */
export const EXIT = { stopped: 0, crashed: 1, config: 78 } as const;

export type Lifecycle = {
  readonly name: string;
  readonly logger: Logger;
  /** Aborted when stopping begins. */
  readonly stopping: AbortSignal;
  /** What was begun last is stopped first, one after the other. */
  onStop(name: string, stop: () => Promise<void> | void): void;
  /** Asks for an orderly stop from inside. */
  stop(reason: string): void;
};

/**
 * Runs a process. When `main` returns, it is ready, and it lives until SIGTERM, SIGINT, SIGHUP or SIGQUIT: then everything given to
 * onStop is stopped in reverse order and it exits 0. A second signal, or stopping for longer than `stopWithinMs`, exits
 * 1 and says what hung. A ConfigError lists all its faults and exits 78; any other failure exits 1.
 */
export function runProcess(
  name: string,
  main: (life: Lifecycle) => Promise<void>,
  { stopWithinMs = 20_000 }: { readonly stopWithinMs?: number } = {},
): void {
  const level = logLevel().safeParse(process.env[LOG_LEVEL]);
  const logger = createLogger({ service: name, ...(level.success ? { level: level.data } : {}) });
  const stop = orderlyStop(logger, stopWithinMs);
  keepInspectorClosed(logger);
  crashLoudly(logger);
  for (const signal of STOPPING) {
    process.on(signal, () => {
      if (stop.signal.aborted) stop.giveUp(`${signal} again while stopping`);
      stop.begin(signal, EXIT.stopped);
    });
  }
  // A process lives until it is told to stop, also in a moment in which nothing of it waits for anything.
  setInterval(() => {}, 2 ** 30);
  const life: Lifecycle = {
    name,
    logger,
    stopping: stop.signal,
    onStop: (part, stopPart) => stop.add({ name: part, stop: stopPart }),
    stop: (reason) => stop.begin(reason, EXIT.stopped),
  };
  void start();

  async function start(): Promise<void> {
    const beganAtMs = performance.now();
    try {
      await main(life);
      if (stop.signal.aborted) return;
      logger.info({ startedInMs: Math.round(performance.now() - beganAtMs) }, "ready");
    } catch (error) {
      if (stop.signal.aborted) return logger.warn({ err: error }, "starting ended early, as stopping had begun");
      if (error instanceof ConfigError) return stop.begin(logFaults(error, logger), EXIT.config);
      logger.fatal({ err: error }, "did not start");
      stop.begin("did not start", EXIT.crashed);
    }
  }
}

/** A closed terminal and Ctrl-\ would otherwise end a process where it stands. */
const STOPPING = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const;

/** Without handlers of our own, SIGUSR1 opens Node's inspector, which hands out all memory, and SIGUSR2 just ends a process. */
function keepInspectorClosed(logger: Logger): void {
  process.on("SIGUSR1", () => logger.warn("SIGUSR1 does nothing here; the inspector stays closed"));
  process.on("SIGUSR2", () => logger.warn("SIGUSR2 does nothing here"));
}

/** What is broken is not trusted to stop itself in order. A crash while crashing (a closed stderr) just ends. */
function crashLoudly(logger: Logger): void {
  let crashing = false;
  const crash = (what: string) => (error: unknown) => {
    if (!crashing) {
      crashing = true;
      logger.fatal({ err: error }, what);
    }
    process.exit(EXIT.crashed);
  };
  process.on("uncaughtException", crash("uncaught exception"));
  process.on("unhandledRejection", crash("unhandled rejection"));
  // Node's own printing of warnings would put lines on stderr that are no JSON.
  process.removeAllListeners("warning");
  process.on("warning", (warning) => logger.warn({ err: warning }, "warning of the runtime"));
}

function logFaults({ faults }: ConfigError, logger: Logger): string {
  for (const { name, rule } of faults) logger.fatal({ fault: { name, rule } }, `${name}: ${rule}`);
  return `the config has ${faults.length} ${faults.length === 1 ? "fault" : "faults"}`;
}
