// Histories broken by hand: each a named change of the good one, with every code that the checker has to find in it.
import { chainOf, goodHistory, idOf } from "./good-history.ts";
import type { ChainTransaction, History, Request, Services } from "./history.ts";
import type { ViolationCode } from "./violation.ts";

export type BrokenHistory = {
  readonly name: string;
  readonly codes: readonly ViolationCode[];
  readonly history: History;
};

export function brokenHistories(): readonly BrokenHistory[] {
  return [...ofPayments(), ...ofTheApi(), ...ofTheBooks(), ...ofWhatIsLeft(), ...ofTheDocument()];
}

const GOOD = goodHistory();
const [, , , SECOND_BLOCK] = GOOD.blocks;
const BATCH_1 = transactionOf("batch-1");
const BATCH_2 = transactionOf("batch-2");

function ofPayments(): readonly BrokenHistory[] {
  const scriptOf = (id: string) => GOOD.requests.find((request) => request.id === id)?.script ?? "";
  const doubled = payment("again", `${BATCH_2.txid}:2`, [output(scriptOf("w-1"), 10_000n)]);
  const outside = payment("outside-again", `${idOf("elsewhere")}:9`, [output(scriptOf("w-2"), 10_001n)]);
  const unconfirmed = payment("in the mempool", `${idOf("elsewhere")}:8`, [output(scriptOf("w-3"), 10_002n)]);
  const more = (id: string) => payment(`to ${id}`, `${BATCH_2.txid}:2`, [output(scriptOf(id), 20_000n)]);
  const last = (name: string) => transactionOf(name).pays.length - 1;
  return [
    broken("a batch that no block has", ["LOST", "COIN_WRONG"], without("batch-2")),
    broken(
      "one payment left out of its batch",
      ["LOST", "FEE_WRONG"],
      change("batch-1", (pays) => pays.with(0, output("aa04", 1n))),
    ),
    broken(
      "one payment twice in its batch",
      ["PAID_TWICE", "FEE_WRONG"],
      change("batch-1", (pays) => [...pays, pays[0] as Pay]),
    ),
    broken("a second transaction of the wallet pays one again", ["PAID_TWICE", "COIN_WRONG"], withMore(doubled)),
    broken("somebody else pays one again", ["PAID_TWICE"], withMore(outside)),
    broken("a second payment waits in the mempool", ["PAID_TWICE"], { ...GOOD, mempool: [unconfirmed] }),
    broken(
      "one satoshi too much",
      ["WRONG_AMOUNT", "FEE_WRONG"],
      change("batch-1", (pays) => pays.with(1, raised(pays[1], 1n))),
    ),
    broken(
      "one satoshi too little",
      ["WRONG_AMOUNT", "FEE_WRONG"],
      change("batch-1", (pays) => pays.with(1, raised(pays[1], -1n))),
    ),
    broken(
      "two amounts exchanged",
      ["WRONG_AMOUNT"],
      change("batch-2", ([a, b, ...rest]) => [
        { ...(a as Pay), amountSat: b?.amountSat ?? "" },
        { ...(b as Pay), amountSat: a?.amountSat ?? "" },
        ...rest,
      ]),
    ),
    broken(
      "a payment to another address",
      ["LOST", "UNAUTHORISED_OUTPUT"],
      change("batch-1", (pays) => pays.with(0, { ...(pays[0] as Pay), script: "cc" })),
    ),
    broken(
      "change that is not the wallet's",
      ["UNAUTHORISED_OUTPUT"],
      change("batch-2", (pays) => pays.with(last("batch-2"), { ...(pays.at(-1) as Pay), script: "dd" })),
    ),
    broken("what the API refused is paid", ["PAID_UNDULY"], withMore(more("w-refused"))),
    broken("what a rule rejected is paid", ["PAID_UNDULY"], withMore(more("w-rejected"))),
    broken(
      "an accepted one is paid with somebody else's coins",
      ["PAID_BY_STRANGER"],
      change("batch-2", (pays) => pays, [`${idOf("elsewhere")}:1`]),
    ),
    broken("a payment in the newest block alone", ["NOT_FINAL"], { ...GOOD, blocks: GOOD.blocks.slice(0, 4) }),
    broken("what a rule may refuse is paid, and refused by the API", ["STATE_WRONG"], {
      ...withRequest("w-4", { due: "either" }),
      services: {
        ...GOOD.services,
        withdrawals: GOOD.services.withdrawals.map((one) => (one.id === "w-4" ? { ...one, state: "refused" } : one)),
      },
    }),
    broken("what a rule may refuse is neither paid nor refused", ["STATE_WRONG"], {
      ...withRequest("w-rejected", { due: "either" }),
      services: {
        ...GOOD.services,
        withdrawals: GOOD.services.withdrawals.map((one) =>
          one.id === "w-rejected" ? { ...one, state: "cleared" } : one,
        ),
      },
    }),
    broken("no answer ever came", ["UNANSWERED"], withRequest("w-1", { answer: "none" })),
  ];
}

function ofTheApi(): readonly BrokenHistory[] {
  const withdrawals = (change: (all: Services["withdrawals"]) => Services["withdrawals"]) =>
    withServices({ withdrawals: change(GOOD.services.withdrawals) });
  const first = (rest: object) => withdrawals((all) => all.map((one, at) => (at === 0 ? { ...one, ...rest } : one)));
  const extra = { id: "w-9", account: "alice", address: "x", amountSat: "1", state: "completed", txid: null };
  return [
    broken(
      "the API forgot an accepted one",
      ["API_MISSING"],
      withdrawals((all) => all.slice(1)),
    ),
    broken(
      "the API knows one that nobody posted",
      ["API_UNKNOWN"],
      withdrawals((all) => [...all, extra]),
    ),
    broken("the API says another amount", ["API_DIFFERS"], first({ amountSat: "10001" })),
    broken("a paid one still waits by the API", ["STATE_WRONG"], first({ state: "signed" })),
    broken(
      "a rejected one is completed by the API",
      ["STATE_WRONG"],
      withdrawals((all) => all.map((one) => ({ ...one, state: "completed" }))),
    ),
    broken("the API names another transaction", ["TXID_WRONG"], first({ txid: BATCH_2.txid })),
  ];
}

function ofTheBooks(): readonly BrokenHistory[] {
  const ledger = (rest: Partial<Services["ledger"]>) => withServices({ ledger: { ...GOOD.services.ledger, ...rest } });
  const { balances, payouts, transfers } = GOOD.services.ledger;
  const [payout] = payouts;
  if (payout === undefined) throw new Error("the good history has no payout");
  const lessFee = (txid: string) => transfers.filter(({ about }) => about !== txid);
  return [
    broken("the ledger's own drift", ["LEDGER_DRIFT"], ledger({ driftSat: "1" })),
    broken(
      "accounts that do not sum to zero",
      ["LEDGER_UNBALANCED"],
      ledger({ balances: [...balances, { account: "x", asset: "BTC", amountMinor: "5" }] }),
    ),
    broken(
      "a hot wallet that is richer in the books",
      ["LEDGER_CHAIN"],
      ledger({ balances: balances.map((one) => ({ ...one, amountMinor: String(2n * BigInt(one.amountMinor)) })) }),
    ),
    broken("a payout in no book", ["PAYOUT_MISSING"], ledger({ payouts: payouts.slice(1) })),
    broken(
      "a payout still pending",
      ["PAYOUT_NOT_POSTED"],
      ledger({ payouts: payouts.with(0, { ...payout, standing: "pending", postedBy: null }) }),
    ),
    broken(
      "a payout of nobody",
      ["PAYOUT_UNKNOWN"],
      ledger({ payouts: [...payouts, { ...payout, withdrawalId: "w-rejected" }] }),
    ),
    broken(
      "a payout under another transaction",
      ["PAYOUT_DIFFERS"],
      ledger({ payouts: payouts.with(0, { ...payout, postedBy: BATCH_2.txid }) }),
    ),
    broken(
      "a payout posted twice",
      ["POSTED_TWICE"],
      ledger({ transfers: [...transfers, { kind: "payout-posted", about: "w-1", amountSat: "10000" }] }),
    ),
    broken("a fee that is in no book", ["FEE_WRONG"], ledger({ transfers: lessFee(BATCH_1.txid) })),
    broken(
      "a fee booked twice",
      ["FEE_WRONG"],
      ledger({ transfers: [...transfers, { kind: "network-fee", about: BATCH_1.txid, amountSat: "1000" }] }),
    ),
    broken(
      "a fee for what never was",
      ["FEE_UNKNOWN"],
      ledger({ transfers: [...transfers, { kind: "network-fee", about: idOf("never"), amountSat: "1" }] }),
    ),
  ];
}

function ofWhatIsLeft(): readonly BrokenHistory[] {
  const vault = (rest: Partial<Services["vault"]>) => withServices({ vault: { ...GOOD.services.vault, ...rest } });
  const coins = GOOD.services.vault.unspentCoins;
  return [
    broken("a reservation left over", ["RESERVATION_LEFT"], vault({ reservations: coins.slice(0, 1) })),
    broken("a task without an end", ["TASK_OPEN"], vault({ openTasks: ["task-1"] })),
    broken("a coin that vault forgot", ["COIN_WRONG"], vault({ unspentCoins: coins.slice(1) })),
    broken(
      "a spent coin that vault would spend again",
      ["COIN_WRONG"],
      vault({ unspentCoins: [...coins, ...BATCH_1.spends] }),
    ),
    broken("a parked report", ["PARKED_REPORT"], vault({ parkedReports: ["TASK_UNKNOWN"] })),
    broken(
      "a dead letter",
      ["DEAD_LETTER"],
      withServices({ deadLetters: ["treasury/transaction.signed.v1/PAYOUT_PAID_TWICE"] }),
    ),
    broken("a repair by hand", ["REPAIRED_BY_HAND"], withServices({ repairs: ["vault: dead letter 7 retried"] })),
  ];
}

function ofTheDocument(): readonly BrokenHistory[] {
  return [
    broken("a block that is missing in the middle", ["HISTORY_MALFORMED"], {
      ...GOOD,
      blocks: GOOD.blocks.toSpliced(1, 1),
    }),
    broken("no block at all", ["HISTORY_MALFORMED", "LOST"], { ...GOOD, blocks: [] }),
    broken(
      "one coin spent twice in one chain",
      ["HISTORY_MALFORMED"],
      withMore(payment("doubled", `${idOf("elsewhere")}:3`, [])),
    ),
    broken(
      "two requests to one address",
      ["HISTORY_MALFORMED"],
      withRequest("w-2", { script: GOOD.requests[0]?.script ?? "" }),
    ),
  ];
}

type Pay = ChainTransaction["pays"][number];

function broken(name: string, codes: readonly ViolationCode[], history: History): BrokenHistory {
  return { name, codes, history };
}

function transactionOf(name: string): ChainTransaction {
  const found = GOOD.blocks.flatMap(({ transactions }) => transactions).find(({ txid }) => txid === idOf(name));
  if (found === undefined) throw new Error(`the good history has no ${name}`);
  return found;
}

const output = (script: string, amountSat: bigint): Pay => ({ script, amountSat: String(amountSat) });
const raised = (pay: Pay | undefined, bySat: bigint): Pay =>
  output(pay?.script ?? "", BigInt(pay?.amountSat ?? 0) + bySat);
const payment = (name: string, spends: string, pays: readonly Pay[]): ChainTransaction => ({
  txid: idOf(name),
  spends: [spends],
  pays,
});

function withChain(change: (transactions: readonly ChainTransaction[]) => readonly ChainTransaction[]): History {
  return { ...GOOD, blocks: chainOf(GOOD.blocks.map(({ transactions }) => change(transactions))) };
}

const without = (name: string) => withChain((all) => all.filter(({ txid }) => txid !== idOf(name)));

/** One more transaction, in the block of the second batch's successor. */
function withMore(transaction: ChainTransaction): History {
  const height = (SECOND_BLOCK?.height ?? 0) + 1;
  return {
    ...GOOD,
    blocks: chainOf(GOOD.blocks.map((block) => (block.height === height ? [transaction] : block.transactions))),
  };
}

function change(name: string, pays: (pays: readonly Pay[]) => readonly Pay[], spends?: readonly string[]): History {
  return withChain((all) =>
    all.map((one) => (one.txid === idOf(name) ? { ...one, pays: pays(one.pays), spends: spends ?? one.spends } : one)),
  );
}

function withRequest(id: string, rest: Partial<Request>): History {
  return { ...GOOD, requests: GOOD.requests.map((request) => (request.id === id ? { ...request, ...rest } : request)) };
}

function withServices(rest: Partial<Services>): History {
  return { ...GOOD, services: { ...GOOD.services, ...rest } };
}
