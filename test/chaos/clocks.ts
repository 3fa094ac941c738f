// Services whose clocks are wrong: by ten years, by an hour backwards, standing still; several at once, then right again.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type ProcessName, START_ORDER } from "@sluice/devstack";
import { settle, untilFinished } from "./chaos.ts";
import { startHarness } from "./harness.ts";
import type { History, Request } from "./history.ts";
import { makeLoad, startPosting } from "./load.ts";
import type { Skew } from "./skewed-clock.ts";
import type { Violation } from "./violation.ts";

export type SkewName = "ten years ahead" | "ten years behind" | "an hour back" | "frozen";
export type Round = Partial<Record<ProcessName, SkewName>>;

export type ClocksOptions = {
  readonly seed: number;
  readonly rounds: readonly Round[];
  readonly perRound: number;
  /** How long the clocks are wrong while withdrawals come in. */
  readonly wrongForMs: number;
  readonly ownParts: boolean;
  readonly logsTo?: string;
  readonly log: (line: string) => void;
};

export type ClocksResult = {
  /** Clocks that the processes themselves were seen to go by. */
  readonly skewed: number;
  /** Refusals of the API, and what withdrawals waited for while clocks were wrong, each with how often. */
  readonly said: Readonly<Record<string, number>>;
  readonly completed: number;
  readonly refusedForGood: number;
  readonly violations: readonly Violation[];
  readonly history: History;
};

const YEAR_MS = 365.25 * 24 * 60 * 60 * 1_000;
const RIGHT: Skew = { offsetMs: 0, frozenAtMs: null };

/** Several services at once, each by another clock; in the second round those that the first one spared. */
export const SHORT_ROUNDS: readonly Round[] = [
  {
    vault: "ten years ahead",
    "blockchain-gateway": "ten years behind",
    treasury: "an hour back",
    "ops-console": "frozen",
    "semi-offline-signer-a": "ten years ahead",
    "semi-offline-signer-b": "frozen",
  },
  {
    "online-risk": "an hour back",
    vault: "frozen",
    "semi-offline-risk": "ten years ahead",
    "blockchain-gateway": "frozen",
    "semi-offline-signer-c": "ten years behind",
  },
];

/** Every process with every wrong clock, one at a time. */
export const EVERY_ROUND: readonly Round[] = START_ORDER.flatMap((name) =>
  (["ten years ahead", "ten years behind", "an hour back", "frozen"] as const).map((skew) => ({ [name]: skew })),
);

export async function runClocks(options: ClocksOptions): Promise<ClocksResult> {
  const { log } = options;
  const clocks = await openClocks();
  const load = makeLoad(options.seed, options.rounds.length * options.perRound);
  // A clearance that seems ten years old is refused for good: that is a rule's word, and nobody may be paid after it.
  const wanted = load.wanted.map((one) => (one.due === "paid" ? { ...one, due: "either" as const } : one));
  const harness = await startHarness({
    ...{ seed: options.seed, withdrawals: wanted.length, policies: load.policies, ownParts: options.ownParts, log },
    extraFlags: clocks.flags,
    ...(options.logsTo === undefined ? {} : { logsTo: options.logsTo }),
  }).catch(async (error: unknown) => {
    await clocks.remove();
    throw error;
  });
  const said: Record<string, number> = {};
  const note = (what: string): void => {
    said[what] = (said[what] ?? 0) + 1;
  };
  const requests: Request[] = [];
  let skewed = 0;
  try {
    for (const [at, round] of options.rounds.entries()) {
      log(`clocks, round ${at + 1} of ${options.rounds.length}: ${JSON.stringify(round)}`);
      skewed += await clocks.set(round);
      const giveUp = new AbortController();
      let wrong = true;
      const posting = startPosting({
        client: harness.stack.client,
        wanted: wanted.slice(at * options.perRound, (at + 1) * options.perRound),
        ...{ perSecond: 20, signal: giveUp.signal },
        insist: (code) => {
          note(`API: ${code}`);
          return wrong;
        },
      });
      await delay(options.wrongForMs);
      for (const waiting of await harness.observer.waiting()) note(waiting);
      await clocks.set({});
      wrong = false;
      await posting.done;
      requests.push(...posting.requests());
      await untilFinished(harness, log);
    }
    const { history, violations } = await settle(harness, () => requests);
    const count = (state: string) => history.services.withdrawals.filter((one) => one.state === state).length;
    return { skewed, said, completed: count("completed"), refusedForGood: count("refused"), violations, history };
  } finally {
    await harness.stop();
    await clocks.remove();
  }
}

type Clocks = {
  readonly flags: Partial<Record<ProcessName, readonly string[]>>;
  /** Sets the clocks that are named, and all others right. Resolves, when every process goes by them, to how many are wrong. */
  readonly set: (round: Round) => Promise<number>;
  readonly remove: () => Promise<void>;
};

async function openClocks(): Promise<Clocks> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-clocks-"));
  const fileOf = (name: ProcessName): string => join(directory, `${name}.json`);
  const told = new Map(START_ORDER.map((name) => [name, JSON.stringify(RIGHT)]));
  for (const [name, text] of told) await writeFile(fileOf(name), text);
  const preload = new URL("skewed-clock.ts", import.meta.url);
  return {
    flags: Object.fromEntries(
      START_ORDER.map((name) => [name, ["--import", `${preload.href}?file=${encodeURIComponent(fileOf(name))}`]]),
    ),
    set: async (round) => {
      for (const name of START_ORDER) {
        const text = JSON.stringify(skewOf(round[name]));
        if (told.get(name) === text) continue;
        told.set(name, text);
        await writeFile(fileOf(name), text);
        await untilTold(fileOf(name), text);
      }
      return Object.keys(round).length;
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

function skewOf(name: SkewName | undefined): Skew {
  switch (name) {
    case undefined:
      return RIGHT;
    case "ten years ahead":
      return { offsetMs: 10 * YEAR_MS, frozenAtMs: null };
    case "ten years behind":
      return { offsetMs: -10 * YEAR_MS, frozenAtMs: null };
    case "an hour back":
      return { offsetMs: -60 * 60 * 1_000, frozenAtMs: null };
    case "frozen":
      return { offsetMs: 0, frozenAtMs: Date.now() };
    default:
      return name satisfies never;
  }
}

async function untilTold(file: string, text: string): Promise<void> {
  for (let looks = 0; looks < 400; looks += 1) {
    const says = JSON.parse(await readFile(`${file}.told`, "utf8").then((found) => found || "{}")) as { text?: string };
    if (says.text === text) return;
    await delay(50);
  }
  throw new Error(`no process goes by ${file}`);
}
