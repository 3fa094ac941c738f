// Step 3: from withdrawals and coins to the unsigned bytes of one payout.
import { createRequire } from "node:module";
import { ASSETS, ok, type Result, refused } from "@sluice/core";
import type * as Bitcoinjs from "bitcoinjs-lib";
import { type AddressRefusal, parseAddress } from "./address.ts";
import type { Selection } from "./coin-costs.ts";
import { LONG_TERM_FEE_RATE_SAT_PER_VBYTE, rankSelections } from "./coin-selection.ts";
import { PAYOUT_SEQUENCE, PAYOUT_VERSION } from "./decode-inputs.ts";
import type { WalletDescriptor } from "./descriptor.ts";
import { HARDENED } from "./extended-key.ts";
import { MAX_PSBT_BYTES } from "./psbt-format.ts";
import { dustSat } from "./script.ts";
import { MAX_SIGNATURE_BYTES, MAX_STANDARD_VBYTES } from "./size.ts";
import { outpointOf, type ParsedTransaction, parseTransaction, serializeTransaction } from "./transaction.ts";
import { type Branch, deriveScript, type WalletScript } from "./wallet.ts";
import { equalBytes, fromHex } from "./wire.ts";

/** An unspent output of the wallet with the whole transaction that made it, in either form. */
export type Coin = {
  readonly txid: string;
  readonly vout: number;
  readonly amountSat: bigint;
  readonly branch: Branch;
  readonly index: number;
  readonly previousTransaction: Uint8Array;
  /** False while that transaction is in no block: such coins are taken when the others fall short. */
  readonly confirmed?: boolean;
};

export type Payment = { readonly withdrawalId: string; readonly address: string; readonly amountSat: bigint };

export type PlanRequest = {
  readonly wallet: WalletDescriptor;
  readonly coins: readonly Coin[];
  /** Outpoints, txid:vout, that the payout spends whatever else it spends: its anchor first. */
  readonly requiredOutpoints?: readonly string[];
  readonly payments: readonly Payment[];
  /** Where on branch 1 the change goes. */
  readonly changeIndex: number;
  readonly feeRateSatPerVbyte: number;
  /** What a coin that is not spent now is expected to cost some day; 10 unless given. */
  readonly longTermFeeRateSatPerVbyte?: number;
  /** Nothing is spent that only a later payout would have the good of: for what was refused for its fee. */
  readonly plain?: boolean;
  /** So many coins are left for the payouts after this one if it can do without them; 20 unless given. */
  readonly keepCoins?: number;
  /** A plan of at most so many bytes is preferred to a cheaper one. */
  readonly wantedPsbtBytes?: number;
};

export type PlannedPayout = {
  readonly psbt: Uint8Array;
  readonly txid: string;
  /** Exactly what the inputs are worth above the outputs. */
  readonly feeSat: bigint;
  /** An upper bound of the signed size. */
  readonly vbytes: number;
  /** In the order of the transaction's inputs: the required ones first. */
  readonly inputs: readonly Coin[];
  /** The outputs are the payments in their order, then the change, if there is any. */
  readonly changeSat: bigint | null;
};

export type PlanRefusal = {
  readonly code:
    | "NO_PAYMENTS"
    | "FEE_RATE_INVALID"
    | "DUST_OUTPUT"
    | "AMOUNT_OVER_SUPPLY"
    | "COIN_DUPLICATE"
    | "COIN_MISMATCH"
    | "REQUIRED_COIN_MISSING"
    | "INSUFFICIENT_FUNDS"
    | "OUTPUTS_INVALID"
    | "TOO_LARGE"
    | AddressRefusal["code"];
  readonly detail: string;
};

const SIGNATURE_FIELD_BYTES = 1 + 1 + 33 + 1 + MAX_SIGNATURE_BYTES;

type PlannedOutput = { readonly scriptPubKey: Uint8Array; readonly amountSat: bigint };

/** One request has one plan: nothing in here is left to chance. Amounts are in satoshis. */
export function planPayout(request: PlanRequest): Result<PlannedPayout, PlanRefusal> {
  const { wallet, coins, payments, requiredOutpoints = [], feeRateSatPerVbyte } = request;
  const { longTermFeeRateSatPerVbyte = LONG_TERM_FEE_RATE_SAT_PER_VBYTE } = request;
  if (payments.length === 0) return refuse("NO_PAYMENTS", "a payout has at least one payment");
  if (!isFeeRate(feeRateSatPerVbyte) || !isFeeRate(longTermFeeRateSatPerVbyte)) {
    return refuse("FEE_RATE_INVALID", "a fee rate is above zero and at most 1000000 sat for a vbyte");
  }
  const outputs = planOutputs(wallet, payments);
  if (!outputs.ok) return outputs;
  const outputSat = outputs.value.reduce((sum, { amountSat }) => sum + amountSat, 0n);
  if (outputSat > ASSETS.BTC.supplyMinor)
    return refuse("AMOUNT_OVER_SUPPLY", "the payments together are over the supply");

  const known = new Map(coins.map((coin) => [outpointOf(coin), coin]));
  if (known.size < coins.length) return refuse("COIN_DUPLICATE", "an outpoint is among the coins twice");
  const missing = requiredOutpoints.find((outpoint) => !known.has(outpoint));
  if (missing !== undefined) return refuse("REQUIRED_COIN_MISSING", `${missing} is not among the coins`);
  const required = [...new Set(requiredOutpoints)].flatMap((outpoint) => known.get(outpoint) ?? []);
  const change = deriveScript(wallet, 1, request.changeIndex);
  const selections = rankSelections({
    required,
    others: coins.filter((coin) => !requiredOutpoints.includes(outpointOf(coin))).toSorted(byOutpoint),
    outputScripts: outputs.value.map(({ scriptPubKey }) => scriptPubKey),
    outputSat,
    changeScript: change.scriptPubKey,
    feeRateSatPerKvbyte: perKvbyte(feeRateSatPerVbyte),
    longTermFeeRateSatPerKvbyte: perKvbyte(longTermFeeRateSatPerVbyte),
    ...(request.plain === undefined ? {} : { plain: request.plain }),
    ...(request.keepCoins === undefined ? {} : { keepCoins: request.keepCoins }),
    bytesOf: ({ previousTransaction }) => previousTransaction.length,
  });
  return buildBest(request, selections, outputs.value, change);
}

function isFeeRate(satPerVbyte: number): boolean {
  return satPerVbyte > 0 && satPerVbyte <= 1_000_000;
}

/** The order in which the coins came says nothing, so it decides nothing. */
function byOutpoint(left: Coin, right: Coin): number {
  return outpointOf(left) < outpointOf(right) ? -1 : 1;
}

function perKvbyte(satPerVbyte: number): bigint {
  return BigInt(Math.ceil(satPerVbyte * 1000));
}

function planOutputs(
  { network }: WalletDescriptor,
  payments: readonly Payment[],
): Result<readonly PlannedOutput[], PlanRefusal> {
  const outputs: PlannedOutput[] = [];
  for (const { withdrawalId, address, amountSat } of payments) {
    const parsed = parseAddress(network, address);
    if (!parsed.ok) return refuse(parsed.refusal.code, `withdrawal ${withdrawalId}: ${parsed.refusal.detail}`);
    const { scriptPubKey } = parsed.value;
    const leastSat = dustSat(scriptPubKey);
    if (amountSat < leastSat) {
      return refuse("DUST_OUTPUT", `withdrawal ${withdrawalId}: ${amountSat} sat is below this address's ${leastSat}`);
    }
    outputs.push({ scriptPubKey, amountSat });
  }
  return ok(outputs);
}

/** The first that can be relayed and carried; one of the wanted size before one that is larger. */
function buildBest(
  { wallet, wantedPsbtBytes = MAX_PSBT_BYTES }: PlanRequest,
  selections: readonly Selection<Coin>[],
  payments: readonly PlannedOutput[],
  change: WalletScript,
): Result<PlannedPayout, PlanRefusal> {
  let best: Result<PlannedPayout, PlanRefusal> = refuse(
    "INSUFFICIENT_FUNDS",
    "the coins do not cover the payments and the fee",
  );
  for (const selection of selections) {
    const built = buildPayout(wallet, selection, payments, change);
    if (!built.ok && built.refusal.code !== "TOO_LARGE") return built;
    if (built.ok && built.value.psbt.length <= wantedPsbtBytes) return built;
    if (!best.ok) best = built;
  }
  return best;
}

function buildPayout(
  wallet: WalletDescriptor,
  selection: Selection<Coin>,
  payments: readonly PlannedOutput[],
  change: WalletScript,
): Result<PlannedPayout, PlanRefusal> {
  const { vbytes, feeSat, changeSat, coins } = selection;
  if (vbytes > MAX_STANDARD_VBYTES) return refuse("TOO_LARGE", `${vbytes} vbytes are not relayed`);
  const own = changeSat === null ? [] : [{ script: change, amountSat: changeSat }];
  const built = buildTransaction(wallet, coins, payments, own);
  return built.ok ? ok({ ...built.value, feeSat, vbytes, inputs: coins, changeSat }) : built;
}

/** An output to a script of the wallet's own change branch. */
export type OwnChange = { readonly script: WalletScript; readonly amountSat: bigint };

/** The unsigned bytes: the inputs and outputs as they are given, the wallet's own outputs last. */
export function buildTransaction(
  wallet: WalletDescriptor,
  coins: readonly Coin[],
  payments: readonly PlannedOutput[],
  own: readonly OwnChange[],
): Result<{ readonly psbt: Uint8Array; readonly txid: string }, PlanRefusal> {
  const psbt = emptyPsbt().setVersion(PAYOUT_VERSION).setLocktime(0);
  for (const { scriptPubKey, amountSat } of payments) psbt.addOutput({ script: scriptPubKey, value: amountSat });
  for (const { script, amountSat } of own) {
    psbt.addOutput({
      script: script.scriptPubKey,
      value: amountSat,
      witnessScript: script.witnessScript,
      bip32Derivation: origins(script),
    });
  }
  // Outputs first, and what an input is worth last: with everything that is added the library looks again at all inputs that
  // are there, and takes long over one that says what it spends.
  const spent: { readonly script: Uint8Array; readonly value: bigint }[] = [];
  for (const coin of coins) {
    const script = deriveScript(wallet, coin.branch, coin.index);
    const previous = previousTransactionOf(coin, script);
    if (previous === null) {
      return refuse("COIN_MISMATCH", `${outpointOf(coin)} is not what its previous transaction and the wallet say`);
    }
    psbt.addInput({
      hash: coin.txid,
      index: coin.vout,
      sequence: PAYOUT_SEQUENCE,
      nonWitnessUtxo: serializeTransaction(previous),
      witnessScript: script.witnessScript,
      bip32Derivation: origins(script),
    });
    spent.push({ script: script.scriptPubKey, value: coin.amountSat });
  }
  for (const [at, witnessUtxo] of spent.entries()) psbt.updateInput(at, { witnessUtxo });
  const bytes = psbt.toBuffer();
  // The signed form has to fit as well: up to three signatures for an input, each with its key and lengths.
  const signedBytes = bytes.length + coins.length * wallet.holders.length * SIGNATURE_FIELD_BYTES;
  if (signedBytes > MAX_PSBT_BYTES) return refuse("TOO_LARGE", `a signed PSBT of ${signedBytes} bytes is not accepted`);
  const unsigned = parseTransaction(psbt.data.getTransaction(), "without-witness");
  if (!unsigned.ok) throw new Error("what was built is a transaction");
  return ok({ psbt: Uint8Array.from(bytes), txid: unsigned.value.txid });
}

/** Only who plans loads the library: holders, and whoever only reads, run without it and start sooner. */
function emptyPsbt(): Bitcoinjs.Psbt {
  const { Psbt } = createRequire(import.meta.url)("bitcoinjs-lib") as typeof Bitcoinjs;
  return new Psbt();
}

/** The transaction that made the coin, if it and the wallet agree with every field of the coin. */
function previousTransactionOf(coin: Coin, script: WalletScript): ParsedTransaction | null {
  const previous = parseTransaction(coin.previousTransaction, "either");
  if (!previous.ok || previous.value.txid !== coin.txid) return null;
  const output = previous.value.outputs[coin.vout];
  if (output?.amountSat !== coin.amountSat) return null;
  return equalBytes(output.scriptPubKey, script.scriptPubKey) ? previous.value : null;
}

function origins(script: WalletScript) {
  return script.derivations.map(({ fingerprint, path, publicKey }) => ({
    masterFingerprint: fromHex(fingerprint),
    path: ["m", ...path.map((step) => (step >= HARDENED ? `${step - HARDENED}'` : `${step}`))].join("/"),
    pubkey: publicKey,
  }));
}

function refuse(code: PlanRefusal["code"], detail: string): Result<never, PlanRefusal> {
  return refused({ code, detail });
}
