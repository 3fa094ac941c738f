// The books of treasury and vault, and what was left for people to do, against the chain.
import type { History, Services } from "./history.ts";
import { type Chain, sum } from "./read-chain.ts";
import { type Violation, violation } from "./violation.ts";

export function checkBooks(history: History, chain: Chain): readonly Violation[] {
  const { ledger, vault, deadLetters, repairs } = history.services;
  return [
    ...checkBalances(ledger, chain),
    ...checkPayouts(history, chain),
    ...checkFees(ledger, chain),
    ...vault.reservations.map((outpoint) => violation("RESERVATION_LEFT", outpoint, "is reserved, and all is done")),
    ...vault.openTasks.map((task) => violation("TASK_OPEN", task, "is neither confirmed, refused nor superseded")),
    ...checkCoins(vault, chain),
    ...vault.parkedReports.map((report) => violation("PARKED_REPORT", report, "waits for a person")),
    ...deadLetters.map((letter) => violation("DEAD_LETTER", letter, "waits for a person, or did")),
    ...repairs.map((repair) => violation("REPAIRED_BY_HAND", repair, "nobody should have had to")),
  ];
}

function checkBalances({ driftSat, balances }: Services["ledger"], chain: Chain): readonly Violation[] {
  const found: Violation[] = [];
  if (driftSat !== "0") found.push(violation("LEDGER_DRIFT", "treasury", `${driftSat} sat by its own reconciliation`));
  for (const [asset, some] of Map.groupBy(balances, (balance) => balance.asset)) {
    const total = sum(some.map(({ amountMinor }) => BigInt(amountMinor)));
    if (total !== 0n) found.push(violation("LEDGER_UNBALANCED", asset, `all accounts together are ${total}`));
  }
  const wallet = balances.find(({ account, asset }) => account === "hot-wallet" && asset === "BTC");
  const [booked, held] = [BigInt(wallet?.amountMinor ?? 0), sum(chain.unspent.values())];
  if (booked !== held)
    found.push(violation("LEDGER_CHAIN", "hot-wallet", `${booked} in the books, ${held} on the chain`));
  return found;
}

function checkPayouts({ requests, services }: History, chain: Chain): readonly Violation[] {
  const { payouts, transfers } = services.ledger;
  const booked = Map.groupBy(payouts, ({ withdrawalId }) => withdrawalId);
  const postings = Map.groupBy(
    transfers.filter(({ kind }) => kind === "payout-posted"),
    ({ about }) => about,
  );
  const paid = requests.filter(({ script }) => chain.paymentsTo.get(script)?.some(({ own }) => own));
  const known = new Set(paid.map(({ id }) => id));
  const unknown = payouts
    .filter(({ withdrawalId, standing }) => !known.has(withdrawalId) && standing !== "voided")
    .map(({ withdrawalId, standing }) =>
      violation("PAYOUT_UNKNOWN", withdrawalId, `is ${standing}, and was never paid`),
    );
  const faults = paid.flatMap(({ id, account, amountSat, script }) => {
    const [payout] = booked.get(id) ?? [];
    if (payout === undefined) return [violation("PAYOUT_MISSING", id, "is paid, and in no book")];
    if (payout.standing !== "posted") return [violation("PAYOUT_NOT_POSTED", id, `is ${payout.standing} in the books`)];
    const found: Violation[] = [];
    const by = chain.paymentsTo.get(script)?.map(({ txid }) => txid) ?? [];
    if (payout.account !== account || payout.amountSat !== amountSat || !by.includes(payout.postedBy ?? "")) {
      found.push(violation("PAYOUT_DIFFERS", id, JSON.stringify(payout)));
    }
    const times = postings.get(id) ?? [];
    const total = sum(times.map((posting) => BigInt(posting.amountSat)));
    if (times.length !== 1 || total !== BigInt(amountSat)) {
      found.push(violation("POSTED_TWICE", id, `is posted ${times.length} times, ${total} sat in all`));
    }
    return found;
  });
  return [...unknown, ...faults];
}

function checkFees({ transfers }: Services["ledger"], chain: Chain): readonly Violation[] {
  const booked = Map.groupBy(
    transfers.filter(({ kind }) => kind === "network-fee"),
    ({ about }) => about,
  );
  const wrong = [...chain.feesSat].flatMap(([txid, feeSat]) => {
    const total = sum((booked.get(txid) ?? []).map(({ amountSat }) => BigInt(amountSat)));
    return total === feeSat ? [] : [violation("FEE_WRONG", txid, `${total} in the books, ${feeSat} on the chain`)];
  });
  const unknown = [...booked.keys()]
    .filter((txid) => !chain.feesSat.has(txid))
    .map((txid) => violation("FEE_UNKNOWN", txid, "a fee is booked for what is not on the chain"));
  return [...wrong, ...unknown];
}

/** What vault would spend next is what the chain says it has. */
function checkCoins({ unspentCoins }: Services["vault"], chain: Chain): readonly Violation[] {
  const believed = new Set(unspentCoins);
  return [
    ...[...believed]
      .filter((outpoint) => !chain.unspent.has(outpoint))
      .map((outpoint) => violation("COIN_WRONG", outpoint, "vault has it, the chain does not")),
    ...[...chain.unspent.keys()]
      .filter((outpoint) => !believed.has(outpoint))
      .map((outpoint) => violation("COIN_WRONG", outpoint, "the chain has it, vault does not")),
  ];
}
