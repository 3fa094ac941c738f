// An unsigned transaction that pays nobody: from coins of the wallet to its own change branch, and nothing to anybody else.
import { ok, type Result, refused } from "@sluice/core";
import { feeSatOf } from "./coin-costs.ts";
import type { WalletDescriptor } from "./descriptor.ts";
import { buildTransaction, type Coin, type PlanRefusal } from "./plan.ts";
import { dustSat } from "./script.ts";
import { MAX_STANDARD_VBYTES, payoutVbytes } from "./size.ts";
import { outpointOf } from "./transaction.ts";
import { deriveScript } from "./wallet.ts";

export type InternalTransferRequest = {
  readonly wallet: WalletDescriptor;
  /** All of them are spent, in this order. */
  readonly inputs: readonly Coin[];
  /** How many outputs there are: one consolidates, several fan out. What is left after the fee is spread over them. */
  readonly outputs: number;
  /** Where on branch 1 each output goes: as many as there are outputs, each another. */
  readonly changeIndexes: readonly number[];
  readonly feeRateSatPerKvbyte: bigint;
  /** At least this fee, whatever the rate says: a child pays for its parents too. */
  readonly leastFeeSat?: bigint;
};

export type PlannedTransfer = {
  readonly psbt: Uint8Array;
  readonly txid: string;
  /** Exactly what the inputs are worth above the outputs. */
  readonly feeSat: bigint;
  /** An upper bound of the signed size. */
  readonly vbytes: number;
  readonly inputs: readonly Coin[];
  /** In the order of the outputs; the first takes what does not divide evenly. */
  readonly outputSats: readonly bigint[];
};

/** One request has one plan. Amounts are in satoshis. */
export function planInternalTransfer(request: InternalTransferRequest): Result<PlannedTransfer, PlanRefusal> {
  const { wallet, inputs, outputs, changeIndexes, feeRateSatPerKvbyte, leastFeeSat = 0n } = request;
  if (feeRateSatPerKvbyte <= 0n) return refuse("FEE_RATE_INVALID", "a fee rate is above zero");
  if (inputs.length === 0) return refuse("INSUFFICIENT_FUNDS", "there is no coin to spend");
  if (new Set(inputs.map(outpointOf)).size < inputs.length) return refuse("COIN_DUPLICATE", "a coin is there twice");
  if (outputs < 1 || changeIndexes.length !== outputs || new Set(changeIndexes).size < outputs) {
    return refuse("OUTPUTS_INVALID", "every output has a change index of its own");
  }
  const scripts = changeIndexes.map((index) => deriveScript(wallet, 1, index));
  const outputScripts = scripts.map(({ scriptPubKey }) => scriptPubKey);
  const vbytes = payoutVbytes(inputs.length, outputScripts);
  if (vbytes > MAX_STANDARD_VBYTES) return refuse("TOO_LARGE", `${vbytes} vbytes are not relayed`);
  const ownFeeSat = feeSatOf(vbytes, feeRateSatPerKvbyte);
  const missingSat = leastFeeSat - ownFeeSat;
  const feeSat = missingSat > 0n ? leastFeeSat : ownFeeSat;
  const outputSats = spread(inputs.reduce((sum, { amountSat }) => sum + amountSat, 0n) - feeSat, outputs);
  if (outputSats.some((amountSat, at) => amountSat < dustSat(outputScripts[at] ?? new Uint8Array()))) {
    return refuse("INSUFFICIENT_FUNDS", "what is left after the fee is dust");
  }
  const own = scripts.map((script, at) => ({ script, amountSat: outputSats[at] ?? 0n }));
  const built = buildTransaction(wallet, inputs, [], own);
  return built.ok ? ok({ ...built.value, feeSat, vbytes, inputs, outputSats }) : built;
}

function spread(restSat: bigint, outputs: number): readonly bigint[] {
  const each = restSat / BigInt(outputs);
  return Array.from({ length: outputs }, (_, at) => (at === 0 ? restSat - each * BigInt(outputs - 1) : each));
}

function refuse(code: PlanRefusal["code"], detail: string): Result<never, PlanRefusal> {
  return refused({ code, detail });
}
