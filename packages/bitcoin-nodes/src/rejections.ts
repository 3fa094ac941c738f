// What to do about each reason for which a node does not take a transaction. A table, and what several nodes' answers make.

/**
 * have: it is there already. look: an input is missing or spent, and which of the two has to be found out. fee: it pays too
 * little at present. replacement: it does not replace what it conflicts with, yet. conflict: another is in its place.
 * wait: by itself it will do later. never: no time and no fee will help, a person has to look. unknown: a reason that this
 * table does not have; nothing is concluded from it, and a person has to look.
 */
export type RejectionAction = "have" | "look" | "fee" | "replacement" | "conflict" | "wait" | "never" | "unknown";

export type Rejection = { readonly action: RejectionAction; readonly code: string };

type Row = readonly [reason: string, action: RejectionAction, code: string];

/**
 * Of Bitcoin Core 29 (validation.cpp, consensus/tx_check.cpp, consensus/tx_verify.cpp, policy/policy.cpp, policy/rbf.cpp,
 * policy/truc_policy.cpp, policy/ephemeral_policy.cpp, rpc/mempool.cpp, common/messages.cpp), with what 22 to 28 and Bitcoin
 * Knots 29 call otherwise. A row counts for the reason itself and, with an asterisk, for everything that begins so; the first
 * that fits counts.
 */
export const REJECTIONS: readonly Row[] = [
  ["txn-already-in-mempool", "have", "IN_MEMPOOL"],
  ["txn-same-nonwitness-data-in-mempool", "have", "IN_MEMPOOL"],
  ["txn-already-known", "have", "IN_CHAIN"],
  ["Transaction outputs already in utxo set", "have", "IN_CHAIN"],
  ["Transaction already in block chain", "have", "IN_CHAIN"],

  ["missing-inputs", "look", "INPUT_MISSING_OR_SPENT"],
  ["bad-txns-inputs-missingorspent", "look", "INPUT_MISSING_OR_SPENT"],

  ["min relay fee not met", "fee", "FEE_BELOW_RELAY"],
  ["mempool min fee not met", "fee", "FEE_BELOW_MEMPOOL"],
  ["mempool full", "fee", "MEMPOOL_FULL"],

  ["insufficient fee*", "replacement", "REPLACEMENT_FEE_TOO_LOW"],
  ["replacement-failed*", "replacement", "REPLACEMENT_FEE_TOO_LOW"],
  ["too many potential replacements*", "replacement", "REPLACEMENT_EVICTS_TOO_MANY"],
  ["replacement-adds-unconfirmed*", "replacement", "REPLACEMENT_ADDS_UNCONFIRMED"],

  ["txn-mempool-conflict", "conflict", "CONFLICT_IN_MEMPOOL"],
  ["non-BIP125-replaceable", "conflict", "CONFLICT_IN_MEMPOOL"],

  ["too-long-mempool-chain", "wait", "MEMPOOL_CHAIN_TOO_LONG"],
  ["non-final", "wait", "NOT_FINAL_YET"],
  ["non-BIP68-final", "wait", "NOT_FINAL_YET"],
  ["bad-txns-premature-spend-of-coinbase", "wait", "COINBASE_NOT_MATURE"],
  ["bad-txns-input-immature*", "wait", "COINBASE_NOT_MATURE"],

  ["dust", "never", "DUST"],
  ["dust-*", "never", "DUST"],
  ["max-fee-exceeded", "never", "FEE_ABSURD"],
  ["Fee exceeds maximum configured by user", "never", "FEE_ABSURD"],
  ["Unspendable output exceeds maximum configured by user", "never", "BURNS_MONEY"],
  ["mandatory-script-verify-flag-failed", "never", "SCRIPT_FAILED"],
  ["mempool-script-verify-flag-failed", "never", "SCRIPT_FAILED"],
  ["non-mandatory-script-verify-flag", "never", "SCRIPT_FAILED"],
  ["bad-witness-nonstandard", "never", "NOT_STANDARD"],
  ["bad-txns-nonstandard-inputs", "never", "NOT_STANDARD"],
  ["bad-txns-too-many-sigops", "never", "NOT_STANDARD"],
  ["version", "never", "NOT_STANDARD"],
  ["tx-size", "never", "NOT_STANDARD"],
  ["tx-size-small", "never", "NOT_STANDARD"],
  ["scriptsig-size", "never", "NOT_STANDARD"],
  ["scriptsig-not-pushonly", "never", "NOT_STANDARD"],
  ["scriptpubkey", "never", "NOT_STANDARD"],
  ["bare-multisig", "never", "NOT_STANDARD"],
  ["multi-op-return", "never", "NOT_STANDARD"],
  ["datacarrier", "never", "NOT_STANDARD"],
  ["txn-datacarrier-*", "never", "NOT_STANDARD"],
  ["txn-spk-reused*", "never", "NOT_STANDARD"],
  ["bare-pubkey", "never", "NOT_STANDARD"],
  ["TRUC-violation", "never", "NOT_STANDARD"],
  ["missing-ephemeral-spends", "never", "NOT_STANDARD"],
  ["coinbase", "never", "INVALID"],
  ["bad-cb-length", "never", "INVALID"],
  ["bad-txns-*", "never", "INVALID"],
  ["TX decode failed*", "never", "INVALID"],
];

/** A reason as `testmempoolaccept` gives it, or the message of a refused `sendrawtransaction`, which may add details. */
export function rejectionOf(reason: string): Rejection {
  const [bare = ""] = reason.split(/, | \(/, 1);
  const row = REJECTIONS.find(([known]) =>
    known.endsWith("*") ? bare.startsWith(known.slice(0, -1)) : bare === known,
  );
  return row === undefined ? { action: "unknown", code: "REASON_UNKNOWN" } : { action: row[1], code: row[2] };
}

/** What became of one transaction at one node. */
export type NodeOutcome = { readonly node: string; readonly reason: string } & Rejection;

export type SendAnswer =
  | {
      readonly ok: true;
      readonly nodes: readonly string[];
      /** A node says that a block holds it. */
      readonly inChain: boolean;
    }
  | {
      readonly ok: false;
      readonly action: Exclude<RejectionAction, "have">;
      readonly code: string;
      /** Every node's own words, with its name. */
      readonly reason: string;
      /** Those that have it; fewer than count. */
      readonly nodes: readonly string[];
    };

/** One mind of several: a conclusion needs a quorum that draws it, in both directions. What is split is waited for. */
export function concludeSending(outcomes: readonly NodeOutcome[], quorum: number): SendAnswer {
  const nodes = outcomes.filter(({ action }) => action === "have").map(({ node }) => node);
  const inChain = outcomes.some(({ code }) => code === "IN_CHAIN");
  if (nodes.length >= quorum) return { ok: true, nodes, inChain };
  const reason = outcomes.map((outcome) => `${outcome.node}: ${outcome.reason}`).join("; ");
  for (const { action, code } of outcomes) {
    if (action === "have") continue;
    const same = outcomes.filter((other) => other.action === action);
    if (same.length >= quorum) return { ok: false, action, code, reason, nodes };
  }
  const strange = outcomes.find(({ action }) => action === "unknown");
  if (strange !== undefined) return { ok: false, action: "unknown", code: strange.code, reason, nodes };
  return { ok: false, action: "wait", code: "NODES_DISAGREE", reason, nodes };
}
