// One history: chaos for some steps, then calm until everything rests, the promises checked all the while and at the end.
import { type Bug, plantedAs } from "./bugs.ts";
import { Chain } from "./chain.ts";
import { Chance } from "./chance.ts";
import { enemySteps } from "./enemies.ts";
import { Gateway } from "./gateway.ts";
import { HolderModel } from "./holder.ts";
import { Kafka } from "./kafka.ts";
import { OnlineRisk } from "./online-risk.ts";
import { POLICIES } from "./policies.ts";
import { type Promised, Violation } from "./promised.ts";
import { checkAtRest, isAtRest } from "./promises.ts";
import { AROUND, FAULTS, type Step, WORK } from "./steps.ts";
import { Treasury } from "./treasury.ts";
import { Vault } from "./vault.ts";
import { DEPTH, type Enemy, type Setting, World } from "./world.ts";
import { Zone } from "./zone.ts";

export type HistoryOptions = {
  readonly bug?: Bug;
  /** So many steps of chaos at most: a shorter history with the same beginning. */
  readonly chaosSteps?: number;
  readonly traced?: boolean;
};

export type Outcome = {
  readonly seed: number;
  readonly steps: number;
  readonly chaosSteps: number;
  readonly withdrawals: number;
  /** How many transactions two holders have signed. */
  readonly completed: number;
  readonly states: readonly string[];
  readonly faults: ReadonlyMap<string, number>;
  readonly violation: { readonly promised: Promised; readonly detail: string } | null;
  readonly trace: readonly string[];
};

export function runHistory(seed: number, options: HistoryOptions = {}): Outcome {
  const { bug = "none", traced = false } = options;
  const plans = new Chance(seed ^ 0x5113_71ce);
  const world = new World(settingFor(seed, bug, plans), traced);
  assemble(world);
  const chaosSteps = Math.min(options.chaosSteps ?? Number.POSITIVE_INFINITY, 60 + plans.below(160));
  let steps = 0;
  let violation: Outcome["violation"] = null;
  try {
    steps = chaos(world, chaosSteps);
    steps += calm(world);
    checkAtRest(world);
  } catch (error) {
    if (!(error instanceof Violation)) throw new Error(`seed ${seed} broke the simulation itself`, { cause: error });
    violation = { promised: error.promised, detail: error.message };
    world.trace?.push(`VIOLATION ${error.message}`);
  }
  const states = [...world.parts.onlineRisk.stored.values()].map(({ withdrawal }) => withdrawal.state);
  const { faults, accepted, completed, trace } = world;
  const counts = { withdrawals: accepted.size, completed: completed.length, states };
  return { seed, steps, chaosSteps, ...counts, faults, violation, trace: trace ?? [] };
}

/** The fewest steps of chaos after which the same seed still breaks the same promise. */
export function shortestPrefix(seed: number, bug: Bug = "none"): Outcome {
  const whole = runHistory(seed, { bug, traced: true });
  for (let chaosSteps = 0; chaosSteps < whole.chaosSteps; chaosSteps += 1) {
    const outcome = runHistory(seed, { bug, chaosSteps, traced: true });
    if (outcome.violation?.promised === whole.violation?.promised) return outcome;
  }
  return whole;
}

function settingFor(seed: number, bug: Bug, plans: Chance): Setting {
  const planted = plantedAs(bug);
  const drawn: Enemy = plans.pick(["none", "none", "none", "none", "none", "none", "vault", "zone"] as const);
  const enemy = planted?.enemy ?? (planted === null ? drawn : "none");
  const isBad = planted?.badHolder ?? (enemy !== "zone" && plans.oneIn(4));
  const badHolder = isBad ? plans.below(3) : null;
  return { seed, bug, enemy, badHolder, policies: POLICIES, faultsPerThousand: plans.pick([10, 30, 60, 120]) };
}

function assemble(world: World): void {
  const kafka = new Kafka();
  world.parts = {
    kafka,
    chain: new Chain(world),
    onlineRisk: new OnlineRisk(world, kafka),
    vault: new Vault(world, kafka),
    zone: new Zone(world, kafka),
    holders: [0, 1, 2].map((at) => new HolderModel(world, at)),
    gateway: new Gateway(world, kafka),
    treasury: new Treasury(world, kafka),
  };
  for (let coin = 0; coin < 4; coin += 1) world.parts.chain.deposit(1_000n * BigInt(40 + 20 * world.chance.below(5)));
  for (let block = 0; block < DEPTH; block += 1) world.parts.chain.mine(true);
}

function chaos(world: World, most: number): number {
  const { chance, setting } = world;
  const ordinary = ORDINARY[setting.enemy];
  const often = FAULTS.find(({ name }) => name === plantedAs(setting.bug)?.often);
  let steps = 0;
  // What cannot happen now is drawn again; a world in which nothing can goes on with the clock.
  while (steps < most) {
    const from = chance.below(1_000) < setting.faultsPerThousand * 2 ? FAULT_WHEEL : ordinary;
    const next = often !== undefined && chance.oneIn(6) ? often : chance.pick(from);
    if (next.act(world)) steps += 1;
  }
  return steps;
}

const FAULT_WHEEL = wheel(FAULTS);
const ORDINARY: Readonly<Record<Enemy, readonly Step[]>> = {
  none: wheel([...WORK, ...AROUND]),
  vault: wheel([...WORK, ...AROUND, ...enemySteps("vault")]),
  zone: wheel([...WORK, ...AROUND, ...enemySteps("zone")]),
};

function wheel(steps: readonly Step[]): readonly Step[] {
  return steps.flatMap((step) => Array.from({ length: step.weight }, () => step));
}

const MOST_ROUNDS = 150;
/** An enemy may delay for ever, so nobody waits for the end. */
const MOST_ROUNDS_WITH_ENEMY = 12;
const DAY_MS = 86_400_000;

/** Everybody is there, nothing goes wrong, money comes: work until all is done, then time passes and a block is found. */
function calm(world: World): number {
  world.calm = true;
  world.trace?.push("CALM");
  const { chain, holders, onlineRisk, zone, vault } = world.parts;
  vault.sending.clear();
  chain.deposit(2_000_000n);
  const most = world.setting.enemy === "none" ? MOST_ROUNDS : MOST_ROUNDS_WITH_ENEMY;
  let steps = 0;
  for (let round = 0, waitMs = 6_000; round < most; round += 1) {
    for (const holder of holders) holder.locked = false;
    while (onlineRisk.approveAll()) steps += 1;
    steps += workUntilIdle(world);
    if (isAtRest(world) && round > 4) return steps;
    zone.releaseAll();
    chain.mine(true);
    // Twice as long each time, so that what waits for hours, or for a time of day, gets its turn.
    world.nowMs += waitMs;
    waitMs = Math.min(2 * waitMs, DAY_MS / 4);
    if (round % 20 === 19) waitMs = 6_000;
    steps += 2;
  }
  return steps;
}

function workUntilIdle(world: World): number {
  let steps = 0;
  for (let progress = true; progress; ) {
    progress = false;
    for (const { act } of WORK) {
      for (let count = 0; count < 200 && act(world); count += 1) {
        steps += 1;
        progress = true;
      }
    }
    for (const holder of world.parts.holders) while (holder.step()) steps += 1;
  }
  return steps;
}
