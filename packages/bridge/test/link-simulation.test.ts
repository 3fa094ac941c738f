// The link's promise under thousands of seeded histories of loss, repetition, disorder, replay, cuts and restarts.
import { expect, test } from "vitest";
import { Link, type LinkOptions } from "../src/link.ts";
import { type LinkFaults, runLinks } from "./link-simulation.ts";

const SEEDS = 3_000;

const createLink = (options: LinkOptions): Link => new Link(options);

test("untampered control: without faults everything arrives once and in order", () => {
  const run = runLinks({ seed: 1, faulty: false, createLink });
  expect(run).toEqual({
    violations: [],
    faults: { lost: 0, duplicated: 0, reordered: 0, replayed: 0, cuts: 0, restarts: 0 },
    delivered: 80,
  });
});

test(`${SEEDS} faulty histories: everything arrives once and in order`, () => {
  const fired: LinkFaults = { lost: 0, duplicated: 0, reordered: 0, replayed: 0, cuts: 0, restarts: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const run = runLinks({ seed, faulty: true, createLink });
    expect({ seed, violations: run.violations }).toEqual({ seed, violations: [] });
    for (const fault of Object.keys(fired) as (keyof LinkFaults)[]) fired[fault] += run.faults[fault];
  }
  process.stdout.write(`link: ${SEEDS} histories, faults fired: ${JSON.stringify(fired)}\n`);
  for (const [fault, count] of Object.entries(fired)) expect(count, fault).toBeGreaterThan(SEEDS / 10);
});

test("the same seed gives the same history", () => {
  expect(runLinks({ seed: 7, faulty: true, createLink })).toEqual(runLinks({ seed: 7, faulty: true, createLink }));
});
