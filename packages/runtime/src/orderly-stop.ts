// Stops the parts of a process in the reverse of the order in which they began, and does not wait for ever for any.
import type { Logger } from "./logger.ts";

export type Part = { readonly name: string; readonly stop: () => Promise<void> | void };

export type OrderlyStop = {
  readonly signal: AbortSignal;
  add(part: Part): void;
  /** Begins stopping, once; the process exits with `code`, or with 1 if a part did not stop in order. */
  begin(reason: string, code: number): void;
  /** Gives up on stopping in order, naming the part that hangs. */
  giveUp(why: string): never;
};

export function orderlyStop(logger: Logger, withinMs: number): OrderlyStop {
  const stopping = new AbortController();
  const parts: Part[] = [];
  let hanging = "nothing yet";

  return { signal: stopping.signal, add: (part) => parts.push(part), begin, giveUp };

  function begin(reason: string, code: number): void {
    if (stopping.signal.aborted) return;
    logger.info({ reason }, "stopping");
    stopping.abort(new Error(`stopping: ${reason}`));
    setTimeout(() => giveUp(`not stopped after ${withinMs} ms`), withinMs);
    void stopAll().then((inOrder) => {
      logger.info("stopped");
      process.exit(code === 0 && !inOrder ? 1 : code);
    });
  }

  /** A part that fails to stop does not keep the others from stopping. A part begun meanwhile is stopped too. */
  async function stopAll(): Promise<boolean> {
    let inOrder = true;
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      hanging = part.name;
      const beganAtMs = performance.now();
      try {
        await part.stop();
        logger.info({ part: part.name, tookMs: Math.round(performance.now() - beganAtMs) }, `${part.name} stopped`);
      } catch (error) {
        inOrder = false;
        logger.error({ part: part.name, err: error }, `${part.name} did not stop in order`);
      }
    }
    return inOrder;
  }

  function giveUp(why: string): never {
    logger.fatal({ hanging }, `${why}; ${hanging} hung`);
    process.exit(1);
  }
}
