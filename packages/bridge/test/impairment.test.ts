// Ten percent of everything at once: 10,000 messages arrive exactly once and in order, and neither end grows past its bound.
import { expect, test } from "vitest";
import type * as EndpointModule from "../src/endpoint.ts";
import { Endpoint, type EndpointOptions } from "../src/endpoint.ts";
import { NO_IMPAIRMENT, TEN_PERCENT_OF_EVERYTHING } from "./impaired-line.ts";
import { HELD_BYTES_AT_MOST, type ImpairedRun, type Letter, runImpaired } from "./impaired-simulation.ts";
import { type PlantedBug, withPlanted } from "./planted.ts";

/** Another run of the same: SLUICE_IMPAIRMENT_SEED=7 pnpm test packages/bridge/test/impairment */
const SEED = Number(process.env["SLUICE_IMPAIRMENT_SEED"] ?? 20_261_121);
const MESSAGES_EACH_WAY = 5_000;
const END_MS = 10_000_000;

const createEndpoint = (options: EndpointOptions, bootId: bigint): Endpoint<Letter> => new Endpoint(options, bootId);

test("untampered control: over a whole line nothing is dropped, repeated or cut", () => {
  const run = runImpaired({
    seed: SEED,
    messages: 1_000,
    impairment: NO_IMPAIRMENT,
    endMs: END_MS,
    createEndpoint,
  });
  expect(run).toMatchObject({
    violations: [],
    handed: 2_000,
    faults: NO_IMPAIRMENT,
    connections: 1,
    duplicates: 0,
    framesDropped: 0,
  });
  expect(run.heldBack).toBeGreaterThan(0);
});

test(`${2 * MESSAGES_EACH_WAY} messages under ten percent of everything at once, seed ${SEED}`, {
  timeout: 120_000,
}, () => {
  const run = runImpaired({
    seed: SEED,
    messages: MESSAGES_EACH_WAY,
    endMs: END_MS,
    impairment: TEN_PERCENT_OF_EVERYTHING,
    createEndpoint,
  });
  const { violations, faults, greatestHeldBytes, ...rest } = run;
  process.stdout.write(
    `impairment, seed ${SEED}: ${JSON.stringify({ ...faults, ...rest, greatestHeldBytes, HELD_BYTES_AT_MOST })}\n`,
  );
  expect({ seed: SEED, violations }).toEqual({ seed: SEED, violations: [] });
  expect(run.handed).toBe(2 * MESSAGES_EACH_WAY);
  for (const [fault, count] of Object.entries(faults)) expect(count, fault).toBeGreaterThan(100);
  // A bound that is never approached would be no evidence.
  expect(greatestHeldBytes).toBeGreaterThan(HELD_BYTES_AT_MOST / 3);
});

test("the same seed gives the same history", () => {
  const run = (): ImpairedRun =>
    runImpaired({ seed: 3, messages: 200, endMs: END_MS, impairment: TEN_PERCENT_OF_EVERYTHING, createEndpoint });
  expect(run()).toEqual(run());
});

const BUGS: readonly PlantedBug[] = [
  {
    name: "the checksum is not looked at",
    file: "frame.ts",
    right: "if (crc32c(body) !== stated)",
    wrong: "if (false)",
  },
  {
    name: "duplicate rejection is off",
    file: "receive-window.ts",
    right: "if (sequence < this.#expected || this.#early.has(sequence)) return",
    wrong: "if (this.#early.has(sequence)) return",
  },
  {
    name: "both priorities share one count",
    file: "message-streams.ts",
    right: "this.#streams[frame.priority].outgoing.receive",
    wrong: "this.#streams.ordinary.outgoing.receive",
  },
  {
    name: "the queue takes whatever comes",
    file: "outgoing.ts",
    right: 'if (full) return "BRIDGE_QUEUE_FULL";',
    wrong: "",
  },
];

test.each(BUGS)("planted, and noticed: $name", async (bug) => {
  const caught = await withPlanted<typeof EndpointModule, string | undefined>(bug, "endpoint.ts", (planted) => {
    try {
      return runImpaired({
        seed: SEED,
        messages: 300,
        endMs: END_MS / 10,
        impairment: TEN_PERCENT_OF_EVERYTHING,
        createEndpoint: (options, bootId) => new planted.Endpoint(options, bootId),
      }).violations[0];
    } catch (error) {
      return `threw ${String(error)}`;
    }
  });
  expect(caught).toBeDefined();
  process.stdout.write(`planted: ${bug.name}: ${caught}\n`);
});
