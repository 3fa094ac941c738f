// What can happen next: honest work, passing time, and faults. Each returns false when there is nothing of it to do.
import { DESTINATIONS } from "./policies.ts";
import type { Request, Risk, World } from "./world.ts";

export type Step = { readonly name: string; readonly weight: number; readonly act: (world: World) => boolean };

const step = (name: string, weight: number, act: Step["act"]): Step => ({ name, weight, act });

/** What honest processes do by themselves. */
export const WORK: readonly Step[] = [
  step("online-risk reads", 8, ({ parts }) => parts.onlineRisk.deliver()),
  step("vault reads", 6, ({ parts }) => parts.vault.deliver()),
  step("treasury reads", 4, ({ parts }) => parts.treasury.deliver()),
  step("the gateway reads", 4, ({ parts }) => parts.gateway.deliver()),
  step("online-risk publishes", 4, ({ parts }) => parts.onlineRisk.relay()),
  step("vault publishes", 4, ({ parts }) => parts.vault.relay()),
  step("the gateway publishes", 4, ({ parts }) => parts.gateway.relay()),
  step("online-risk judges", 4, ({ parts }) => parts.onlineRisk.judge()),
  step("vault plans", 4, ({ parts }) => parts.vault.plan()),
  step("vault sends", 4, ({ parts }) => parts.vault.send()),
  step("vault notes", 4, ({ parts }) => parts.vault.recordSent()),
  step("the zone takes", 4, ({ parts }) => parts.zone.accept()),
  step("the zone works", 5, ({ parts }) => parts.zone.work()),
  step("the zone reports", 4, ({ parts }) => parts.zone.sendReport()),
  step("a holder answers", 6, ({ parts, chance }) => chance.pick(parts.holders).step()),
  step("the zone hears", 4, ({ parts }) => parts.zone.hearAnswer()),
  step("the gateway sends", 3, ({ parts }) => parts.gateway.broadcast()),
  step("the gateway follows", 6, ({ parts }) => parts.gateway.follow()),
];

/** The backend, people, the network and the clock. */
export const AROUND: readonly Step[] = [
  step("the backend posts", 4, post),
  step("a person approves", 2, ({ parts }) => parts.onlineRisk.approveAll()),
  step("custodians unlock", 3, ({ parts }) => {
    const locked = parts.holders.find((holder) => holder.locked);
    if (locked !== undefined) locked.locked = false;
    return locked !== undefined;
  }),
  step("a block is found", 3, ({ parts }) => {
    parts.chain.mine(false);
    return true;
  }),
  step("time passes", 5, (world) => {
    world.nowMs += 1_000 * (1 + world.chance.below(30));
    return true;
  }),
  step("a named person releases", 1, ({ parts }) => parts.zone.releaseAll()),
  step("vault replaces", 1, ({ parts }) => parts.vault.replace()),
];

/** Each counts itself by name when it happened. */
export const FAULTS: readonly Step[] = [
  fault("a person says something at any time", 2, ({ parts, chance }) =>
    parts.onlineRisk.person(chance.pick(["approve", "deny", "cancel"] as const)),
  ),
  fault("the same request comes again", 2, (world) => repost(world, false)),
  fault("the same id comes with another body", 2, (world) => repost(world, true)),
  fault("a record is doubled", 3, (world) => {
    const log = world.chance.pick(world.parts.kafka.all);
    const message = log[world.chance.below(log.length)];
    if (message !== undefined) log.push(message);
    return message !== undefined;
  }),
  fault("a group's offset is reset", 2, ({ parts, chance }) => {
    chance.pick([parts.onlineRisk, parts.vault, parts.treasury, parts.gateway]).rewind();
    return true;
  }),
  fault("a partition is late", 6, ({ parts, chance }) => {
    chance.pick([parts.onlineRisk, parts.vault, parts.treasury, parts.gateway]).stall();
    return true;
  }),
  fault("the bridge is cut", 2, ({ parts }) => {
    parts.zone.incoming.length = 0;
    parts.vault.sending.clear();
    return true;
  }),
  fault("an order comes late and once more", 4, ({ parts, chance }) => {
    const line = chance.pick(parts.zone.lines);
    if (line.past.length === 0) return false;
    line.orders.push({ ...chance.pick(line.past), answered: false });
    return true;
  }),
  fault("a task comes once more", 2, ({ parts }) => {
    const [first] = parts.zone.incoming;
    if (first !== undefined) parts.zone.incoming.push(first);
    return first !== undefined;
  }),
  fault("a holder is killed", 2, ({ parts, chance }) => {
    chance.pick(parts.holders).crash();
    return true;
  }),
  fault("a process is killed while idle", 2, ({ parts, chance }) => {
    chance.pick([parts.onlineRisk, parts.vault, parts.treasury, parts.gateway, parts.zone]).crash();
    return true;
  }),
  fault("the mempool is lost", 12, ({ parts }) => parts.chain.drop()),
  fault("blocks are reorganised", 4, ({ parts, chance }) => {
    if (parts.chain.height < 5) return false;
    parts.chain.reorganise(1 + chance.below(2), chance.oneIn(2));
    return true;
  }),
  fault("somebody sends what two have signed", 2, ({ parts, chance, completed }) => {
    if (completed.length === 0) return false;
    return parts.chain.send(chance.pick(completed)) === "taken";
  }),
  fault("another bundle comes into force", 1, ({ parts, chance, setting }) => {
    parts.zone.policy = chance.pick(setting.policies);
    return true;
  }),
  fault("a veto", 4, ({ parts, chance }) => {
    const waiting = [...parts.zone.deliberations.keys()];
    if (waiting.length > 0) parts.zone.veto(chance.pick(waiting));
    return waiting.length > 0;
  }),
  fault("hours pass", 1, (world) => {
    world.nowMs += 3_600_000 * (1 + world.chance.below(30));
    return true;
  }),
];

function fault(name: string, weight: number, act: Step["act"]): Step {
  return step(name, weight, (world) => {
    if (!act(world)) return false;
    world.count(name);
    return true;
  });
}

const RISKS: readonly Risk[] = ["clear", "clear", "clear", "clear", "clear", "clear", "delay", "hold", "reject"];
export const MOST_WITHDRAWALS = 5;

function post(world: World): boolean {
  if (world.accepted.size >= MOST_WITHDRAWALS || world.calm) return false;
  return world.parts.onlineRisk.accept(newRequest(world, `w${world.accepted.size + 1}`));
}

function newRequest({ chance, accepted, setting }: World, id: string): Request {
  // Twins, with one address and amount, are not safe from an enemy zone (packages/sign-once/test/twins.test.ts): no twins there.
  const unlike = setting.enemy === "zone" ? BigInt(accepted.size) : 0n;
  const amountSat = 1_000n * BigInt(10 + chance.below(9) * 10) + unlike;
  return {
    id,
    account: `account-${chance.below(2)}`,
    ...chance.pick(DESTINATIONS),
    amountSat,
    risk: chance.pick(RISKS),
  };
}

function repost(world: World, otherBody: boolean): boolean {
  const known = [...world.accepted.values()];
  if (known.length === 0) return false;
  const request = world.chance.pick(known);
  world.parts.onlineRisk.accept(otherBody ? { ...request, amountSat: request.amountSat + 1n } : request);
  return true;
}
