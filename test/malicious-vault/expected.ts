// The valid tasks that generated changes start from, and what has to come of a change: signed if it means the same.
import { deriveScript, payoutVbytes } from "@sluice/chains";
import { encodeMessage, HOLDERS, type Holder } from "@sluice/contracts";
import { readTask } from "@sluice/second-opinion";
import { DESTINATION, OTHER_DESTINATION, POLICY_FILE, request } from "@sluice/signing-fixtures";
import { makeCoin } from "../../packages/chains/test/holders.ts";
import { GAP_LIMIT } from "../../packages/chains/test/tampering/index.ts";
import {
  cleared,
  type Draft,
  honest,
  type Order,
  otherCoin,
  planned,
  sealOrder,
  sealTask,
  type Task,
  trust,
  wallet,
} from "./honest.ts";
import { feeIfEqual, type Meaning, type Payout, readPayout } from "./meaning.ts";
import { type Party, wallets } from "./party.ts";

export type Base = {
  readonly draft: Draft;
  readonly order: (holder: Holder) => Order;
  readonly meaning: Meaning;
  /** In the order of their bytes. */
  readonly clearances: readonly Uint8Array[];
  readonly taskPayload: Uint8Array;
  readonly taskEnvelope: Uint8Array;
  readonly orderPayload: (holder: Holder) => Uint8Array;
  readonly orderEnvelope: (holder: Holder) => Uint8Array;
};

/** Three valid tasks: two coins to two payees, and one coin to one payee of either kind. */
export function drafts(): readonly Draft[] {
  const third = makeCoin(wallet.descriptor, 1, 14, 500_000n, 5);
  const single = (id: string, address: string, coin: typeof third): Draft => ({
    ...honest,
    taskId: `task-${id}`,
    psbt: planned({ coins: [coin], pays: [{ address, amountSat: 120_000n }], rate: 4 }),
    withdrawals: [cleared(request(id, { address, amount: "120000" }))],
  });
  return [honest, single("w-b", DESTINATION, otherCoin), single("w-c", OTHER_DESTINATION, third)];
}

export function baseOf(party: Party, draft: Draft): Base {
  const control = readPayout(draft.psbt);
  if (control === null) throw new Error("a control means nothing");
  const read = readTask(asTask(draft), { trust, wallets });
  if (read.kind === "refuse") throw new Error("a control does not read");
  const anchors = party.memory.anchors();
  const taskPayload = encodeMessage("signing.requested.v1", asTask(draft));
  const order = toEach((holder) => orderFrom(draft, holder, control.txid, anchors));
  return {
    draft,
    order,
    orderPayload: toEach((holder) => encodeMessage("signing.ordered.v1", order(holder))),
    orderEnvelope: toEach((holder) => sealOrder(order(holder))),
    meaning: {
      control,
      inputSat: read.read.decoded.inputs.reduce((sum, { amountSat }) => sum + amountSat, 0n),
      ownChange: ownChange(),
    },
    clearances: clearancesOf(draft.withdrawals),
    taskPayload,
    taskEnvelope: sealTask(draft),
  };
}

/** Made once for each holder. */
function toEach<T>(make: (holder: Holder) => T): (holder: Holder) => T {
  const made = new Map(HOLDERS.map((holder) => [holder, make(holder)]));
  return (holder) => made.get(holder) as T;
}

/** Every own change script, with what may be said of it (BIP174: witness script, and the origin of each key). */
function ownChange(): Meaning["ownChange"] {
  const positions = Array.from({ length: GAP_LIMIT }, (_, index) => deriveScript(wallet.descriptor, 1, index));
  return new Map(
    positions.map(({ scriptPubKey, witnessScript, derivations }) => {
      const origins = derivations.map(({ fingerprint, path, publicKey }) => {
        const steps = Buffer.alloc(4 * path.length);
        for (const [at, step] of path.entries()) steps.writeUInt32LE(step, 4 * at);
        return `02${hex(publicKey)}=${fingerprint}${hex(steps)}`;
      });
      return [hex(scriptPubKey), [`01=${hex(witnessScript)}`, ...origins].toSorted().join(" ")];
    }),
  );
}

type Limits = { readonly leastPerKvbyte: bigint };
export const ZONE_LIMITS: Limits = { leastPerKvbyte: BigInt(POLICY_FILE.minFeeRateSatPerVbyte) * 1_000n };
/** A holder has no floor: a fee that is too low takes nothing from anybody. */
export const HOLDER_LIMITS: Limits = { leastPerKvbyte: 0n };

export function taskMeansTheSame(
  { walletId, psbt, withdrawals }: Pick<Task, "walletId" | "psbt" | "withdrawals">,
  base: Base,
  limits: Limits,
  payout: Payout | null = readPayout(psbt),
): boolean {
  if (walletId !== base.draft.walletId || !areSame(clearancesOf(withdrawals), base.clearances)) return false;
  return paysTheSame(payout, base, limits);
}

export function orderMeansTheSame(order: Order, base: Base, holder: Holder): boolean {
  const named = ({ withdrawals }: Order) =>
    withdrawals
      .map(({ withdrawalId, anchor, clearance }) => `${withdrawalId} ${anchor} ${hex(clearance)}`)
      .toSorted()
      .join();
  const honestly = base.order(holder);
  const payout = readPayout(order.psbt);
  if (order.walletId !== honestly.walletId || order.holder !== holder || order.round !== 1) return false;
  if (payout === null || order.transactionId !== payout.txid || named(order) !== named(honestly)) return false;
  return paysTheSame(payout, base, HOLDER_LIMITS);
}

/** The limits are the fixtures': 10,000 satoshi, 20 satoshi for a vbyte, half of the payments. */
function paysTheSame(payout: Payout | null, { meaning }: Base, { leastPerKvbyte }: Limits): boolean {
  const feeSat = feeIfEqual(payout, meaning);
  if (feeSat === null || payout === null || feeSat < 0n || feeSat > 10_000n) return false;
  const scripts = payout.outputs.map(({ scriptHex }) => Buffer.from(scriptHex, "hex"));
  const vbytes = BigInt(payoutVbytes(payout.spends.size, scripts));
  return feeSat * 1_000n <= 20_000n * vbytes && feeSat * 1_000n >= leastPerKvbyte * vbytes;
}

export function orderFrom(
  draft: Draft,
  holder: Holder,
  transactionId: string,
  anchors: ReadonlyMap<string, string>,
): Order {
  const { taskId, walletId, psbt, withdrawals } = draft;
  const named = withdrawals.map(({ id, clearance }) => ({
    withdrawalId: id,
    anchor: anchors.get(id) ?? "",
    clearance,
  }));
  return { taskId, walletId, holder, round: 1, transactionId, psbt, withdrawals: named };
}

export function asTask({ taskId, walletId, psbt, withdrawals }: Draft): Task {
  return { taskId, walletId, psbt, withdrawals: withdrawals.map(({ clearance, attempt }) => ({ clearance, attempt })) };
}

function clearancesOf(withdrawals: readonly { readonly clearance: Uint8Array }[]): readonly Uint8Array[] {
  return withdrawals.map(({ clearance }) => clearance).toSorted(Buffer.compare);
}

function areSame(left: readonly Uint8Array[], right: readonly Uint8Array[]): boolean {
  return left.length === right.length && left.every((bytes, at) => Buffer.compare(bytes, right[at] ?? bytes) === 0);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
