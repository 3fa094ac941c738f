// The outputs of a payout: each is a payment, the wallet's own change, or the wallet's own receiving script.
import { ASSETS, ok, type Result } from "@sluice/core";
import { type ChainRefusal, type ChainRefusalCode, refuseChain } from "./chain-refusals.ts";
import { type ClaimFault, checkClaim } from "./claim.ts";
import type { DecodeOptions } from "./decode-inputs.ts";
import type { WalletDescriptor } from "./descriptor.ts";
import { fieldOf, fieldsOf, OUTPUT, PROPRIETARY, type PsbtDocument, type PsbtMap } from "./psbt-format.ts";
import { dustSat, readScript } from "./script.ts";
import type { TransactionOutput } from "./transaction.ts";
import { findScript, type ScriptPosition } from "./wallet.ts";
import { equalBytes } from "./wire.ts";

/** An output and, when its script is the wallet's own, where in the wallet. */
export type JudgedOutput = TransactionOutput & { readonly index: number; readonly position: ScriptPosition | null };

type IndexLimits = Pick<DecodeOptions, "gapLimit" | "indexLimit">;

const EXPECTED_FIELDS: ReadonlySet<number> = new Set([OUTPUT.WITNESS_SCRIPT, OUTPUT.BIP32_DERIVATION]);
const CLAIM_CODES = {
  MISSING: "OUTPUT_CLAIM_INCOMPLETE",
  UNKNOWN: "OUTPUT_CLAIM_UNKNOWN",
  PATH: "OUTPUT_CLAIM_PATH",
  BRANCH: "OUTPUT_CLAIM_BRANCH",
  BEYOND_GAP_LIMIT: "OUTPUT_CLAIM_BEYOND_GAP_LIMIT",
  KEY: "OUTPUT_CLAIM_KEY",
} as const satisfies Record<ClaimFault, ChainRefusalCode>;

export function judgeOutputs(
  { transaction, outputs }: PsbtDocument,
  wallet: WalletDescriptor,
  limits: IndexLimits,
): Result<readonly JudgedOutput[], ChainRefusal> {
  const judged: JudgedOutput[] = [];
  for (const [index, output] of transaction.outputs.entries()) {
    const position = judgeOutput(output, outputs[index] ?? [], wallet, limits, `output ${index}`);
    if (!position.ok) return position;
    judged.push({ ...output, index, position: position.value });
  }
  return ok(judged);
}

function judgeOutput(
  { amountSat, scriptPubKey }: TransactionOutput,
  map: PsbtMap,
  wallet: WalletDescriptor,
  { gapLimit, indexLimit = gapLimit }: IndexLimits,
  where: string,
): Result<ScriptPosition | null, ChainRefusal> {
  if (map.some(({ type }) => type === PROPRIETARY)) return refuseChain("OUTPUT_FIELD_PROPRIETARY", where);
  if (!map.every(({ type }) => EXPECTED_FIELDS.has(type))) return refuseChain("OUTPUT_FIELD_UNEXPECTED", where);
  if (amountSat > ASSETS.BTC.supplyMinor) return refuseChain("OUTPUT_AMOUNT", where);
  if (readScript(scriptPubKey) === null) return refuseChain("OUTPUT_SCRIPT_TYPE", where);
  if (amountSat < dustSat(scriptPubKey)) return refuseChain("OUTPUT_DUST", where);
  // An output that claims nothing may still be the wallet's: every script is looked for.
  if (map.length === 0) return ok(findScript(wallet, scriptPubKey, gapLimit));

  const witnessScript = fieldOf(map, OUTPUT.WITNESS_SCRIPT);
  if (witnessScript === null) return refuseChain("OUTPUT_CLAIM_INCOMPLETE", where);
  const claim = checkClaim(fieldsOf(map, OUTPUT.BIP32_DERIVATION), wallet, indexLimit);
  if (!claim.ok) return refuseChain(CLAIM_CODES[claim.refusal], where);
  const script = claim.value;
  if (!equalBytes(witnessScript, script.witnessScript)) return refuseChain("OUTPUT_CLAIM_WITNESS_SCRIPT", where);
  if (!equalBytes(scriptPubKey, script.scriptPubKey)) return refuseChain("OUTPUT_CLAIM_FOREIGN", where);
  return ok({ branch: script.branch, index: script.index });
}
