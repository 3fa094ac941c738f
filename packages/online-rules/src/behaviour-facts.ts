// What the rules on behaviour know of an account, and of others that are in touch with the same things.
import type { Asset } from "@sluice/core";
import type { History } from "@sluice/signals";
import type { VelocityScope } from "./behaviour-policy.ts";

/** A withdrawal that was requested, by the account or by others; or `count` of them at one time with the sum of their amounts. */
export type PastWithdrawal = {
  readonly atMs: number;
  readonly asset: Asset;
  readonly amountMinor: bigint;
  readonly count?: number;
};

export type Behaviour = {
  readonly asset: Asset;
  readonly history: History;
  /** The account's own earlier requests within its history, whatever became of them but a refusal of the rules. */
  readonly requested: readonly PastWithdrawal[];
  /** What was cleared within the longest window, by whose it is counted together with. */
  readonly cleared: Readonly<Record<VelocityScope, readonly PastWithdrawal[]>>;
  /** Different accounts that logged in from the account's newest device within the rule's window; 0 without a log-in. */
  readonly deviceAccounts: number;
  /** Different accounts that asked for money to go to the destination within the rule's window, this one among them. */
  readonly destinationAccounts: number;
  /** When any account first asked for money to go there. */
  readonly destinationSeenAtMs: number;
};
