// Rounds: one after the other, sooner when woken, and none left behind when stopped.
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createLogger } from "./logger.ts";
import { type Rounds, startRounds } from "./rounds.ts";

const HOUR_MS = 3_600_000;

/** Rounds that end only when the test says so. */
function start(everyMs: number) {
  const begun: PromiseWithResolvers<void>[] = [];
  let running = 0;
  let most = 0;
  const rounds: Rounds = startRounds({
    everyMs,
    logger: createLogger({ service: "test", level: "silent" }),
    round: async () => {
      const round = Promise.withResolvers<void>();
      begun.push(round);
      running += 1;
      most = Math.max(most, running);
      await round.promise.finally(() => {
        running -= 1;
      });
    },
  });
  const settled = async (): Promise<void> => {
    for (let at = 0; at < 5; at += 1) await turn();
  };
  return { rounds, begun, settled, most: () => most };
}

describe("rounds", () => {
  it("begin at once, and the next one only after the last, however often it is woken", async () => {
    const { rounds, begun, settled, most } = start(HOUR_MS);
    for (let at = 0; at < 5; at += 1) rounds.wake();
    await settled();
    expect(begun).toHaveLength(1);
    begun[0]?.resolve();
    await settled();
    expect(begun).toHaveLength(2);
    begun[1]?.resolve();
    await settled();
    expect(begun).toHaveLength(2);
    rounds.wake();
    await settled();
    expect(begun).toHaveLength(3);
    begun[2]?.resolve();
    await rounds.stop();
    expect(most()).toBe(1);
  });

  it("come by themselves when the time is up", async () => {
    let ended = 0;
    const logger = createLogger({ service: "test", level: "silent" });
    const third = Promise.withResolvers<void>();
    const round = async (): Promise<void> => {
      ended += 1;
      if (ended === 3) third.resolve();
    };
    const rounds = startRounds({ everyMs: 1, logger, round });
    await third.promise;
    await rounds.stop();
    const atStop = ended;
    await turn();
    expect(ended).toBe(atStop);
  });

  it("are not well before the first has ended, nor after one has failed, and go on", async () => {
    const { rounds, begun, settled } = start(HOUR_MS);
    expect(rounds.health()).toMatchObject({ ok: false });
    begun[0]?.resolve();
    await settled();
    expect(rounds.health()).toMatchObject({ ok: true });
    rounds.wake();
    await settled();
    begun[1]?.reject(new Error("no node"));
    await settled();
    expect(rounds.health()).toEqual({ ok: false, detail: "no node" });
    rounds.wake();
    await settled();
    begun[2]?.resolve();
    await settled();
    expect(rounds.health()).toMatchObject({ ok: true });
    await rounds.stop();
  });

  it("are stopped when the one in hand has ended, and not before", async () => {
    const { rounds, begun, settled } = start(HOUR_MS);
    await settled();
    let stopped = false;
    const stopping = rounds.stop().then(() => {
      stopped = true;
    });
    rounds.wake();
    await settled();
    expect(stopped).toBe(false);
    begun[0]?.resolve();
    await stopping;
    expect(begun).toHaveLength(1);
  });
});
