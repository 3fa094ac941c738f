// Generated changes of a task and its order: bits, fields, and exchanges between two valid tasks. Seeded.

import { HOLDERS } from "@sluice/contracts";
import { closeDraft, openDraft, type Draft as Parts } from "../../packages/chains/test/draft.ts";
import type { Draft, Order } from "./honest.ts";
import type { Payout } from "./meaning.ts";

export type Random = {
  /** From 0 up to below the bound. */
  readonly below: (bound: number) => number;
  readonly one: <T>(items: readonly T[]) => T;
};

/** Mulberry32: small, and the same everywhere. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const below = (bound: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
  const one = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  return { below, one };
}

/** One to three bits. */
export function flipBits(bytes: Uint8Array, random: Random): Uint8Array {
  const changed = Uint8Array.from(bytes);
  for (let count = 1 + random.below(3); count > 0; count -= 1) {
    const at = random.below(changed.length);
    changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
  }
  return changed;
}

/** A stretch cut out, doubled, or overwritten by another of the same bytes. */
export function shuffleBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const from = random.below(bytes.length);
  const to = Math.min(bytes.length, from + 1 + random.below(40));
  const source = Buffer.from(bytes);
  switch (random.below(3)) {
    case 0:
      return Buffer.concat([source.subarray(0, from), source.subarray(to)]);
    case 1:
      return Buffer.concat([source.subarray(0, to), source.subarray(from)]);
    default: {
      const piece = source.subarray(random.below(bytes.length));
      return Buffer.concat([source.subarray(0, from), piece.subarray(0, to - from), source.subarray(to)]).subarray(
        0,
        bytes.length,
      );
    }
  }
}

/** One field of a PSBT, or one number of its transaction, for another. */
export function changeField(psbt: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  const parts = openDraft(psbt);
  random.one(FIELD_CHANGES)(parts, openDraft(other), random);
  return closeDraft(parts);
}

const NONE = new Uint8Array();

const FIELD_CHANGES: readonly ((parts: Parts, other: Parts, random: Random) => unknown)[] = [
  // Amounts, scripts, order and number of outputs.
  ({ transaction }, _, random) => {
    random.one(transaction.outputs).amountSat += BigInt(random.below(2_001) - 1_000);
  },
  ({ transaction }, other, random) =>
    Object.assign(random.one(transaction.outputs), {
      scriptPubKey: random.one(other.transaction.outputs).scriptPubKey,
    }),
  (parts, _, random) => exchange(parts.transaction.outputs, parts.outputs, random),
  (parts, _, random) => exchange(parts.transaction.outputs, parts.outputs, random),
  ({ transaction }, _, random) => {
    const [left, right] = [random.one(transaction.outputs), random.one(transaction.outputs)];
    [left.amountSat, right.amountSat] = [right.amountSat, left.amountSat];
  },
  (parts, _, random) => remove(parts.transaction.outputs, parts.outputs, random),
  (parts, other, random) => {
    parts.transaction.outputs.push({ ...random.one(other.transaction.outputs) });
    parts.outputs.push([]);
  },
  ({ outputs }, _, random) => outputs.splice(random.below(outputs.length), 1, []),
  // Inputs.
  (parts, _, random) => exchange(parts.transaction.inputs, parts.inputs, random),
  (parts, _, random) => remove(parts.transaction.inputs, parts.inputs, random),
  (parts, other, random) => {
    const at = random.below(other.inputs.length);
    parts.transaction.inputs.push({ ...(other.transaction.inputs[at] as Parts["transaction"]["inputs"][number]) });
    parts.inputs.push([...(other.inputs[at] ?? [])]);
  },
  ({ transaction }, _, random) =>
    Object.assign(random.one(transaction.inputs), { sequence: random.one([0, 144, 0xffff_fffd, 0xffff_fffe]) }),
  ({ transaction }, _, random) => Object.assign(random.one(transaction.inputs), { vout: random.below(3) }),
  ({ transaction }, _, random) => Object.assign(transaction, { locktime: random.below(3) }),
  ({ transaction }, _, random) => Object.assign(transaction, { version: random.below(4) }),
  // Fields of the maps: dropped, doubled under another key, taken from elsewhere, in another order.
  (parts, _, random) => {
    const map = anyMap(parts, random);
    map.splice(random.below(Math.max(1, map.length)), 1);
  },
  (parts, other, random) => {
    const [map, source] = [anyMap(parts, random), anyMap(other, random)];
    if (map.length > 0 && source.length > 0) random.one(map).value = random.one(source).value;
  },
  (parts, _, random) => {
    const map = anyMap(parts, random);
    map.sort(() => random.below(3) - 1);
  },
  (parts, _, random) => {
    const map = anyMap(parts, random);
    map.reverse();
  },
  (parts, _, random) => anyMap(parts, random).push({ type: random.below(256), keyData: NONE, value: NONE }),
  // Words that say nothing new.
  ({ inputs }, _, random) =>
    random.one(inputs).push({ type: 3, keyData: NONE, value: Uint8Array.of(random.one([1, 1, 2, 3, 0x81]), 0, 0, 0) }),
  ({ globals }) => globals.push({ type: 0xfb, keyData: NONE, value: new Uint8Array(4) }),
  (parts, _, random) => {
    const at = random.below(parts.inputs.length);
    parts.inputs[at] = (parts.inputs[at] ?? []).filter(({ type }) => type !== 1);
  },
];

function anyMap({ globals, inputs, outputs }: Parts, random: Random): Parts["globals"] {
  return random.one([globals, ...inputs, ...outputs]);
}

function exchange<T>(items: T[], maps: Parts["inputs"], random: Random): void {
  const [left, right] = [random.below(items.length), random.below(items.length)];
  [items[left], items[right]] = [items[right] as T, items[left] as T];
  [maps[left], maps[right]] = [maps[right] ?? [], maps[left] ?? []];
}

function remove(items: unknown[], maps: Parts["inputs"], random: Random): void {
  const at = random.below(items.length);
  items.splice(at, 1);
  maps.splice(at, 1);
}

/** One part of the task as vault writes it for another, or for the same part of another valid task. */
export function changeTask(draft: Draft, other: Draft, random: Random): Draft {
  const { withdrawals } = draft;
  const at = random.below(withdrawals.length);
  switch (random.below(9)) {
    case 0:
      return { ...draft, psbt: other.psbt };
    case 1:
      return { ...draft, withdrawals: other.withdrawals };
    case 2:
      return { ...draft, withdrawals: withdrawals.with(at, random.one(other.withdrawals)) };
    case 3:
      return { ...draft, withdrawals: [...withdrawals, random.one([...withdrawals, ...other.withdrawals])] };
    case 4:
      return withdrawals.length === 1
        ? { ...draft, withdrawals: withdrawals.toReversed() }
        : { ...draft, withdrawals: withdrawals.toSpliced(at, 1) };
    case 5:
      return { ...draft, withdrawals: withdrawals.toReversed() };
    case 6:
      return { ...draft, withdrawals: withdrawals.map((one) => ({ ...one, attempt: 1 + random.below(9) })) };
    case 7:
      return { ...draft, walletId: random.one([draft.walletId, "cold", `${draft.walletId} `]) };
    default:
      return { ...draft, taskId: `${draft.taskId}-${random.below(1_000)}` };
  }
}

/** One name, anchor, number or part of an order, for another or for the same part of another order. */
export function changeOrder(order: Order, other: Order, { spends }: Payout, random: Random): Order {
  const outpoints = [...order.withdrawals, ...other.withdrawals].map(({ anchor }) => anchor);
  const ids = [...order.withdrawals, ...other.withdrawals].map(({ withdrawalId }) => withdrawalId);
  const at = random.below(order.withdrawals.length);
  const one = (changes: Partial<Order["withdrawals"][number]>): Order => ({
    ...order,
    withdrawals: order.withdrawals.map((each, index) => (index === at ? { ...each, ...changes } : each)),
  });
  switch (random.below(11)) {
    case 0:
      return one({ anchor: random.one(outpoints) });
    case 1:
      return one({ anchor: random.one([...spends.keys()]) });
    case 2:
      return one({ withdrawalId: random.one(ids) });
    case 3:
      return one({ clearance: random.one(other.withdrawals).clearance });
    case 4:
      return { ...order, holder: random.one(HOLDERS) };
    case 5:
      return { ...order, round: random.below(4) };
    case 6:
      return { ...order, transactionId: random.one([order.transactionId, other.transactionId]) };
    case 7:
      return { ...order, psbt: other.psbt, transactionId: random.one([order.transactionId, other.transactionId]) };
    case 8:
      return { ...order, withdrawals: random.one([other.withdrawals, [...order.withdrawals, ...other.withdrawals]]) };
    case 9:
      return { ...order, withdrawals: order.withdrawals.toReversed() };
    default:
      return { ...order, taskId: `${order.taskId}-${random.below(1_000)}` };
  }
}
