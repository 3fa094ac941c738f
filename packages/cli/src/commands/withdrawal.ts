// sluice withdrawal show, fail: how a withdrawal stands, and a person's word that it has failed, signed with the person's key.
import type { WithdrawalDetails } from "@sluice/client";
import { type Command, requiredText } from "../command.ts";
import { askApi, CALLER, CALLER_OPTIONS } from "./ask-api.ts";

const OF = [...CALLER, "--id ID   of the withdrawal"];
const TEXT = { type: "string" } as const;
const OPTIONS = { ...CALLER_OPTIONS, id: TEXT };

export const withdrawalShow: Command = {
  name: "withdrawal show",
  summary:
    "shows how a withdrawal stands, what stands in its way, and whether the chain proves that it can never be paid",
  usage: OF,
  options: OPTIONS,
  run: (values) => askApi(values, (client) => client.getWithdrawal(requiredText(values, "id")), linesOf),
};

export const withdrawalFail: Command = {
  name: "withdrawal fail",
  summary: "says that a withdrawal has failed: two people have to, and the chain has to prove it; then it is for good",
  usage: [
    ...OF,
    "--conflicting TXID   the transaction that has spent what every transaction for it spends; look at it first",
    "--reason TEXT   why, for the record",
  ],
  options: { ...OPTIONS, conflicting: TEXT, reason: TEXT },
  run: (values) => {
    const said = {
      conflictingTransactionId: requiredText(values, "conflicting"),
      reason: requiredText(values, "reason"),
    };
    return askApi(values, (client) => client.failWithdrawal(requiredText(values, "id"), said), linesOf);
  },
};

function linesOf({ id, state, detail, amount, asset, address, failure }: WithdrawalDetails): readonly string[] {
  const head = [`${id}: ${state}: ${detail}`, `  ${amount} minor units of ${asset} to ${address}`];
  if (failure === undefined || failure === null) return head;
  const { conflictingTxid, missing, said, required } = failure;
  return [
    ...head,
    `  in its way: ${conflictingTxid ?? "nothing that is known"}`,
    missing === null ? "  proven: it can never be paid" : `  not proven: ${missing.code}: ${missing.detail}`,
    ...said.map((word) => `  ${word.by} says that it failed by ${word.conflictingTxid}: ${word.reason}`),
    ...(state === "failed" ? [] : [`  ${said.length} of ${required} people have said so`]),
  ];
}
