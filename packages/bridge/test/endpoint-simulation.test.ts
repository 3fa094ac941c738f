// The bridge's whole promise under thousands of seeded histories of flipped bits, cuts, black holes and restarts.
import { describe, expect, test } from "vitest";
import { Endpoint, type EndpointOptions } from "../src/endpoint.ts";
import { type Letter, runEndpoints, type StreamFaults } from "./endpoint-simulation.ts";
import { type CreateHandshakes, noiseSessions, toySessions } from "./sessions.ts";

const NONE: StreamFaults = { flippedBits: 0, cuts: 0, lostChunks: 0, restarts: 0, fullQueues: 0 };

const createEndpoint = (options: EndpointOptions, bootId: bigint): Endpoint<Letter> => new Endpoint(options, bootId);

const SESSIONS: readonly {
  readonly name: string;
  readonly seeds: number;
  readonly createHandshakes: CreateHandshakes;
}[] = [
  { name: "a toy session", seeds: 700, createHandshakes: toySessions },
  { name: "the real session", seeds: 30, createHandshakes: noiseSessions },
];

describe.each(SESSIONS)("with $name", ({ name, seeds, createHandshakes }) => {
  test("untampered control: without faults every letter comes once and in order", () => {
    const run = runEndpoints({ seed: 1, faulty: false, createEndpoint, createHandshakes });
    expect({ ...run, faults: { ...run.faults, fullQueues: 0 } }).toEqual({ violations: [], faults: NONE, handed: 50 });
  });

  test(`${seeds} faulty histories: each letter is accepted, in order, and repeated only after a restart`, () => {
    const fired = { ...NONE };
    for (let seed = 1; seed <= seeds; seed++) {
      const run = runEndpoints({ seed, faulty: true, createEndpoint, createHandshakes });
      expect({ seed, violations: run.violations }).toEqual({ seed, violations: [] });
      for (const fault of Object.keys(fired) as (keyof StreamFaults)[]) fired[fault] += run.faults[fault];
    }
    process.stdout.write(`endpoint, ${name}: ${seeds} histories, faults fired: ${JSON.stringify(fired)}\n`);
    for (const [fault, count] of Object.entries(fired)) expect(count, fault).toBeGreaterThan(seeds / 10);
  });
});
