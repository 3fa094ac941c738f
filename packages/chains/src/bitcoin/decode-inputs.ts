// The inputs of a payout, believed only as far as bytes prove them: previous transactions and scripts derived here.
import { ASSETS, ok, type Result } from "@sluice/core";
import { type ChainRefusal, type ChainRefusalCode, refuseChain } from "./chain-refusals.ts";
import { type ClaimFault, checkClaim } from "./claim.ts";
import type { WalletDescriptor } from "./descriptor.ts";
import { HARDENED } from "./extended-key.ts";
import {
  fieldOf,
  fieldsOf,
  GLOBAL,
  INPUT,
  PROPRIETARY,
  type PsbtDocument,
  type PsbtMap,
  parsePsbt,
  readWitnessUtxo,
} from "./psbt-format.ts";
import { readScript } from "./script.ts";
import { SIGHASH_ALL, segwitDigests } from "./sighash.ts";
import { isValidSignature, readSignature } from "./signature.ts";
import { MAX_STANDARD_VBYTES, payoutVbytes } from "./size.ts";
import { outpointOf, parseTransaction, type TransactionInput, type TransactionOutput } from "./transaction.ts";
import type { WalletScript } from "./wallet.ts";
import { equalBytes, u32le } from "./wire.ts";

export type DecodeOptions = {
  /** Scripts of which nothing is said are looked for below this index. At most 2^31. */
  readonly gapLimit: number;
  /** Scripts whose index is said are the wallet's below this one; the gap limit unless given. */
  readonly indexLimit?: number;
  /** Signatures that are already there: a plan has none and is refused with any; a combined PSBT has them verified. */
  readonly signatures?: "refuse" | "verify";
};

export type Spend = {
  /** txid:vout */
  readonly outpoint: string;
  readonly amountSat: bigint;
  readonly script: WalletScript;
  /** What a signature of this input signs (BIP143, SIGHASH_ALL). */
  readonly sighash: Uint8Array;
};

export type DecodedSpends = {
  readonly document: PsbtDocument;
  readonly vbytes: number;
  readonly spends: readonly Spend[];
};

export const PAYOUT_VERSION = 2;
/** Signals replaceability and, with locktime 0, nothing else (BIP125). */
export const PAYOUT_SEQUENCE = 0xffff_fffd;

const TAPROOT_FIELDS: ReadonlySet<number> = new Set([0x13, 0x14, 0x15, 0x16, 0x17, 0x18]);
const FINAL_FIELDS: ReadonlySet<number> = new Set([INPUT.FINAL_SCRIPT_SIG, INPUT.FINAL_WITNESS]);
const EXPECTED_FIELDS: ReadonlySet<number> = new Set([
  INPUT.PREVIOUS_TRANSACTION,
  INPUT.WITNESS_UTXO,
  INPUT.PARTIAL_SIGNATURE,
  INPUT.SIGHASH_TYPE,
  INPUT.WITNESS_SCRIPT,
  INPUT.BIP32_DERIVATION,
]);
const CLAIM_CODES = {
  MISSING: "INPUT_DERIVATION_MISSING",
  UNKNOWN: "INPUT_DERIVATION_UNKNOWN",
  PATH: "INPUT_DERIVATION_PATH",
  BRANCH: "INPUT_DERIVATION_BRANCH",
  BEYOND_GAP_LIMIT: "INPUT_BEYOND_GAP_LIMIT",
  KEY: "INPUT_DERIVATION_KEY",
} as const satisfies Record<ClaimFault, ChainRefusalCode>;

/** Everything up to the outputs. The bytes are copied first, so that nobody changes them between check and use. */
export function decodeSpends(
  psbt: Uint8Array,
  wallet: WalletDescriptor,
  options: DecodeOptions,
): Result<DecodedSpends, ChainRefusal> {
  const { gapLimit } = options;
  if (!Number.isInteger(gapLimit) || gapLimit < 1 || gapLimit > HARDENED)
    throw new Error(`no gap limit is ${gapLimit}`);
  const parsed = parsePsbt(new Uint8Array(psbt));
  if (!parsed.ok) return parsed;
  const { globals, transaction, inputs } = parsed.value;
  if (globals.some(({ type }) => type === PROPRIETARY)) return refuseChain("GLOBAL_FIELD_PROPRIETARY");
  const expected: readonly number[] = [GLOBAL.UNSIGNED_TRANSACTION, GLOBAL.VERSION];
  if (globals.some(({ type }) => !expected.includes(type))) return refuseChain("GLOBAL_FIELD_UNEXPECTED");

  if (transaction.version !== PAYOUT_VERSION) return refuseChain("TRANSACTION_VERSION", `${transaction.version}`);
  if (transaction.locktime !== 0) return refuseChain("TRANSACTION_LOCKTIME", `${transaction.locktime}`);
  if (transaction.inputs.length === 0) return refuseChain("TRANSACTION_NO_INPUTS");
  if (transaction.outputs.length === 0) return refuseChain("TRANSACTION_NO_OUTPUTS");
  const vbytes = payoutVbytes(
    transaction.inputs.length,
    transaction.outputs.map(({ scriptPubKey }) => scriptPubKey),
  );
  if (vbytes > MAX_STANDARD_VBYTES) return refuseChain("TRANSACTION_TOO_LARGE", `${vbytes} vbytes`);
  const outpoints = new Set(transaction.inputs.map(outpointOf));
  if (outpoints.size < transaction.inputs.length) return refuseChain("TRANSACTION_INPUT_DUPLICATE");
  const unsignalled = transaction.inputs.findIndex(({ sequence }) => sequence !== PAYOUT_SEQUENCE);
  if (unsignalled >= 0) return refuseChain("TRANSACTION_SEQUENCE", `input ${unsignalled}`);

  const digest = segwitDigests(transaction);
  const spends: Spend[] = [];
  for (const [at, input] of transaction.inputs.entries()) {
    const spend = judgeInput({ at, input, map: inputs[at] ?? [], wallet, options, digest });
    if (!spend.ok) return spend;
    spends.push(spend.value);
  }
  return ok({ document: parsed.value, vbytes, spends });
}

type InputCase = {
  readonly at: number;
  readonly input: TransactionInput;
  readonly map: PsbtMap;
  readonly wallet: WalletDescriptor;
  readonly options: DecodeOptions;
  readonly digest: ReturnType<typeof segwitDigests>;
};

function judgeInput({ at, input, map, wallet, options, digest }: InputCase): Result<Spend, ChainRefusal> {
  const refuse = (code: ChainRefusalCode) => refuseChain(code, `input ${at}`);
  const field = unexpectedField(map, options);
  if (field !== null) return refuse(field);
  const sighashType = fieldOf(map, INPUT.SIGHASH_TYPE);
  if (sighashType !== null && !equalBytes(sighashType, u32le(SIGHASH_ALL))) return refuse("INPUT_SIGHASH_TYPE");

  const output = previousOutput(map, input, refuse);
  if (!output.ok) return output;
  const { amountSat, scriptPubKey } = output.value;
  if (amountSat > ASSETS.BTC.supplyMinor) return refuse("INPUT_AMOUNT");
  const claimed = fieldOf(map, INPUT.WITNESS_UTXO);
  const witnessUtxo = claimed === null ? output.value : readWitnessUtxo(claimed);
  if (witnessUtxo?.amountSat !== amountSat) return refuse("WITNESS_UTXO_AMOUNT");
  if (!equalBytes(witnessUtxo.scriptPubKey, scriptPubKey)) return refuse("WITNESS_UTXO_SCRIPT");
  if (readScript(scriptPubKey)?.type !== "p2wsh") return refuse("INPUT_SCRIPT_TYPE");

  const claim = checkClaim(fieldsOf(map, INPUT.BIP32_DERIVATION), wallet, options.indexLimit ?? options.gapLimit);
  if (!claim.ok) return refuse(CLAIM_CODES[claim.refusal]);
  const script = claim.value;
  if (!equalBytes(script.scriptPubKey, scriptPubKey)) return refuse("INPUT_NOT_OWN");
  const witnessScript = fieldOf(map, INPUT.WITNESS_SCRIPT);
  if (witnessScript === null) return refuse("WITNESS_SCRIPT_MISSING");
  if (!equalBytes(witnessScript, script.witnessScript)) return refuse("WITNESS_SCRIPT_DIFFERS");

  const sighash = digest(at, { amountSat, scriptCode: script.witnessScript });
  const signatures = fieldsOf(map, INPUT.PARTIAL_SIGNATURE);
  const own = (publicKey: Uint8Array) => script.publicKeys.some((candidate) => equalBytes(candidate, publicKey));
  if (!signatures.every(({ keyData }) => own(keyData))) return refuse("INPUT_SIGNATURE_FOREIGN");
  const valid = signatures.every(({ keyData, value }) => {
    const signature = readSignature(value);
    return signature.ok && isValidSignature(sighash, keyData, signature.value);
  });
  if (!valid) return refuse("INPUT_SIGNATURE_INVALID");
  return ok({ outpoint: outpointOf(input), amountSat, script, sighash });
}

function unexpectedField(map: PsbtMap, { signatures = "refuse" }: DecodeOptions): ChainRefusalCode | null {
  const types = map.map(({ type }) => type);
  if (types.some((type) => FINAL_FIELDS.has(type))) return "INPUT_FINAL_FIELD";
  if (types.some((type) => TAPROOT_FIELDS.has(type))) return "INPUT_TAPROOT_FIELD";
  if (types.includes(INPUT.REDEEM_SCRIPT)) return "INPUT_REDEEM_SCRIPT";
  if (types.includes(PROPRIETARY)) return "INPUT_FIELD_PROPRIETARY";
  if (!types.every((type) => EXPECTED_FIELDS.has(type))) return "INPUT_FIELD_UNEXPECTED";
  if (types.includes(INPUT.PARTIAL_SIGNATURE) && signatures === "refuse") return "INPUT_SIGNATURE_PRESENT";
  return null;
}

/**
 * Amount and script come from the full previous transaction, whose id the input commits to, and from nowhere else: a
 * digest commits to its own input's amount alone, so a claimed amount can turn the rest of the money into fee.
 */
function previousOutput(
  map: PsbtMap,
  input: TransactionInput,
  refuse: (code: ChainRefusalCode) => Result<never, ChainRefusal>,
): Result<TransactionOutput, ChainRefusal> {
  const bytes = fieldOf(map, INPUT.PREVIOUS_TRANSACTION);
  if (bytes === null) return refuse("PREVIOUS_TRANSACTION_MISSING");
  const previous = parseTransaction(bytes, "either");
  if (!previous.ok) return refuse("PREVIOUS_TRANSACTION_MALFORMED");
  if (previous.value.witnesses !== null) return refuse("PREVIOUS_TRANSACTION_WITNESS");
  if (previous.value.txid !== input.txid) return refuse("PREVIOUS_TRANSACTION_ID");
  const output = previous.value.outputs[input.vout];
  return output === undefined ? refuse("PREVIOUS_OUTPUT_MISSING") : ok(output);
}
