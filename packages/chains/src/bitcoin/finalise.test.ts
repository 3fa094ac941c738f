// Finalising: only the planned transaction with two valid signatures for every input comes out.
import { describe, expect, it } from "vitest";
import { closeDraft, openDraft } from "../../test/draft.ts";
import { holders, makePlan, plan, signed, value, wallet } from "../../test/payouts.ts";
import { combineSignatures } from "./combine.ts";
import { finalisePayout } from "./finalise.ts";
import { concatBytes } from "./wire.ts";

const [a, b] = holders;

describe("finalising refuses", () => {
  const combined = value(combineSignatures(plan, [signed(plan, a), signed(plan, b)], wallet)).psbt;
  const other = makePlan(2, 900);
  const otherSigned = value(combineSignatures(other, [signed(other, a), signed(other, b)], wallet)).psbt;
  const drop = (which: number) => {
    const draft = openDraft(combined);
    const at = draft.inputs[which]?.findIndex(({ type }) => type === 2) ?? -1;
    draft.inputs[which]?.splice(at, 1);
    return closeDraft(draft);
  };
  const swap = () => {
    const draft = openDraft(combined);
    const [first, second] = (draft.inputs[0] ?? []).filter(({ type }) => type === 2);
    if (first !== undefined && second !== undefined) [first.value, second.value] = [second.value, first.value];
    return closeDraft(draft);
  };
  const oneMore = () => {
    const draft = openDraft(combined);
    const output = draft.transaction.outputs[0];
    if (output !== undefined) output.amountSat += 1n;
    return closeDraft(draft);
  };

  it.each([
    ["SIGNED_OTHER_TRANSACTION", "another payout, validly signed", plan, otherSigned],
    ["INPUT_SIGNATURE_INVALID", "an amount changed after signing", plan, oneMore()],
    ["SIGNATURES_TOO_FEW", "the plan itself", plan, plan],
    ["SIGNATURES_TOO_FEW", "one signature missing in the first input", plan, drop(0)],
    ["SIGNATURES_TOO_FEW", "one signature missing in the second input", plan, drop(1)],
    ["INPUT_SIGNATURE_INVALID", "two signatures exchanged", plan, swap()],
    ["INPUT_SIGNATURE_PRESENT", "a plan that is signed", combined, combined],
    ["PSBT_TRAILING_BYTES", "a byte more", plan, concatBytes(combined, Uint8Array.of(0))],
  ] as const)("%s: %s", (code, _, planned, given) => {
    expect(finalisePayout(plan, combined, wallet).ok).toBe(true);
    expect(finalisePayout(planned, given, wallet)).toMatchObject({ ok: false, refusal: { code } });
  });
});
