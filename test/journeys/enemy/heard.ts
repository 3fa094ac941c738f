// What came in so far, and a way to wait for what is still to come.
import { once } from "node:events";

export type Heard<T> = {
  readonly push: (item: T) => void;
  readonly all: () => readonly T[];
  /** Resolves with what `find` finds, as soon as it finds something. */
  readonly until: <R>(what: string, find: (items: readonly T[]) => R | undefined) => Promise<R>;
};

/** @param withinMs how long something may take to come before it counts as never coming. */
export function createHeard<T>(withinMs = 45_000): Heard<T> {
  const items: T[] = [];
  const news = new EventTarget();
  return {
    push: (item) => {
      items.push(item);
      news.dispatchEvent(new Event("item"));
    },
    all: () => items,
    until: async (what, find) => {
      const signal = AbortSignal.timeout(withinMs);
      for (;;) {
        const found = find(items);
        if (found !== undefined) return found;
        await once(news, "item", { signal }).catch((cause: unknown) => {
          throw new Error(`after ${withinMs} ms this had not come: ${what}`, { cause });
        });
      }
    },
  };
}
