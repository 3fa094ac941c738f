// vault, or semi-offline-risk, in enemy hands: what they can ask for with clearances that really exist.
import type { Step } from "./steps.ts";
import type { Cleared, Tx, World } from "./world.ts";

export function enemySteps(enemy: "vault" | "zone"): readonly Step[] {
  switch (enemy) {
    case "vault":
      return [{ name: "an enemy asks", weight: 6, act: askZone }];
    case "zone":
      return [{ name: "an enemy orders", weight: 10, act: orderHolders }];
    default:
      return enemy satisfies never;
  }
}

/** A task that pays cleared withdrawals out of any coins. */
function askZone(world: World): boolean {
  const made = someTransaction(world);
  if (made === null) return false;
  const withdrawals = made.paid.map((cleared) => ({ cleared, attempt: 1 }));
  world.count("an enemy asks the zone");
  world.parts.zone.incoming.push({ taskId: `enemy-${world.transactions.size}`, tx: made.tx, withdrawals });
  return true;
}

/** Orders, with any anchors, to two holders. */
function orderHolders(world: World): boolean {
  const made = someTransaction(world);
  if (made === null) return false;
  const { chance } = world;
  const { tx } = made;
  const taskId = `enemy-${chance.below(1_000)}`;
  const withdrawals = made.paid.map((cleared) => {
    const withdrawalId = cleared.request.id;
    const earlier = world.parts.zone.payments.get(withdrawalId)?.anchor;
    return { withdrawalId, anchor: chance.pick([...tx.inputs, earlier ?? tx.inputs[0] ?? ""]), cleared };
  });
  world.count("an enemy orders holders");
  for (const line of chance.shuffled(world.parts.zone.lines).slice(0, 2 + chance.below(2))) {
    line.orders.push({ taskId, tx, withdrawals, answered: false });
  }
  return true;
}

function someTransaction(world: World): { readonly tx: Tx; readonly paid: readonly Cleared[] } | null {
  const { chance } = world;
  const cleared = [...world.clearances.values()];
  const coins = [...world.parts.vault.coins].filter(([, { spent }]) => !spent);
  if (cleared.length === 0 || coins.length === 0) return null;
  const paid = chance.shuffled(cleared).slice(0, 1 + chance.below(2));
  const spent = chance.shuffled(coins).slice(0, 1 + chance.below(2));
  const inSat = spent.reduce((sum, [, { amountSat }]) => sum + amountSat, 0n);
  const outSat = paid.reduce((sum, { request }) => sum + request.amountSat, 0n);
  const feeSat = 1_500n * BigInt(1 + chance.below(4));
  if (inSat < outSat + feeSat + 1_000n) return null;
  const payments = paid.map(({ request: { script, scriptHex, amountSat } }) => ({ script, scriptHex, amountSat }));
  const outpoints = spent.map(([outpoint]) => outpoint);
  return { tx: world.transaction(outpoints, payments, inSat - outSat - feeSat, feeSat), paid };
}
