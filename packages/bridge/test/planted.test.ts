// The checkers are checked: each of these bugs, planted into the real sources, must be caught by a simulation.
// Bugs that the link repairs by itself, only later (a greeting not repeated, a repeat not acknowledged), are for link.test.ts.
import { describe, expect, test } from "vitest";
import type * as EndpointModule from "../src/endpoint.ts";
import type * as LinkModule from "../src/link.ts";
import { runEndpoints } from "./endpoint-simulation.ts";
import { runLinks } from "./link-simulation.ts";
import { type PlantedBug, withPlanted } from "./planted.ts";
import { toySessions } from "./sessions.ts";

const SEEDS_AT_MOST = 1_000;

const LINK_BUGS: readonly PlantedBug[] = [
  {
    name: "duplicate rejection is off",
    file: "receive-window.ts",
    right: "if (sequence < this.#expected || this.#early.has(sequence)) return",
    wrong: "if (this.#early.has(sequence)) return",
  },
  {
    name: "early frames are not put in order",
    file: "receive-window.ts",
    right: "if (sequence > this.#expected) {",
    wrong: "if (sequence < 0) {",
  },
  {
    name: "the selective acknowledgement is one off",
    file: "receive-window.ts",
    right: "1 << (sequence - this.#expected - 1)",
    wrong: "1 << (sequence - this.#expected)",
  },
  {
    name: "a new epoch goes on counting",
    file: "receive-window.ts",
    right: "    this.#early.clear();\n    this.#expected = 0;",
    wrong: "",
  },
  {
    name: "nothing is repeated",
    file: "send-window.ts",
    right: "!one.arrived && one.dueAtMs <= nowMs",
    wrong: "one.order < 0",
  },
  {
    name: "the acknowledgement takes one too many",
    file: "send-window.ts",
    right: "if (sequence < acknowledged) return true",
    wrong: "if (sequence <= acknowledged) return true",
  },
  {
    name: "a repetition is sealed again, with newer acknowledgements under the same nonce",
    file: "link.ts",
    right: "if (flight.sealed === undefined) {",
    wrong: "{",
  },
  {
    name: "what was sealed under old keys goes again as it is",
    file: "send-window.ts",
    right: "      flight.sealed = undefined;\n",
    wrong: "",
  },
  {
    name: "new keys begin a new epoch",
    file: "link.ts",
    right: 'const fresh = meeting !== "same";',
    wrong: "const fresh = true;",
  },
  {
    name: "a peer that began a new life is taken for the old one",
    file: "lives.ts",
    right: "if (this.#present === bootId)",
    wrong: "if (this.#present !== undefined)",
  },
  {
    name: "frames under keys that nobody confirmed are believed",
    file: "link.ts",
    right: ' || (!isCurrent && kind !== "confirm")',
    wrong: "",
  },
  {
    name: "what a confirmation says has arrived is believed of another life too",
    file: "link.ts",
    right: 'meeting === "same" && lives.peer === this.#options.bootId',
    wrong: 'meeting === "same"',
  },
];

const ENDPOINT_BUGS: readonly PlantedBug[] = [
  {
    name: "the checksum is not looked at",
    file: "frame.ts",
    right: "if (crc32c(body) !== stated)",
    wrong: "if (false)",
  },
  {
    name: "half a message survives a new epoch",
    file: "incoming.ts",
    right: "    this.#partial = undefined;\n    this.#begun = 0;",
    wrong: "    this.#begun = 0;",
  },
  {
    name: "an acceptance counts for the wrong epoch",
    file: "incoming.ts",
    right: "if (message.epoch === this.#epoch) this.#accepted++",
    wrong: "this.#accepted++",
  },
  {
    name: "room is granted twice",
    file: "incoming.ts",
    right: "this.#spentBytes + this.#limits.receiveBytes - this.#heldBytes",
    wrong: "this.#spentBytes + this.#limits.receiveBytes",
  },
  {
    name: "a message counts as accepted once it has arrived",
    file: "incoming.ts",
    right: "    this.#partial = undefined;\n    return { kind",
    wrong: "    this.#partial = undefined;\n    this.#accepted++;\n    return { kind",
  },
  {
    name: "a new epoch sends only what was not yet sent",
    file: "outgoing.ts",
    right: "    this.#cut = 0;\n    this.#offset = 0;\n    this.#accepted = 0;",
    wrong: "    this.#accepted = 0;",
  },
  {
    name: "the grant is not kept to",
    file: "outgoing.ts",
    right: "if (this.#spentBytes + cost > this.#grantedBytes) return undefined",
    wrong: "",
  },
  {
    name: "a kept frame lies in the decoder's scratch",
    file: "receive-window.ts",
    right: "this.#early.set(sequence, new Uint8Array(body))",
    wrong: "this.#early.set(sequence, body)",
  },
];

describe("bugs planted into the link", () => {
  test.each(LINK_BUGS)("$name", async (bug) => {
    const caught = await withPlanted<typeof LinkModule, string | undefined>(bug, "link.ts", ({ Link }) =>
      firstCaught(
        (seed) =>
          runLinks({ seed, faulty: true, createLink: (options) => new Link(options), createHandshakes: toySessions })
            .violations,
      ),
    );
    expect(caught).toBeDefined();
    process.stdout.write(`planted: ${bug.name}: ${caught}\n`);
  });
});

describe("bugs planted into the layers around it", () => {
  test.each(ENDPOINT_BUGS)("$name", async (bug) => {
    const caught = await withPlanted<typeof EndpointModule, string | undefined>(bug, "endpoint.ts", ({ Endpoint }) =>
      firstCaught(
        (seed) =>
          runEndpoints({
            seed,
            faulty: true,
            createEndpoint: (options, bootId) => new Endpoint(options, bootId),
            createHandshakes: toySessions,
          }).violations,
      ),
    );
    expect(caught).toBeDefined();
    process.stdout.write(`planted: ${bug.name}: ${caught}\n`);
  });
});

/** The first seed's complaint; a bug that makes the code throw is caught as well. */
function firstCaught(run: (seed: number) => readonly string[]): string | undefined {
  for (let seed = 1; seed <= SEEDS_AT_MOST; seed++) {
    const violations = violationsOf(() => run(seed));
    if (violations[0] !== undefined) return `seed ${seed}: ${violations[0]}`;
  }
  return undefined;
}

function violationsOf(run: () => readonly string[]): readonly string[] {
  try {
    return run();
  } catch (error) {
    return [`threw ${String(error)}`];
  }
}
