// Deadlines: a message that waits for too long is told of once, is counted for as long as it waits, and is never dropped.
import { expect, test } from "vitest";
import { Overdue, type Timed } from "./overdue.ts";

test("each is told of once, whatever its deadline, and counted until it is no longer pending", () => {
  const [first, second, third]: Timed[] = [
    { sinceMs: 0, deadlineMs: 1_000 },
    { sinceMs: 0, deadlineMs: 100 },
    { sinceMs: 900, deadlineMs: 1_000 },
  ];
  if (first === undefined || second === undefined || third === undefined) throw new Error("there are three");
  let pending = [first, second, third];
  const told: (readonly [number, number])[] = [];
  const overdue = new Overdue(
    () => pending,
    ({ deadlineMs }, waitedMs) => told.push([deadlineMs, waitedMs]),
  );
  overdue.look(99);
  expect([told, overdue.count(99), overdue.ever]).toEqual([[], 0, 0]);
  overdue.look(100);
  overdue.look(1_000);
  overdue.look(1_100);
  expect(told).toEqual([
    [100, 100],
    [1_000, 1_000],
  ]);
  expect([overdue.count(1_100), overdue.ever, pending.length]).toEqual([2, 2, 3]);
  pending = [third];
  expect(overdue.count(1_100)).toBe(0);
  overdue.look(1_900);
  expect([overdue.count(1_900), overdue.ever]).toEqual([1, 3]);
});
