// The promises that are checked when a history has come to rest; the others are checked at every step, where they can break.
import { decide, evolve, isFinal, type Withdrawal, type WithdrawalFact } from "@sluice/core";
import { DEPTH, type World } from "./world.ts";

export function checkAtRest(world: World): void {
  // An enemy may delay for ever, and an honest process then says what another has to park. It may not do more.
  if (world.setting.enemy === "none") checkEnds(world);
  checkConvergence(world);
}

function checkEnds(world: World): void {
  const [parked] = world.parked;
  if (parked !== undefined) world.fail("NOTHING_PARKED", parked);
  const waiting = world.parts.vault.waitsForPerson();
  for (const [id, { withdrawal }] of world.parts.onlineRisk.stored) {
    if (isFinal(withdrawal.state)) checkPayment(world, id, withdrawal.state);
    else if (!waiting.has(id)) world.fail("ENDS", `${id} is ${withdrawal.state}`);
  }
  checkReservations(world);
  checkLedger(world, waiting.size > 0);
}

/** All that is not yet as it should be at the end; a history that goes on changes it. */
export function isAtRest(world: World): boolean {
  const waiting = world.parts.vault.waitsForPerson();
  const { onlineRisk, gateway, treasury, vault } = world.parts;
  if ([onlineRisk, gateway, treasury, vault].some(({ hasUnread }) => hasUnread)) return false;
  for (const [id, { withdrawal }] of onlineRisk.stored)
    if (!isFinal(withdrawal.state) && !waiting.has(id)) return false;
  return [...gateway.followed.values()].every(
    ({ tx, state, withdrawals }) =>
      state === "confirmed" ||
      [...gateway.followed.values()].some(
        (other) => other.state === "confirmed" && other.tx.inputs.some((outpoint) => tx.inputs.includes(outpoint)),
      ) ||
      withdrawals.some(({ withdrawalId }) => waiting.has(withdrawalId)),
  );
}

function checkPayment(world: World, id: string, state: string): void {
  const signed = world.completed.filter(({ txid }) => world.signedFor.get(txid)?.includes(id));
  if (state !== "completed") {
    if (signed.length > 0) world.fail("REFUSED_IS_UNPAID", `${id} is ${state}, and ${signed[0]?.txid} pays it`);
    return;
  }
  const { chain } = world.parts;
  const paidBy = signed.filter(({ txid }) => chain.has(txid) && chain.buried.has(txid));
  if (paidBy.length !== 1) world.fail("COMPLETED_IS_BURIED", `${id} is paid by ${paidBy.length} deep transactions`);
}

/** The facts once more, in another order, each of them perhaps twice. */
function checkConvergence(world: World): void {
  const { chance } = world;
  for (const [id, { facts, afterClearance, withdrawal }] of world.parts.onlineRisk.stored) {
    if (afterClearance === null) continue;
    const again = facts.filter(() => chance.oneIn(3));
    const state = foldFacts(afterClearance, chance.shuffled([...facts, ...again])).state;
    if (state !== withdrawal.state)
      world.fail("CONVERGES", `${id} is ${withdrawal.state}, and ${state} in another order`);
  }
}

function foldFacts(cleared: Withdrawal, facts: readonly WithdrawalFact[]): Withdrawal {
  let withdrawal = cleared;
  for (const fact of facts) {
    const decided = decide({ type: "record", fact }, withdrawal);
    for (const event of decided.ok ? decided.value : []) withdrawal = evolve(withdrawal, event);
  }
  return withdrawal;
}

function checkReservations(world: World): void {
  const { reservations, tasks } = world.parts.vault;
  const waiting = world.parts.vault.waitsForPerson();
  for (const [outpoint, taskId] of reservations) {
    if (tasks.get(taskId)?.withdrawals.some(({ withdrawalId }) => waiting.has(withdrawalId))) continue;
    world.fail("NO_RESERVATION_LEFT", `${outpoint} is reserved for ${taskId}, which is ${tasks.get(taskId)?.state}`);
  }
}

function checkLedger(world: World, somebodyWaits: boolean): void {
  const { treasury, chain } = world.parts;
  const sum = [...treasury.balances.values()].reduce((all, balance) => all + balance, 0n);
  if (sum !== 0n) world.fail("LEDGER", `the balances sum to ${sum}`);
  // Two holders may have signed what waits for a person, and somebody may have sent it: then a person has to book it.
  if (somebodyWaits) return;
  const inFlight = treasury.balance("in-flight");
  if (inFlight !== 0n) world.fail("LEDGER", `${inFlight} sat are in flight`);
  const [booked, held] = [treasury.balance("hot-wallet"), chain.unspentSat()];
  if (booked !== held)
    world.fail("LEDGER", `the hot wallet has ${booked} sat in the books and ${held} on the chain, depth ${DEPTH}`);
}
