// sluice withdrawal show, fail: how a withdrawal stands, and a person's word that it has failed, signed with the person's key.
import { createSluiceClient, SluiceApiError, type SluiceClient, type WithdrawalDetails } from "@sluice/client";
import type { JsonObject } from "@sluice/console";
import { type Command, type Outcome, requiredText, type Values } from "../command.ts";
import { readPrivateKey } from "./bundle-files.ts";

const CALLER = [
  "--api URL   online-risk's API: scheme, host and port",
  "--key-id ID   of your API key; it needs the scope",
  "--key FILE   your private key (PEM)",
  "--id ID   of the withdrawal",
];
const TEXT = { type: "string" } as const;
const CALLER_OPTIONS = { api: TEXT, "key-id": TEXT, key: TEXT, id: TEXT };

export const withdrawalShow: Command = {
  name: "withdrawal show",
  summary:
    "shows how a withdrawal stands, what stands in its way, and whether the chain proves that it can never be paid",
  usage: CALLER,
  options: CALLER_OPTIONS,
  run: (values) => ask(values, (client) => client.getWithdrawal(requiredText(values, "id"))),
};

export const withdrawalFail: Command = {
  name: "withdrawal fail",
  summary: "says that a withdrawal has failed: two people have to, and the chain has to prove it; then it is for good",
  usage: [
    ...CALLER,
    "--conflicting TXID   the transaction that has spent what every transaction for it spends; look at it first",
    "--reason TEXT   why, for the record",
  ],
  options: { ...CALLER_OPTIONS, conflicting: TEXT, reason: TEXT },
  run: (values) => {
    const said = {
      conflictingTransactionId: requiredText(values, "conflicting"),
      reason: requiredText(values, "reason"),
    };
    return ask(values, (client) => client.failWithdrawal(requiredText(values, "id"), said));
  },
};

async function ask(values: Values, call: (client: SluiceClient) => Promise<WithdrawalDetails>): Promise<Outcome> {
  const client = createSluiceClient({
    baseUrl: requiredText(values, "api"),
    keyId: requiredText(values, "key-id"),
    privateKey: readPrivateKey(requiredText(values, "key")),
  });
  try {
    const shown = await call(client);
    return { kind: "done", lines: linesOf(shown), json: JSON.parse(JSON.stringify(shown)) as JsonObject };
  } catch (error) {
    if (!(error instanceof SluiceApiError)) throw error;
    const faults = [{ code: error.code, message: error.message.replace(`${error.code}: `, "") }];
    return { kind: error.status === 0 || error.status >= 500 ? "unavailable" : "refused", faults };
  }
}

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
