// Many callers in one go: each has its own result, and one that fails fails by itself.
import { expect, test } from "vitest";
import { together } from "./together.ts";

test("whoever comes alone is served at once; who comes meanwhile is taken together; one that fails, fails alone", async () => {
  const goes: (readonly number[])[] = [];
  const open: (() => void)[] = [];
  const run = async (items: readonly number[]) => {
    goes.push(items);
    await new Promise<void>((resolve) => open.push(resolve));
    if (items.includes(13)) throw new Error("not this one");
    return items.map((item) => item * 2);
  };
  const ask = together(run, () => false);
  const answers = [1, 2, 3, 13, 5].map((item) => ask(item).catch((error: Error) => error.message));
  // Two are under way, each by itself, since nothing waited when they came.
  expect(goes).toEqual([[1], [2]]);
  while (goes.length < 6 || open.length > 0) {
    open.shift()?.();
    await new Promise(setImmediate);
  }
  expect(await Promise.all(answers)).toEqual([2, 4, 6, "not this one", 10]);
  // Together first, then each by itself.
  expect(goes.slice(2)).toEqual([[3, 13, 5], [3], [13], [5]]);
});

test("a failure that says nothing about the items fails them all, and the next ones are served", async () => {
  let tries = 0;
  const ask = together(
    async (items: readonly number[]) => {
      await Promise.resolve();
      tries += 1;
      if (tries <= 3) throw new Error("away");
      return items;
    },
    () => true,
  );
  const all = await Promise.allSettled([1, 2, 3, 4, 5].map(ask));
  expect(all.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => "rejected"));
  expect(await ask(6)).toBe(6);
});

test("no go is larger than its bound, and nobody is left behind", async () => {
  const sizes: number[] = [];
  const ask = together(
    async (items: readonly number[]) => {
      sizes.push(items.length);
      await new Promise(setImmediate);
      return items;
    },
    () => false,
  );
  const items = Array.from({ length: 500 }, (_, at) => at);
  expect(await Promise.all(items.map(ask))).toEqual(items);
  expect(Math.max(...sizes)).toBe(64);
  expect(sizes.length).toBeLessThan(20);
});
