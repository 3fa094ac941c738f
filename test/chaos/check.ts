// The checker: a pure function from a history to everything that is wrong with it. It trusts the requests and the chain.
import { checkBooks } from "./check-books.ts";
import type { History, Request } from "./history.ts";
import { type Chain, readChain } from "./read-chain.ts";
import { type Violation, violation } from "./violation.ts";

/** Empty when each accepted withdrawal was paid exactly once, nothing else was, and every book says the same. */
export function check(history: History): readonly Violation[] {
  const chain = readChain(history);
  return [
    ...chain.violations,
    ...requestFaults(history.requests),
    ...history.requests.flatMap((request) => checkPayment(request, chain, history.requiredConfirmations)),
    ...checkOutputs(history, chain),
    ...checkApi(history, chain),
    ...checkBooks(history, chain),
  ];
}

/** Withdrawals are told apart by where they go; two of one script would hide each other. */
function requestFaults(requests: readonly Request[]): readonly Violation[] {
  const doubled = (key: "id" | "script") =>
    [...Map.groupBy(requests, (request) => request[key])]
      .filter(([, same]) => same.length > 1)
      .map(([value]) => violation("HISTORY_MALFORMED", value, `two requests have this ${key}`));
  return [...doubled("id"), ...doubled("script")];
}

function checkPayment(request: Request, chain: Chain, required: number): readonly Violation[] {
  const { id, script, answer, due } = request;
  const payments = chain.paymentsTo.get(script) ?? [];
  const [first, ...others] = payments;
  if (answer === "none") return [violation("UNANSWERED", id, `paid ${payments.length} times, and never answered`)];
  if (answer === "refused" || due === "unpaid") {
    return payments.map(({ txid }) => violation("PAID_UNDULY", id, `was to be paid never, and ${txid} pays it`));
  }
  if (first === undefined && due === "either") return [];
  if (first === undefined) return [violation("LOST", id, "was accepted, and no block pays it")];
  if (others.length > 0) {
    return [violation("PAID_TWICE", id, `is paid by ${payments.map(({ txid }) => txid).join(" and ")}`)];
  }
  const found: Violation[] = [];
  if (!first.own) found.push(violation("PAID_BY_STRANGER", id, `${first.txid} spends no coin of the wallet`));
  if (first.amountSat !== BigInt(request.amountSat)) {
    found.push(violation("WRONG_AMOUNT", id, `${first.txid} pays ${first.amountSat} for ${request.amountSat}`));
  }
  if (first.confirmations < required) {
    found.push(violation("NOT_FINAL", id, `${first.confirmations} of ${required} confirmations`));
  }
  return found;
}

/** Every output of the wallet's own transactions is its own again, or what somebody was promised. */
function checkOutputs({ requests }: History, chain: Chain): readonly Violation[] {
  const promised = new Set(requests.map(({ script }) => script));
  return chain.ownPayments
    .filter(({ script }) => !promised.has(script))
    .map(({ txid, script, amountSat }) =>
      violation("UNAUTHORISED_OUTPUT", txid, `pays ${amountSat} to ${script}, which nobody asked for`),
    );
}

const UNPAID_STATES: ReadonlySet<string> = new Set(["rejected", "refused", "cancelled"]);

/** What the API says in the end, against what was asked and what the chain shows. */
function checkApi({ requests, services }: History, chain: Chain): readonly Violation[] {
  const asked = new Map(requests.map((request) => [request.id, request]));
  const told = new Map(services.withdrawals.map((withdrawal) => [withdrawal.id, withdrawal]));
  const unknown = services.withdrawals
    .filter(({ id }) => asked.get(id)?.answer !== "accepted")
    .map(({ id }) => violation("API_UNKNOWN", id, "is listed, and was never accepted"));
  const faults = requests.flatMap((request) => {
    const { id, account, address, amountSat, script, answer, due } = request;
    if (answer !== "accepted") return [];
    const withdrawal = told.get(id);
    if (withdrawal === undefined) return [violation("API_MISSING", id, "was accepted, and the API does not know it")];
    const found: Violation[] = [];
    const differs =
      withdrawal.account !== account || withdrawal.address !== address || withdrawal.amountSat !== amountSat;
    if (differs) found.push(violation("API_DIFFERS", id, JSON.stringify(withdrawal)));
    const payments = chain.paymentsTo.get(script) ?? [];
    const mustBePaid = due === "paid" || (due === "either" && payments.length > 0);
    const fits = mustBePaid ? withdrawal.state === "completed" : UNPAID_STATES.has(withdrawal.state);
    if (!fits) found.push(violation("STATE_WRONG", id, `is ${withdrawal.state} and was due to be ${due}`));
    if (mustBePaid && payments.length > 0 && !payments.some(({ txid }) => txid === withdrawal.txid)) {
      found.push(violation("TXID_WRONG", id, `the API says ${withdrawal.txid}, the chain ${payments[0]?.txid}`));
    }
    return found;
  });
  return [...unknown, ...faults];
}
