// The verdict on a task, and what the zone remembers that it rests on.
import type { Screened } from "@sluice/address-labels";
import type { DecodedPayout } from "@sluice/chains";
import type { Clearance } from "@sluice/contracts";
import type { VelocityEntry } from "@sluice/core";
import type { OfflineFinding } from "./finding.ts";
import type { Suspension } from "./judge-suspensions.ts";
import type { Outflow } from "./outflow.ts";

export type Judgement =
  | { readonly kind: "sign" }
  | {
      readonly kind: "delay";
      readonly untilMs: number;
      readonly findings: readonly OfflineFinding[];
      /** Withdrawals that wait for time or for people because of what they are: their wait counts from now, once. */
      readonly deliberated: readonly string[];
    }
  | Refusal;

export type Refusal = { readonly kind: "refuse"; readonly findings: readonly OfflineFinding[] };

export type Due = {
  readonly withdrawalId: string;
  readonly attempt: number;
  readonly account: string;
  readonly scriptHex: string;
  readonly amountSat: bigint;
  readonly clearance: Clearance;
};

/** What was ever ordered to be signed for a withdrawal, by its latest task. */
export type EarlierPayment = {
  readonly anchor: string;
  readonly taskId: string;
  readonly txid: string;
  /** As it was ordered first, which it stays in all its versions. */
  readonly scriptHex: string;
  readonly amountSat: bigint;
};

/** A task that was ordered, of which a signature may exist. */
export type EarlierTask = {
  readonly taskId: string;
  readonly txid: string;
  readonly withdrawalIds: readonly string[];
  /**
   * What it has in common with the task at hand, if of each of these inputs another transaction that two holders have
   * signed for all the same withdrawals does without it. Null or absent: some input is in all their versions.
   */
  readonly spared?: readonly string[] | null;
};

/** Since when a withdrawal waits for time or for people, and who has said no. */
export type Deliberation = {
  readonly sinceMs: number;
  readonly veto: { readonly person: string; readonly via: string; readonly reason: string } | null;
};

/** What the zone remembers, as far as this task can need it. */
export type History = {
  readonly paid: ReadonlyMap<string, EarlierPayment>;
  /** Those that spend an input of this task. */
  readonly spenders: readonly EarlierTask[];
  /** By wallet the highest index of change that was ever ordered there; those without any are absent. */
  readonly changeIndexes?: ReadonlyMap<string, number>;
  readonly byAccount: ReadonlyMap<string, readonly VelocityEntry[]>;
  /** By scriptPubKey in lower-case hex. */
  readonly byDestination: ReadonlyMap<string, readonly VelocityEntry[]>;
  /** By the id of the key that signed the request. */
  readonly byOrigin: ReadonlyMap<string, readonly VelocityEntry[]>;
  readonly ofWallet: readonly Outflow[];
  /** What each earlier internal transfer of the wallet cost. */
  readonly internalFees: readonly VelocityEntry[];
  /** Amounts of an account's earlier payments within the baseline's time, the newest of them when there are many. */
  readonly usualOfAccount: ReadonlyMap<string, readonly bigint[]>;
  /** Gross outflow of each earlier hour that had any; hours are counted back from now. */
  readonly usualHoursOfWallet: readonly bigint[];
  readonly thisHourOfWalletSat: bigint;
  /** What this zone's label store says of destinations, by scriptPubKey in lower-case hex; absent where there is none. */
  readonly screened?: ReadonlyMap<string, Screened>;
  /** Those that stand and are about something in this task; others may be among them. */
  readonly suspensions?: readonly Suspension[];
  /** When this task was judged first; now, if it was not yet. */
  readonly firstJudgedAtMs: number;
  readonly deliberations: ReadonlyMap<string, Deliberation>;
  /** Who has released this very transaction, with a signature that was verified. */
  readonly releasedBy: string | null;
};

/** Payments and fee: what leaves the wallet for good. */
export function grossOutflowSat({ payments, feeSat }: DecodedPayout): bigint {
  return payments.reduce((sum, { amountSat }) => sum + amountSat, feeSat);
}
