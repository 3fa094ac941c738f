// What vault in enemy hands can ask the running zone to sign, one of each kind; test/malicious-vault has them all.
import type { Coin } from "@sluice/chains";
import { contentDigest, createTrust, open, type Sealer, type SignedRequest, seal } from "@sluice/contracts";
import type { Stack } from "@sluice/devstack";
import { closeDraft, openDraft } from "../../../packages/chains/test/draft.ts";
import { plan, type Task } from "./as-vault.ts";
import { altered, stranger } from "./envelopes.ts";

export type TaskAttack = { readonly name: string; readonly code: string; readonly task: Task };

/** A withdrawal that online-risk has really cleared. */
export type Cleared = {
  readonly id: string;
  readonly address: string;
  readonly amountSat: bigint;
  readonly clearance: Uint8Array;
};

export type Loot = {
  readonly stack: Stack;
  /** Unspent ones of the wallet. */
  readonly coins: readonly Coin[];
  /** Cleared and not paid. */
  readonly first: Cleared;
  readonly second: Cleared;
  /** Paid long ago, and the coins that paid it. */
  readonly paid: Cleared;
  readonly spentCoins: readonly Coin[];
  readonly enemyAddress: string;
};

export function taskAttacks(loot: Loot): readonly TaskAttack[] {
  return [...payments(loot), ...fees(loot), ...clearances(loot), ...repetitions(loot), ...inputs(loot)];
}

type Out = { readonly address: string; readonly amountSat: bigint };

const outOf = ({ address, amountSat }: Cleared): Out => ({ address, amountSat });

/** Built as vault builds it, except for what the arguments say. */
export function taskOf(
  { stack, coins }: Pick<Loot, "stack" | "coins">,
  taskId: string,
  outs: readonly Out[],
  clearances: readonly Uint8Array[],
  feeRateSatPerVbyte?: number,
): Task {
  const { psbt } = plan(stack, coins, outs, feeRateSatPerVbyte);
  const withdrawals = clearances.map((clearance) => ({ clearance, attempt: 1 }));
  return { taskId, walletId: stack.walletId, psbt, withdrawals };
}

function payments(loot: Loot): readonly TaskAttack[] {
  const { first, second, enemyAddress } = loot;
  const redirected = { ...outOf(first), address: enemyAddress };
  const more = [{ ...outOf(first), amountSat: first.amountSat + 1n }];
  const row = (
    code: string,
    name: string,
    outs: readonly Out[],
    cleared: readonly Cleared[] = [first],
  ): TaskAttack => ({
    name,
    code,
    task: taskOf(
      loot,
      `enemy: ${name}`,
      outs,
      cleared.map(({ clearance }) => clearance),
    ),
  });
  return [
    row("PAYMENT_UNMATCHED", "a payment redirected", [redirected]),
    row("PAYMENT_AMOUNT", "a satoshi more", more),
    row("PAYMENT_MISSING", "a clearance without its payment", [outOf(first)], [first, second]),
  ];
}

function fees(loot: Loot): readonly TaskAttack[] {
  const row = (code: string, name: string, cleared: Cleared, rate: number): TaskAttack => ({
    name,
    code,
    task: taskOf(loot, `enemy: ${name}`, [outOf(cleared)], [cleared.clearance], rate),
  });
  return [row("FEE_OVER_ABSOLUTE_CAP", "a fee like a ransom", loot.first, 10_000)];
}

/** With online-risk in enemy hands too, the backend's signature is still missing. */
function clearances(loot: Loot): readonly TaskAttack[] {
  const { stack, first, enemyAddress } = loot;
  const { sealerOf, trust } = stack.inside;
  const opened = open(createTrust(trust), first.clearance, ["withdrawal.cleared.v1"]);
  if (!opened.ok) throw new Error(opened.refusal.code);
  const { message } = opened.value;
  const body = altered(message.request.body, first.address, enemyAddress);
  const cleared = (by: Sealer, request: SignedRequest): Uint8Array =>
    seal(by, "withdrawal.cleared.v1", {
      ...{ id: `${first.id}/cleared`, key: first.id, occurredAtMs: Date.now() },
      message: { ...message, request },
    });
  const redirected = [{ ...outOf(first), address: enemyAddress }];
  const row = (code: string, name: string, outs: readonly Out[], clearance: Uint8Array): TaskAttack => ({
    name,
    code,
    task: taskOf(loot, `enemy: ${name}`, outs, [clearance]),
  });
  const onlineRisk = sealerOf("online-risk");
  const withDigest = { ...message.request, body, contentDigest: contentDigest(body) };
  return [
    row(
      "SEAL_INVALID",
      "a clearance of the enemy's own, in online-risk's name",
      redirected,
      cleared(stranger("online-risk"), withDigest),
    ),
    row(
      "REQUEST_SIGNATURE_INVALID",
      "a request that the backend never signed",
      redirected,
      cleared(onlineRisk, withDigest),
    ),
  ];
}

function repetitions(loot: Loot): readonly TaskAttack[] {
  const { paid, first, spentCoins } = loot;
  return [
    {
      name: "a withdrawal that was paid, once more with other coins",
      code: "ALREADY_PAID",
      task: taskOf(loot, "enemy: paid again", [outOf(paid)], [paid.clearance]),
    },
    {
      name: "a payment undone by spending its coin for another",
      code: "INPUT_IN_USE",
      task: taskOf({ ...loot, coins: spentCoins }, "enemy: undone", [outOf(first)], [first.clearance]),
    },
  ];
}

/** BIP174's field type in an input. */
const WITNESS_UTXO = 0x01;

function inputs(loot: Loot): readonly TaskAttack[] {
  const honest = taskOf(loot, "", [outOf(loot.first)], [loot.first.clearance]);
  const row = (code: string, name: string, change: (draft: ReturnType<typeof openDraft>) => void): TaskAttack => {
    const draft = openDraft(honest.psbt);
    change(draft);
    return { name, code, task: { ...honest, taskId: `enemy: ${name}`, psbt: closeDraft(draft) } };
  };
  return [
    row("WITNESS_UTXO_AMOUNT", "an input said to hold less, so that the rest becomes a fee", (draft) => {
      const claimed = draft.inputs[0]?.find(({ type }) => type === WITNESS_UTXO);
      if (claimed === undefined) throw new Error("vault says what an input holds");
      const value = Buffer.from(claimed.value);
      value.writeBigUInt64LE(value.readBigUInt64LE() / 2n);
      claimed.value = new Uint8Array(value);
    }),
  ];
}
