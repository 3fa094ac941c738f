// The world of the model check: withdrawals, transactions, what semi-offline-risk remembers, what a holder remembers. Every
// decision in it is the real one: findConflict, anchorOf, planOrders, judgeAnswer of semi-offline-risk, decideSigning of a holder.
import { HOLDERS } from "@sluice/contracts";
import { anchorOf, findConflict, judgeAnswer, planOrders } from "@sluice/second-opinion";
import { decideSigning, type Refused, SignedHistory, type SigningIntent } from "../src/sign-once.ts";

/** A transaction that vault may ask for: the outpoints that it spends, in order, and the withdrawals that it pays, if any. */
export type Candidate = { readonly inputs: string; readonly pays: string };

export type Bug =
  | "none"
  | "anchor not checked"
  | "anchor named again"
  | "journal not synced before the signature"
  | "journal forgotten at a restart"
  | "refusal not kept"
  | "refusal hides a signature"
  | "ordered before the commit"
  | "internal transfers are not on record"
  | "a coin serves one group for ever"
  | "an anchor is shared"
  | "spared by what was only ordered";

export type TaskState = "new" | "ordered" | "refused" | "signed";
export type Said = "-" | "signatures" | "refusal" | "invalid";

/** What semi-offline-risk has committed; the shapes of its tables task, payment, payment_attempt, task_input, holder_order. */
export type Memory = {
  readonly states: readonly TaskState[];
  /** By withdrawal. A row is deleted only when no attempt is left. */
  readonly payments: Readonly<Record<string, { readonly anchor: string; readonly task: number }>>;
  /** Tasks with rows in payment_attempt and task_input. */
  readonly attempts: readonly number[];
  /** By task and holder: asked, and what was answered first. */
  readonly asked: Readonly<Record<string, Said>>;
};

export const EMPTY: Memory = { states: [], payments: {}, attempts: [], asked: {} };

/** An order as it is sealed: the task, and the anchor of each withdrawal that it pays. */
export type Order = { readonly task: number; readonly anchors: string };

const txidOf = ({ inputs, pays }: Candidate): string => `${inputs}>${pays}`;
const spendingOf = (one: Candidate) => ({
  txid: txidOf(one),
  inputs: [...one.inputs].map((outpoint) => ({ outpoint })),
});
const payingOf = ({ pays }: Candidate) => [...pays].map((withdrawalId) => ({ withdrawalId }));

/** The judgement and the rows that follow from it, as judge-stage does in one transaction; null when it is refused. */
export function judgeAndRecord(
  candidates: readonly Candidate[],
  task: number,
  memory: Memory,
  bug: Bug,
): Memory | null {
  const candidate = at(candidates, task);
  const history = historyFor(candidates, candidate, memory, bug);
  const spending = spendingOf(candidate);
  if (bug !== "anchor not checked" && findConflict(spending, payingOf(candidate), history) !== null) return null;
  const payments = { ...memory.payments };
  for (const withdrawalId of candidate.pays) {
    const named = bug === "anchor named again" ? { ...history, paid: new Map<string, never>() } : history;
    payments[withdrawalId] = { anchor: anchorOf(withdrawalId, { decoded: spending }, named), task };
  }
  const states = candidates.map((_, index) => (index === task ? "ordered" : (memory.states[index] ?? "new")));
  return { ...memory, states, payments, attempts: [...memory.attempts, task].toSorted() };
}

/** The conflict rule does not look at what is paid. */
const ANY_PAYMENT = { scriptHex: "", amountSat: 0n };

function historyFor(candidates: readonly Candidate[], candidate: Candidate, memory: Memory, bug: Bug) {
  const { payments, attempts, states } = memory;
  const paid = Object.entries(payments).map(([withdrawalId, { anchor, task }]) => {
    const earlier = { anchor, taskId: String(task), txid: txidOf(at(candidates, task)), ...ANY_PAYMENT };
    return [withdrawalId, earlier] as const;
  });
  const spenders = attempts.flatMap((task) => {
    const other = at(candidates, task);
    if (bug === "internal transfers are not on record" && other.pays === "") return [];
    const common = [...other.inputs].filter((outpoint) => candidate.inputs.includes(outpoint));
    if (common.length === 0) return [];
    const versions = attempts
      .filter((version) => bug === "spared by what was only ordered" || states[version] === "signed")
      .map((version) => at(candidates, version))
      .filter(({ pays }) => other.pays !== "" && [...other.pays].every((id) => pays.includes(id)));
    const isSpared = common.every((outpoint) => versions.some(({ inputs }) => !inputs.includes(outpoint)));
    const spared = isSpared && bug !== "a coin serves one group for ever" ? common : null;
    return [{ taskId: String(task), txid: txidOf(other), withdrawalIds: [...other.pays], spared }];
  });
  return { paid: new Map(paid), spenders: bug === "an anchor is shared" ? [] : spenders };
}

export function orderOf(candidates: readonly Candidate[], task: number, { payments }: Memory): Order {
  return { task, anchors: [...at(candidates, task).pays].map((id) => payments[id]?.anchor ?? "?").join("") };
}

/** What semi-offline-risk makes of the answers so far: more orders, an end, or the release of what nobody can have signed. */
export function settle(candidates: readonly Candidate[], task: number, memory: Memory): Memory | null {
  const known = HOLDERS.flatMap((holder, index) => {
    const said = memory.asked[`${task}${index}`];
    if (said === undefined) return [];
    const answer = said === "-" ? null : said;
    return [{ holder, sentAtMs: 0, answer, envelope: null, refusalCode: null, refusalReason: null }];
  });
  const plan = planOrders(known, HOLDERS, 0, 1);
  if (plan.kind === "combine") return withState(memory, task, "signed");
  if (plan.kind !== "impossible") return null;
  const refused = withState(memory, task, "refused");
  if (plan.signatureMayExist) return refused;
  const attempts = memory.attempts.filter((other) => other !== task);
  const kept = Object.entries(memory.payments).filter(
    ([id]) =>
      !at(candidates, task).pays.includes(id) || attempts.some((other) => at(candidates, other).pays.includes(id)),
  );
  return { ...refused, attempts, payments: Object.fromEntries(kept) };
}

function withState(memory: Memory, task: number, state: TaskState): Memory {
  return { ...memory, states: memory.states.map((old, index) => (index === task ? state : old)) };
}

/** What an answer is worth to semi-offline-risk. */
export function worthOf(answer: "signatures" | "refusal" | "refusal-signed-before"): Said {
  if (answer === "signatures") return "signatures";
  const value = { code: "CAP", reason: "", signedBefore: answer === "refusal-signed-before" };
  const message = { taskId: "t", round: 1, transactionId: "", answer: { case: "refusal", value } } as const;
  // A refusal is judged by itself: neither bytes nor wallet are looked at.
  return judgeAnswer(message, new Uint8Array(), undefined as never).kind;
}

export function intentOf(candidates: readonly Candidate[], { task, anchors }: Order): SigningIntent {
  const { inputs, pays } = at(candidates, task);
  const withdrawals = [...pays].map((withdrawalId, index) => ({ withdrawalId, anchor: anchors[index] ?? "?" }));
  const transactionId = txidOf(at(candidates, task));
  return { taskId: String(task), walletId: "hot", transactionId, inputs: [...inputs], withdrawals };
}

export type Answer = "first" | "again" | "refused" | "refused, signed before";

/** What a holder with this journal answers to an order that passes, or does not pass, its own caps and clock. */
export function answerOf(
  journal: readonly (SigningIntent | Refused)[],
  intent: SigningIntent,
  passes: boolean,
  bug: Bug,
): Answer {
  const history = new SignedHistory();
  for (const record of journal) {
    const forgotten =
      bug === "internal transfers are not on record" && "inputs" in record && record.withdrawals.length === 0;
    if (!forgotten) history.add(record);
  }
  const decision = decideFor(history, intent, bug);
  const anchored = ["WITHDRAWAL_ALREADY_SIGNED", "ANCHOR_CHANGED", "ANCHOR_MISSING"];
  if (passes && decision.ok) return decision.value;
  if (passes && bug === "anchor not checked" && !decision.ok && anchored.includes(decision.refusal.code))
    return "first";
  const signed = history.transaction(intent.transactionId) !== undefined && bug !== "refusal hides a signature";
  return signed ? "refused, signed before" : "refused";
}

function decideFor(history: SignedHistory, intent: SigningIntent, bug: Bug): ReturnType<typeof decideSigning> {
  const decision = decideSigning(history, intent);
  const foreign = intent.inputs.some((input) =>
    history.spendersOf(input).some(({ withdrawals }) => !withdrawals.some((one) => isOf(intent, one.withdrawalId))),
  );
  // As the rule was before coins could be shared, and as it would be if nothing were exclusive.
  if (bug === "a coin serves one group for ever" && decision.ok && decision.value === "first" && foreign)
    return { ok: false, refusal: { code: "INPUT_ALREADY_SIGNED", detail: "" } };
  if (bug === "an anchor is shared" && !decision.ok && decision.refusal.code === "INPUT_ALREADY_SIGNED")
    return { ok: true, value: "first" };
  return decision;
}

const isOf = ({ withdrawals }: SigningIntent, id: string) => withdrawals.some((one) => one.withdrawalId === id);

/** Both can confirm: they share no outpoint. */
export function independent(one: Candidate, other: Candidate): boolean {
  return ![...one.inputs].some((outpoint) => other.inputs.includes(outpoint));
}

/** Only one of them can confirm, and it is not because they pay one withdrawal: one keeps the other's payment away. */
export function jams(one: Candidate, other: Candidate): boolean {
  return !independent(one, other) && ![...one.pays].some((withdrawal) => other.pays.includes(withdrawal));
}

export function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`there is no ${index}`);
  return item;
}
