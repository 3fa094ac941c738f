// One run: a load of withdrawals through the real API while the plan's faults fire, then the checker.
import { setTimeout as delay } from "node:timers/promises";
import { check } from "./check.ts";
import { type Harness, SESSION_TIMEOUT_MS, startHarness } from "./harness.ts";
import type { History, Request } from "./history.ts";
import { makeLoad, type Posting, startPosting } from "./load.ts";
import { describeFault, type Fault, planFaults } from "./plan.ts";
import { readChain } from "./read-chain.ts";
import { type Hurt, type Killed, measureRecovery, type Recovery } from "./recovery.ts";
import type { Violation } from "./violation.ts";

export type ChaosOptions = {
  readonly seed: number;
  readonly withdrawals: number;
  readonly kills: number;
  readonly pauses: number;
  readonly zombies: number;
  readonly cuts: number;
  /** Withdrawals posted a second, at most. */
  readonly perSecond: number;
  readonly logsTo?: string;
  /** Called in the end, while everything still runs, with the requests as they were answered. */
  readonly afterwards?: (harness: Harness, requests: readonly Request[]) => Promise<void>;
  readonly log: (line: string) => void;
};

export type ChaosResult = {
  readonly options: Omit<ChaosOptions, "log" | "logsTo" | "afterwards">;
  readonly plan: readonly Fault[];
  /** By kind, then by component: only those whose effect the kernel or the line confirmed. */
  readonly fired: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly notFired: readonly string[];
  readonly endedByThemselves: readonly string[];
  readonly recovery: readonly Recovery[];
  readonly violations: readonly Violation[];
  readonly counts: {
    readonly accepted: number;
    readonly refused: number;
    readonly paid: number;
    readonly blocks: number;
    /** Internal transfers that got into blocks. */
    readonly transfers: number;
  };
  readonly tookMs: number;
  /** From the last posting or fault, whichever was later, until nothing was open any more. */
  readonly settledInMs: number;
  readonly history: History;
};

/** Several are down at once, never all: whoever is to be hurt next waits. */
const DOWN_AT_ONCE = 4;
/** More than are posted at once: the answers that a fault waits for come in any case. */
const AHEAD = 15;
/** Without any progress for so long, a run is over and the checker says what is missing. */
const STUCK_AFTER_MS = 90_000;
/** When everything is completed, books and reservations follow within this. */
const BOOKS_WITHIN_MS = 30_000;

export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { log, logsTo, afterwards, ...plain } = options;
  const plan = planFaults({ ...plain, zombieMs: SESSION_TIMEOUT_MS + 2_000 });
  const load = makeLoad(options.seed, options.withdrawals);
  const harness = await startHarness({
    seed: options.seed,
    withdrawals: options.withdrawals,
    policies: load.policies,
    log,
    ...(logsTo === undefined ? {} : { logsTo }),
  });
  try {
    const startedMs = performance.now();
    const giveUp = new AbortController();
    const tally = createTally();
    const posting = startPosting({
      client: harness.stack.client,
      wanted: load.wanted,
      perSecond: options.perSecond,
      signal: giveUp.signal,
      // Not far beyond the fault that is next, so that there is always something in flight when it fires.
      allowed: () => (plan[tally.begun()]?.afterAccepted ?? Number.POSITIVE_INFINITY) + AHEAD,
    });
    const telling = setInterval(() => tell(harness, posting, tally, log), 10_000);
    const faults = fireAll(harness, plan, posting, tally, giveUp.signal, log);
    const stuck = untilStuck(harness, posting, tally);
    await Promise.race([Promise.all([posting.done, faults]), stuck.then(() => giveUp.abort())]);
    await Promise.race([faults, delay(STUCK_AFTER_MS, undefined, { ref: false })]);
    const quietMs = performance.now();
    await untilFinished(harness, log);
    const { history, violations } = await settle(harness, posting.requests);
    clearInterval(telling);
    const answered = (answer: string) => history.requests.filter((request) => request.answer === answer).length;
    const result: ChaosResult = {
      options: plain,
      plan,
      fired: tally.fired,
      notFired: tally.notFired,
      endedByThemselves: harness.supervisor.endedByThemselves(),
      recovery: await measureRecovery(harness.observer, tally.kills, tally.hurts),
      violations,
      counts: {
        accepted: answered("accepted"),
        refused: answered("refused"),
        paid: history.services.withdrawals.filter(({ state }) => state === "completed").length,
        blocks: harness.miner.mined(),
        transfers: readChain(history).transfers.length,
      },
      tookMs: Math.round(performance.now() - startedMs),
      settledInMs: Math.round(performance.now() - quietMs),
      history,
    };
    await afterwards?.(harness, posting.requests());
    return result;
  } finally {
    await harness.stop();
  }
}

type Tally = {
  readonly fired: Record<string, Record<string, number>>;
  readonly notFired: string[];
  readonly kills: Killed[];
  readonly hurts: Hurt[];
  readonly begun: () => number;
  readonly begin: () => void;
  readonly count: (kind: string, whom: string) => void;
};

function createTally(): Tally {
  const fired: Tally["fired"] = {};
  let begun = 0;
  return {
    fired,
    notFired: [],
    kills: [],
    hurts: [],
    begun: () => begun,
    begin: () => {
      begun += 1;
    },
    count: (kind, whom) => {
      fired[kind] = { ...fired[kind], [whom]: (fired[kind]?.[whom] ?? 0) + 1 };
    },
  };
}

/** In the order of the plan, each when its time has come, several at once. */
async function fireAll(
  harness: Harness,
  plan: readonly Fault[],
  posting: Posting,
  tally: Tally,
  givenUp: AbortSignal,
  log: (line: string) => void,
): Promise<void> {
  const open = new Set<Promise<void>>();
  for (const fault of plan) {
    while (posting.answered() < fault.afterAccepted && !givenUp.aborted) await delay(20);
    if (givenUp.aborted) break;
    while (open.size >= DOWN_AT_ONCE) await Promise.race(open);
    await delay(fault.thenMs);
    log(`${describeFault(fault)} (after ${posting.answered()} withdrawals)`);
    tally.begin();
    const fired = fire(harness, fault, tally).catch((error: unknown) => {
      tally.notFired.push(`${describeFault(fault)}: ${String(error)}`);
    });
    open.add(fired);
    void fired.finally(() => open.delete(fired));
  }
  await Promise.all(open);
}

async function fire({ supervisor, lineOf }: Harness, fault: Fault, tally: Tally): Promise<void> {
  switch (fault.kind) {
    case "kill": {
      const { target } = fault;
      const fired = await supervisor.kill(target);
      tally.kills.push({ target, ...fired });
      tally.hurts.push({ whom: target, how: "killed", ...fired });
      return tally.count("kill", target);
    }
    case "pause": {
      const fired = await supervisor.pause(fault.target, fault.forMs);
      tally.hurts.push({ whom: fault.target, how: "stopped", ...fired });
      return tally.count(fault.zombie ? "zombie" : "pause", fault.target);
    }
    case "cut": {
      const atMs = Date.now();
      const met = await lineOf(fault.line).cut(fault.forMs);
      tally.hurts.push({ whom: `line to ${fault.line}`, how: "cut", atMs, upMs: Date.now() });
      if (met.cut + met.refused === 0) throw new Error("nothing was connected, and nobody tried to");
      return tally.count("cut", fault.line);
    }
    default:
      return fault satisfies never;
  }
}

/** Resolves when nothing has moved for long: no answer, no state, no fault. */
async function untilStuck({ observer }: Harness, posting: Posting, tally: Tally): Promise<void> {
  const look = async () =>
    `${posting.answered()} ${JSON.stringify(tally.fired)} ${await observer.unfinished().catch(() => "away")}`;
  let [before, sinceMs] = [await look(), performance.now()];
  while (performance.now() - sinceMs < STUCK_AFTER_MS) {
    await delay(1_000, undefined, { ref: false });
    const now = await look();
    if (now !== before) [before, sinceMs] = [now, performance.now()];
  }
}

/** Resolves when nothing is open any more, or nothing has moved for long. */
export async function untilFinished({ observer }: Harness, log: (line: string) => void): Promise<void> {
  let [before, sinceMs] = [-1, performance.now()];
  while (performance.now() - sinceMs < STUCK_AFTER_MS) {
    const open = await observer.unfinished().catch(() => -1);
    if (open === 0) return;
    if (open !== before) [before, sinceMs] = [open, performance.now()];
    await delay(250);
  }
  log(`${before} are not finished, and nothing has moved for ${STUCK_AFTER_MS / 1_000} s`);
}

/** What is found wrong may still be on its way: it is looked at again until it is well or the time is over. */
export async function settle(
  harness: Harness,
  requests: () => readonly Request[],
): Promise<Pick<ChaosResult, "history" | "violations">> {
  const untilMs = performance.now() + BOOKS_WITHIN_MS;
  for (;;) {
    const history = await harness.observer.history(requests());
    const violations = check(history);
    if (violations.length === 0 || performance.now() > untilMs) return { history, violations };
    await delay(500);
  }
}

function tell({ miner }: Harness, posting: Posting, tally: Tally, log: (line: string) => void): void {
  const faults = Object.entries(tally.fired).map(
    ([kind, by]) => `${kind} ${Object.values(by).reduce((sum, one) => sum + one, 0)}`,
  );
  log(`${posting.answered()} answered, ${miner.mined()} blocks, faults: ${faults.join(", ") || "none yet"}`);
}
