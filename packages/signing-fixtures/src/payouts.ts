// Tasks as an honest vault sends them, and orders as an honest semi-offline-risk gives them, unless told otherwise.
import {
  type Coin,
  decodeTransaction,
  deriveScript,
  outpointOf,
  type PlannedPayout,
  planPayout,
  type Wallet,
} from "@sluice/chains";
import type { Holder, MessageOf, SignedRequest, WithdrawalRequest } from "@sluice/contracts";
import { clear, request } from "./clearances.ts";
import type { Seals } from "./seals.ts";
import { fund } from "./wallet.ts";

export type Task = MessageOf<"signing.requested.v1">;
export type Order = MessageOf<"signing.ordered.v1">;

export type PayoutParts = {
  readonly coins?: readonly Coin[];
  readonly requests?: readonly WithdrawalRequest[];
  /** What the transaction really pays, when it is not what was requested. */
  readonly pays?: readonly { readonly address: string; readonly amountSat: bigint }[];
  readonly changeIndex?: number;
  readonly feeRateSatPerVbyte?: number;
  readonly clearedAtMs?: number;
  /** What people signed of each. */
  readonly approvals?: (request: WithdrawalRequest) => readonly SignedRequest[];
};

/** A task with the transaction's id. */
export function makeTask(
  seals: Pick<Seals, "sealers">,
  wallet: Wallet,
  parts: PayoutParts & { readonly taskId?: string } = {},
): Task & { readonly txid: string } {
  const requests = parts.requests ?? [request("w1")];
  const { psbt, txid } = plan(wallet, { ...parts, requests });
  const withdrawals = requests.map((one) => ({
    clearance: clear(seals, one, parts.clearedAtMs, parts.approvals?.(one)),
    attempt: 1,
  }));
  return { taskId: parts.taskId ?? `task-${txid.slice(0, 12)}`, walletId: wallet.walletId, psbt, withdrawals, txid };
}

/** The message alone, as it may be sealed. */
export function asMessage({ taskId, walletId, psbt, withdrawals }: Task): Task {
  return { taskId, walletId, psbt, withdrawals };
}

/** An order whose anchors are the first input, unless others are named. */
export function makeOrder(
  seals: Pick<Seals, "sealers">,
  wallet: Wallet,
  parts: PayoutParts & { readonly holder?: Holder; readonly anchors?: readonly string[] } = {},
): Order {
  const requests = parts.requests ?? [request("w1")];
  const { psbt, txid, inputs } = plan(wallet, { ...parts, requests });
  const [first] = inputs;
  if (first === undefined) throw new Error("a payout has an input");
  return {
    taskId: `task-${txid.slice(0, 12)}`,
    walletId: wallet.walletId,
    holder: parts.holder ?? "semi-offline-signer-a",
    round: 1,
    transactionId: txid,
    psbt,
    withdrawals: requests.map((one, at) => ({
      withdrawalId: one.id,
      anchor: parts.anchors?.[at] ?? outpointOf(first),
      clearance: clear(seals, one, parts.clearedAtMs, parts.approvals?.(one)),
    })),
  };
}

/**
 * The same bytes but for one input, which spends a coin of another wallet and claims to be this one's: vault in enemy hands
 * can write this, an honest planner cannot.
 */
export function withInputOf<T extends { readonly psbt: Uint8Array }>(
  message: T,
  { wallet, coin }: { readonly wallet: Wallet; readonly coin: Coin },
  other: Wallet,
): T {
  const { branch, index, amountSat, previousTransaction } = coin;
  const [before, after] = [wallet, other].map(({ descriptor }) =>
    hex(deriveScript(descriptor, branch, index).scriptPubKey),
  );
  const swap = (text: string) => text.replaceAll(before ?? "", after ?? "");
  const { txid } = decodeTransaction(Buffer.from(swap(hex(previousTransaction)), "hex"));
  const backwards = (id: string) => hex(Buffer.from(id, "hex").reverse());
  const psbt = swap(hex(message.psbt)).replace(backwards(coin.txid), backwards(txid));
  if (psbt === hex(message.psbt)) throw new Error(`no input of ${amountSat} satoshi is this wallet's`);
  return { ...message, psbt: Buffer.from(psbt, "hex") };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Spends all coins that are given, and has change at 1/0 unless told otherwise. */
function plan(wallet: Wallet, parts: PayoutParts & { readonly requests: readonly WithdrawalRequest[] }): PlannedPayout {
  const { coins = [fund(wallet)], requests, changeIndex = 0, feeRateSatPerVbyte = 5 } = parts;
  const pays = parts.pays ?? requests.map(({ address, amount }) => ({ address, amountSat: BigInt(amount) }));
  const planned = planPayout({
    wallet: wallet.descriptor,
    coins,
    requiredOutpoints: coins.map(outpointOf),
    payments: pays.map((payment, at) => ({ withdrawalId: `p${at}`, ...payment })),
    changeIndex,
    feeRateSatPerVbyte,
  });
  if (!planned.ok) throw new Error(planned.refusal.detail);
  return planned.value;
}
