// The link's promise under thousands of seeded histories of loss, repetition, disorder, replay, cuts and restarts.
import { describe, expect, test } from "vitest";
import { Link, type LinkOptions } from "../src/link.ts";
import { type LinkFaults, NO_LINK_FAULTS, runLinks } from "./link-simulation.ts";
import { type CreateHandshakes, noiseSessions, toySessions } from "./sessions.ts";

/** The toy session is for the many: the real one costs a millisecond for each of the thousands of handshakes. */
const SESSIONS: readonly {
  readonly name: string;
  readonly seeds: number;
  readonly createHandshakes: CreateHandshakes;
}[] = [
  { name: "a toy session", seeds: 1_500, createHandshakes: toySessions },
  { name: "the real session", seeds: 40, createHandshakes: noiseSessions },
];

const createLink = (options: LinkOptions): Link => new Link(options);

describe.each(SESSIONS)("with $name", ({ name, seeds, createHandshakes }) => {
  test("untampered control: without faults everything arrives once and in order", () => {
    const { faults, ...run } = runLinks({ seed: 1, faulty: false, createLink, createHandshakes });
    expect(run).toEqual({ violations: [], delivered: 80 });
    expect({ ...faults, rekeys: 0 }).toEqual(NO_LINK_FAULTS);
    expect(faults.rekeys).toBeGreaterThan(0);
  });

  test(`${seeds} faulty histories: everything arrives once and in order`, () => {
    const fired: LinkFaults = { ...NO_LINK_FAULTS };
    for (let seed = 1; seed <= seeds; seed++) {
      const run = runLinks({ seed, faulty: true, createLink, createHandshakes });
      expect({ seed, violations: run.violations }).toEqual({ seed, violations: [] });
      for (const fault of Object.keys(fired) as (keyof LinkFaults)[]) fired[fault] += run.faults[fault];
    }
    process.stdout.write(`link, ${name}: ${seeds} histories, faults fired: ${JSON.stringify(fired)}\n`);
    for (const [fault, count] of Object.entries(fired)) expect(count, fault).toBeGreaterThan(seeds / 10);
  });

  test("the same seed gives the same history", () => {
    const run = () => runLinks({ seed: 7, faulty: true, createLink, createHandshakes });
    expect(run()).toEqual(run());
  });
});
