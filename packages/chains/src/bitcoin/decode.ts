// Step 5 and 6: what a payout's bytes do, found out independently of whoever built them.
import { ASSETS, ok, type Result } from "@sluice/core";
import { type ChainRefusal, refuseChain } from "./chain-refusals.ts";
import { type DecodeOptions, decodeSpends } from "./decode-inputs.ts";
import { type JudgedOutput, judgeOutputs } from "./decode-outputs.ts";
import type { WalletDescriptor } from "./descriptor.ts";
import { fieldOf, GLOBAL } from "./psbt-format.ts";
import type { Branch } from "./wallet.ts";

export type DecodedInput = {
  /** txid:vout */
  readonly outpoint: string;
  /** From the previous transaction. */
  readonly amountSat: bigint;
  readonly branch: Branch;
  readonly index: number;
  /** 32 bytes: what a holder signs for this input (BIP143, SIGHASH_ALL). */
  readonly sighash: Uint8Array;
};

export type DecodedPayment = {
  /** The output's number in the transaction. */
  readonly index: number;
  readonly scriptPubKey: Uint8Array;
  readonly amountSat: bigint;
};

/** An output to a script of the wallet, derived here. */
export type OwnOutput = {
  readonly index: number;
  readonly branch: Branch;
  readonly pathIndex: number;
  readonly amountSat: bigint;
};

export type DecodedPayout = {
  readonly txid: string;
  readonly unsignedTransaction: Uint8Array;
  readonly inputs: readonly DecodedInput[];
  /** Outputs to scripts that are not the wallet's. */
  readonly payments: readonly DecodedPayment[];
  /** Outputs to the wallet's change branch. */
  readonly change: readonly OwnOutput[];
  /** Outputs to the wallet's receiving branch: no plan makes one, so a caller has every reason to refuse it. */
  readonly own: readonly OwnOutput[];
  readonly feeSat: bigint;
  /** An upper bound of the signed size. */
  readonly vbytes: number;
  readonly feeRateSatPerVbyte: number;
};

/**
 * Decodes an unsigned payout and believes only bytes: amounts come from full previous transactions whose ids are
 * recomputed, scripts are derived here from the descriptor. The checks run in the order of CHAIN_REFUSALS, and the
 * first that fails is the refusal. Whether the payments are the right ones, and the fee a fair one, is for the caller.
 */
export function decodePayout(
  psbt: Uint8Array,
  wallet: WalletDescriptor,
  options: DecodeOptions,
): Result<DecodedPayout, ChainRefusal> {
  const decoded = decodeSpends(psbt, wallet, options);
  if (!decoded.ok) return decoded;
  const { document, spends, vbytes } = decoded.value;
  const judged = judgeOutputs(document, wallet, options);
  if (!judged.ok) return judged;

  const supplySat = ASSETS.BTC.supplyMinor;
  const inputSat = spends.reduce((sum, { amountSat }) => sum + amountSat, 0n);
  if (inputSat > supplySat) return refuseChain("INPUT_SUM");
  const outputSat = judged.value.reduce((sum, { amountSat }) => sum + amountSat, 0n);
  if (outputSat > supplySat) return refuseChain("OUTPUT_SUM");
  const feeSat = inputSat - outputSat;
  if (feeSat < 0n) return refuseChain("FEE_NEGATIVE");

  const unsignedTransaction = fieldOf(document.globals, GLOBAL.UNSIGNED_TRANSACTION);
  if (unsignedTransaction === null) throw new Error("a parsed PSBT has its unsigned transaction");
  return ok({
    txid: document.transaction.txid,
    unsignedTransaction: unsignedTransaction.slice(),
    inputs: spends.map(({ outpoint, amountSat, script: { branch, index }, sighash }) => ({
      outpoint,
      amountSat,
      branch,
      index,
      sighash,
    })),
    payments: judged.value
      .filter(({ position }) => position === null)
      .map(({ index, scriptPubKey, amountSat }) => ({ index, scriptPubKey: scriptPubKey.slice(), amountSat })),
    change: ownOutputs(judged.value, 1),
    own: ownOutputs(judged.value, 0),
    feeSat,
    vbytes,
    feeRateSatPerVbyte: Number(feeSat) / vbytes,
  });
}

function ownOutputs(outputs: readonly JudgedOutput[], branch: Branch): readonly OwnOutput[] {
  return outputs.flatMap(({ index, amountSat, position }) =>
    position?.branch === branch ? [{ index, branch, pathIndex: position.index, amountSat }] : [],
  );
}
