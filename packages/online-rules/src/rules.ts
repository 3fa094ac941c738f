// Step 2: the rules. Each is asked about every withdrawal and says what it found, also when it has nothing against it.
import type { Screened } from "@sluice/address-labels";
import {
  checkVelocity,
  countEntries,
  type Finding,
  formatAmount,
  type RiskVerdict,
  type VelocityEntry,
} from "@sluice/core";
import { type AllowListFacts, judgeAllowList } from "./allow-list-rule.ts";
import { amountTier } from "./amount-tier-rule.ts";
import type { Behaviour } from "./behaviour-facts.ts";
import { changesBefore, dormantAccount, outlyingProfit, turnRound, unusualAmount, unusualHour } from "./habit-rules.ts";
import { judgeLabels } from "./label-rule.ts";
import { judgeOrigin } from "./origin-rule.ts";
import type { Policy } from "./policy.ts";
import type { ReportAlarm } from "./report-alarms.ts";
import { compromiseScore, fanIn, impossibleTravel, newCountry, newDevice, sharedDevice } from "./session-rules.ts";
import { velocityOver } from "./velocity-rules.ts";

/** All that the rules know of a withdrawal. */
export type Facts = {
  readonly nowMs: number;
  readonly amountMinor: bigint;
  readonly destination: Destination;
  /** What the account was cleared for within the longest window. */
  readonly past: readonly VelocityEntry[];
  /** How long ago the withdrawal was received. */
  readonly waitedMs: number;
  /** What is wrong with the semi-offline zone's reports at this moment. */
  readonly alarms: readonly ReportAlarm[];
  /** When the semi-offline zone last refused a withdrawal of the account; null when it did not within the window. */
  readonly refusedOfflineAtMs: number | null;
  readonly behaviour: Behaviour;
  /** The key that signed the request. */
  readonly requesterKey: string;
  /** Null while the account has no allow-list in force. */
  readonly allowList: AllowListFacts | null;
  /** What people have suspended that stands against it. */
  readonly suspension: Suspension | null;
};

export type Suspension = {
  readonly id: string;
  readonly kind: string;
  readonly shown: string;
  readonly reason: string;
  readonly atMs: number;
};

export type Destination = {
  /** In hexadecimal. */
  readonly scriptPubKey: string;
  /** When this account first asked for money to go there. */
  readonly firstSeenAtMs: number;
  /** When people first approved a withdrawal of this account to it. */
  readonly approvedAtMs: number | null;
  /** An older destination of the account that begins and ends alike. */
  readonly resembles: string | null;
  /** The hot wallet that it belongs to. */
  readonly ownWallet: string | null;
  /** What the store of address labels says of it. */
  readonly screened: Screened;
};

/** The findings of every rule that the policy asks, in the rules' order. */
export function findAll(policy: Policy, facts: Facts): readonly Finding[] {
  return RULES.flatMap(({ rule, find }) => {
    const found = find(policy, facts);
    return found === null ? [] : [heeded(policy, facts, { rule, ...found })];
  });
}

type Found = Omit<Finding, "rule">;
/** Null when the policy does not ask it. */
type Rule = { readonly rule: string; readonly find: (policy: Policy, facts: Facts) => Found | null };

/** A rule in shadow is only noted; and a hold of a large amount takes as many people as its tier. */
function heeded({ shadow, approvalTiers }: Policy, { amountMinor }: Facts, finding: Finding): Finding {
  const { verdict, reason, evidence } = finding;
  if (verdict.kind !== "clear" && shadow.includes(finding.rule)) {
    return {
      ...finding,
      verdict: CLEAR,
      reason: `Only noted: ${reason}`,
      evidence: { ...evidence, shadow: verdict.kind },
    };
  }
  if (verdict.kind !== "hold") return finding;
  const tiers = approvalTiers.filter(({ aboveMinor }) => amountMinor > aboveMinor).map(({ approvals }) => approvals);
  return { ...finding, verdict: { kind: "hold", approvals: Math.max(verdict.approvals, ...tiers) } };
}

const CLEAR: RiskVerdict = { kind: "clear" };
const REJECT: RiskVerdict = { kind: "reject" };

export const RULES: readonly Rule[] = [
  { rule: "AMOUNT_MAX", find: amountMax },
  { rule: "ACCOUNT_VELOCITY", find: accountVelocity },
  { rule: "DESTINATION_OWN", find: destinationOwn },
  { rule: "DESTINATION_LABEL", find: destinationLabel },
  { rule: "NEW_DESTINATION", find: newDestination },
  { rule: "ADDRESS_LOOKALIKE", find: addressLookalike },
  { rule: "REFUSED_OFFLINE_LATELY", find: refusedOfflineLately },
  { rule: "REPORTS_MISSING", find: reportsMissing },
  { rule: "SUSPENDED", find: suspended },
  { rule: "ACCOUNT_TOTAL_VELOCITY", find: velocityOver("account") },
  { rule: "DESTINATION_VELOCITY", find: velocityOver("destination") },
  { rule: "DEVICE_VELOCITY", find: velocityOver("device") },
  { rule: "IP_VELOCITY", find: velocityOver("ip") },
  { rule: "ASSET_VELOCITY", find: velocityOver("asset") },
  { rule: "TOTAL_VELOCITY", find: velocityOver("all") },
  { rule: "UNUSUAL_AMOUNT", find: unusualAmount },
  { rule: "UNUSUAL_HOUR", find: unusualHour },
  { rule: "PROFIT_OUTLYING", find: outlyingProfit },
  { rule: "TURN_ROUND", find: turnRound },
  { rule: "DORMANT_ACCOUNT", find: dormantAccount },
  { rule: "CHANGES_BEFORE", find: changesBefore },
  { rule: "NEW_DEVICE", find: newDevice },
  { rule: "NEW_COUNTRY", find: newCountry },
  { rule: "IMPOSSIBLE_TRAVEL", find: impossibleTravel },
  { rule: "DEVICE_SHARED", find: sharedDevice },
  { rule: "COMPROMISE_SCORE", find: compromiseScore },
  { rule: "DESTINATION_FAN_IN", find: fanIn },
  { rule: "AMOUNT_TIER", find: amountTier },
  { rule: "ALLOW_LIST", find: (policy, facts) => judgeAllowList(policy.allowList, facts.allowList, facts.nowMs) },
  { rule: "ORIGIN_LIMIT", find: ({ origins }, facts) => judgeOrigin(origins, facts.requesterKey, facts.amountMinor) },
];

function amountMax({ maxAmountMinor }: Policy, { amountMinor }: Facts): Found {
  const evidence = { amountMinor: String(amountMinor), maxAmountMinor: String(maxAmountMinor) };
  const [amount, most] = [formatAmount(amountMinor, "BTC"), formatAmount(maxAmountMinor, "BTC")];
  return amountMinor > maxAmountMinor
    ? { verdict: REJECT, reason: `${amount} is over the largest single withdrawal of ${most}.`, evidence }
    : { verdict: CLEAR, reason: `${amount} is within the largest single withdrawal of ${most}.`, evidence };
}

function accountVelocity({ accountWindows }: Policy, { nowMs, amountMinor, past }: Facts): Found {
  const answer = checkVelocity(accountWindows, past, { atMs: nowMs, amountMinor });
  if (answer.kind === "within") {
    const evidence = { windows: String(accountWindows.length), pastWithdrawals: String(countEntries(past)) };
    return { verdict: CLEAR, reason: "The account stays within every window of time.", evidence };
  }
  const { window, usedCount, usedMinor, freeAtMs } = answer;
  const evidence = {
    limit: answer.rule,
    windowMs: String(window.windowMs),
    usedCount: String(usedCount),
    usedMinor: String(usedMinor),
    ...(window.maxCount === undefined ? {} : { maxCount: String(window.maxCount) }),
    ...(window.maxMinor === undefined ? {} : { maxMinor: String(window.maxMinor) }),
  };
  if (freeAtMs === null) {
    return {
      verdict: REJECT,
      reason: "The amount alone is over what the account may ever withdraw at once.",
      evidence,
    };
  }
  const reason = `The account has used up its window; it is free again at ${new Date(freeAtMs).toISOString()}.`;
  return { verdict: { kind: "delay", untilMs: freeAtMs }, reason, evidence };
}

/** Paying ourselves would be taken for change by whoever reads the transaction, and the account would be debited. */
function destinationOwn(_: Policy, { destination: { ownWallet } }: Facts): Found {
  if (ownWallet === null) return { verdict: CLEAR, reason: "The destination is no hot wallet's own.", evidence: {} };
  const evidence = { walletId: ownWallet };
  return { verdict: REJECT, reason: "The destination is an address of the hot wallet itself.", evidence };
}

function destinationLabel({ labels, screening }: Policy, { destination, nowMs }: Facts): Found {
  return judgeLabels(screening, labels.get(destination.scriptPubKey), destination.screened, nowMs);
}

function newDestination({ newDestination: rule, labels }: Policy, { nowMs, amountMinor, destination }: Facts): Found {
  const { firstSeenAtMs, approvedAtMs, scriptPubKey } = destination;
  const evidence = { firstSeenAtMs: String(firstSeenAtMs), aboveMinor: String(rule.aboveMinor) };
  const clear = (reason: string): Found => ({ verdict: CLEAR, reason, evidence });
  if (amountMinor <= rule.aboveMinor) return clear("The amount is small enough for a new destination.");
  if (labels.get(scriptPubKey)?.tier === "white") return clear("The destination is labelled white.");
  if (approvedAtMs !== null) return clear("People have approved a withdrawal to this destination before.");
  if ("approvals" in rule) {
    const reason = "Nobody has approved a withdrawal of this account to this destination yet.";
    return { verdict: { kind: "hold", approvals: rule.approvals }, reason, evidence };
  }
  const untilMs = firstSeenAtMs + rule.delayMs;
  if (untilMs <= nowMs) return clear("The destination has been known for long enough.");
  const reason = `The destination is new; money may go there from ${new Date(untilMs).toISOString()}.`;
  return { verdict: { kind: "delay", untilMs }, reason, evidence };
}

/** Address poisoning: a look-alike is put where a person copies from, and whoever compares only the ends is deceived. */
function addressLookalike(_: Policy, { destination: { resembles, approvedAtMs } }: Facts): Found {
  if (resembles === null) {
    return { verdict: CLEAR, reason: "The destination resembles no other of the account.", evidence: {} };
  }
  const evidence = { resembles };
  if (approvedAtMs !== null)
    return { verdict: CLEAR, reason: "People have approved this destination before.", evidence };
  const reason = "The destination begins and ends like another one that the account has used before.";
  return { verdict: { kind: "hold", approvals: 1 }, reason, evidence };
}

/** The second opinion knows things that this side does not; whom it refused is looked at by a person for a while. */
function refusedOfflineLately(_: Policy, { refusedOfflineAtMs }: Facts): Found {
  if (refusedOfflineAtMs === null) {
    return { verdict: CLEAR, reason: "The semi-offline zone has not refused the account lately.", evidence: {} };
  }
  const evidence = { refusedAtMs: String(refusedOfflineAtMs) };
  const reason = `The semi-offline zone refused a withdrawal of the account at ${new Date(refusedOfflineAtMs).toISOString()}.`;
  return { verdict: { kind: "hold", approvals: 1 }, reason, evidence };
}

/** While it is not known what the semi-offline zone has said, nothing more is cleared. Asked again ever more rarely. */
function reportsMissing(_: Policy, { nowMs, waitedMs, alarms }: Facts): Found {
  if (alarms.length === 0) {
    return { verdict: CLEAR, reason: "Every report of the semi-offline zone has arrived.", evidence: {} };
  }
  const untilMs = nowMs + Math.min(LONGEST_WAIT_MS, Math.max(SHORTEST_WAIT_MS, waitedMs));
  const evidence = { alarms: alarms.map(({ code }) => code).join(" ") };
  const reason = `${alarms.map(({ code, detail }) => `${code}: ${detail}`).join("; ")}.`;
  return { verdict: { kind: "delay", untilMs }, reason, evidence };
}

/** A person has stopped it, and only people let it go on. It is asked again every few seconds, so that it then goes on by itself. */
function suspended(_: Policy, { nowMs, waitedMs, suspension }: Facts): Found | null {
  if (suspension === null) return null;
  const { id, kind, shown, reason, atMs } = suspension;
  const untilMs = nowMs + Math.min(LONGEST_WAIT_MS, Math.max(SHORTEST_WAIT_MS, waitedMs));
  const what = kind === "all" ? "Everything" : `The ${kind} ${shown}`;
  return {
    verdict: { kind: "delay", untilMs },
    reason: `${what} is suspended since ${new Date(atMs).toISOString()}: ${reason}`,
    evidence: { suspension: id, kind },
  };
}

const SHORTEST_WAIT_MS = 2_000;
/** Longer would only keep customers waiting when the alarm is over: judging again costs a few milliseconds. */
const LONGEST_WAIT_MS = 10_000;

/** The part of an address that people compare by eye: four characters of each end, without what every address shares. */
export function endsOf(address: string): string {
  const lower = address.toLowerCase();
  const own = SEGWIT.test(lower) ? lower.replace(SEGWIT, "") : address;
  return `${own.slice(0, 4)}…${own.slice(-4)}`;
}

/** Network, separator and witness version (BIP173). */
const SEGWIT = /^(bc|tb|bcrt)1[a-z0-9]/;
