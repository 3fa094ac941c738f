// Waiting in tests: for a state, never for a time.
import { setTimeout as delay } from "node:timers/promises";

/** Reads again until what is read holds. The time allowed is for a busy machine and never part of a proof. */
export async function until<T>(
  read: () => Promise<T> | T,
  holds: (value: T) => boolean,
  withinMs = 45_000,
): Promise<T> {
  const givenUpAt = performance.now() + withinMs;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    if (performance.now() > givenUpAt) {
      const shown = JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner));
      throw new Error(`after ${withinMs} ms still: ${shown?.slice(0, 2_000)}`);
    }
    await delay(50);
  }
}
