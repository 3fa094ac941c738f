// What is told of one change of a withdrawal, and to which endpoints.
import { createHash } from "node:crypto";
import type { MessageOf } from "@sluice/contracts";
import type { Endpoint } from "./config.ts";

export type Change = MessageOf<"withdrawal.changed.v1">;

export function wants(
  { events, accounts }: Pick<Endpoint, "events" | "accounts">,
  { state, account }: Pick<Change, "state" | "account">,
): boolean {
  return (
    (events === undefined || events.some((each) => each === state)) &&
    (accounts === undefined || accounts.includes(account))
  );
}

/**
 * The same for the same change, however often it is heard of, and without a full stop, which separates what is signed.
 * A database that was set back tells it again under the same id.
 */
export function webhookIdOf(endpoint: string, { withdrawalId, revision }: Change): string {
  const named = JSON.stringify([endpoint, withdrawalId, revision]);
  return `evt_${createHash("sha256").update(named).digest("base64url").slice(0, 32)}`;
}

export function typeOf({ state }: Change): string {
  return `withdrawal.${state}`;
}

/** As `webhookEventSchema` of the client reads it. */
export function bodyOf(change: Change, numbered: { readonly series: Date; readonly sequence: bigint }): Buffer {
  const event = {
    type: typeOf(change),
    timestamp: new Date(change.changedAtMs).toISOString(),
    series: numbered.series.toISOString(),
    sequence: Number(numbered.sequence),
    data: {
      id: change.withdrawalId,
      revision: change.revision,
      account: change.account,
      asset: change.asset,
      amount: change.amountMinor,
      address: change.address,
      state: change.state,
      detail: change.detail,
      txid: change.transactionId === "" ? null : change.transactionId,
      confirmations: change.confirmations,
    },
  };
  return Buffer.from(JSON.stringify(event));
}
