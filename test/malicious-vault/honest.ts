// The honest material that every attack changes in one thing: keys, two cleared withdrawals, one task, its orders.
import { type Coin, outpointOf, planPayout, type Wallet } from "@sluice/chains";
import { createTrust, type Holder, type MessageOf, type Producer, type Sealer, seal } from "@sluice/contracts";
import { clear, makeSeals, request } from "@sluice/signing-fixtures";
import { makeCoin } from "../../packages/chains/test/holders.ts";
import { readByOracle } from "../../packages/chains/test/oracle.ts";
import {
  coins,
  control,
  wallet as descriptor,
  GAP_LIMIT,
  payments,
} from "../../packages/chains/test/tampering/index.ts";

export type Order = MessageOf<"signing.ordered.v1">;
export type Task = MessageOf<"signing.requested.v1">;

export const NOW_MS = Date.now();
export const seals = makeSeals();
const retired = makeSeals();
/** The registry of keys: each producer's present key, and its earlier one, which is revoked. */
export const trustFile = [
  ...seals.file,
  ...retired.file.map((entry) => ({ ...entry, keyId: retiredId(entry.producer), revoked: true })),
];
export const trust = createTrust(trustFile);
export const wallet: Wallet = { walletId: "hot", descriptor, gapLimit: GAP_LIMIT };

/** The seal of a producer by its earlier key, which was good once. */
export function retiredSealer(producer: Producer): Sealer {
  return { ...retired.sealer(producer), keyId: retiredId(producer) };
}

function retiredId(producer: Producer): string {
  return `${producer}-0`;
}

/** A task in the making: what vault seals, and the ids and anchors that a zone which was fooled would put into orders. */
export type Draft = {
  readonly taskId: string;
  readonly walletId: string;
  readonly psbt: Uint8Array;
  readonly withdrawals: readonly {
    readonly id: string;
    readonly clearance: Uint8Array;
    readonly attempt: number;
    readonly anchor?: string;
  }[];
};

export const ids = payments.map(({ withdrawalId }) => withdrawalId);
export const asked = payments.map(({ withdrawalId, address, amountSat }) =>
  request(withdrawalId, { address, amount: String(amountSat) }),
);

export function cleared(body: Parameters<typeof clear>[1], clearedAtMs = NOW_MS): Draft["withdrawals"][number] {
  return { id: body.id, clearance: clear(seals, body, clearedAtMs), attempt: 1 };
}

export const honest: Draft = {
  taskId: "task-honest",
  walletId: wallet.walletId,
  psbt: control,
  withdrawals: asked.map((body) => cleared(body)),
};
/** A third coin of the wallet, which the control does not spend. */
export const otherCoin = makeCoin(descriptor, 0, 12, 1_000_000n, 3);
const [first] = coins;
if (first === undefined) throw new Error("the control spends coins");
export const CONTROL_ANCHOR = outpointOf(first);
const reading = readByOracle(control);
if (reading === null) throw new Error("the control reads");
export const CONTROL_TXID = reading.txid;

export function sealTask(draft: Draft, sealer = seals.sealer("vault")): Uint8Array {
  const { taskId, walletId, psbt, withdrawals } = draft;
  const message = {
    taskId,
    walletId,
    psbt,
    withdrawals: withdrawals.map(({ clearance, attempt }) => ({ clearance, attempt })),
    purpose: purposeOf(draft),
  };
  return seal(sealer, "signing.requested.v1", { id: taskId, key: walletId, occurredAtMs: NOW_MS, message });
}

/** The order that a semi-offline-risk would seal which had found nothing wrong with the draft. */
export function orderOf(draft: Draft, holder: Holder): Order {
  const { taskId, walletId, psbt, withdrawals } = draft;
  const read = readByOracle(psbt);
  const named =
    read === null || read.inputs.includes(CONTROL_ANCHOR) ? CONTROL_ANCHOR : (read.inputs[0] ?? CONTROL_ANCHOR);
  return {
    taskId,
    walletId,
    holder,
    round: 1,
    transactionId: read?.txid ?? CONTROL_TXID,
    psbt,
    withdrawals: withdrawals.map(({ id, clearance, anchor = named }) => ({ withdrawalId: id, anchor, clearance })),
    purpose: purposeOf(draft),
  };
}

/** What pays nobody says so. */
function purposeOf({ withdrawals }: Draft): "" | "internal" {
  return withdrawals.length === 0 ? "internal" : "";
}

export function sealOrder(order: Order, sealer = seals.sealer("semi-offline-risk")): Uint8Array {
  const { taskId, walletId, holder, round } = order;
  const id = `${taskId}/${holder}/${round}`;
  return seal(sealer, "signing.ordered.v1", { id, key: walletId, occurredAtMs: NOW_MS, message: order });
}

export type Plan = {
  readonly coins?: readonly Coin[];
  readonly pays?: readonly { readonly address: string; readonly amountSat: bigint }[];
  readonly rate?: number;
  readonly changeIndex?: number;
};

/** A payout as vault's own planner builds it, of the control's coins and payments unless told otherwise. */
export function planned({ coins: spent = coins, pays = payments, rate = 2, changeIndex = 8 }: Plan): Uint8Array {
  const plan = planPayout({
    wallet: descriptor,
    coins: spent,
    requiredOutpoints: spent.map(outpointOf),
    payments: pays.map(({ address, amountSat }, at) => ({ withdrawalId: `p${at}`, address, amountSat })),
    changeIndex,
    feeRateSatPerVbyte: rate,
  });
  if (!plan.ok) throw new Error(plan.refusal.detail);
  return plan.value.psbt;
}
