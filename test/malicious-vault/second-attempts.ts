// Attacks by a second task, on what was signed before: paying twice, with other coins, for others, or more.
import { outpointOf } from "@sluice/chains";
import { makePolicy } from "@sluice/second-opinion/fixtures";
import { DESTINATION, request } from "@sluice/signing-fixtures";
import { coins, payments } from "../../packages/chains/test/tampering/index.ts";
import { type Attack, transaction } from "./attack.ts";
import { asked, CONTROL_ANCHOR, cleared, type Draft, honest, otherCoin, planned } from "./honest.ts";

const [one, two] = payments;
const [clearedOne, clearedTwo] = honest.withdrawals as [(typeof honest.withdrawals)[0], (typeof honest.withdrawals)[0]];
const [anchorCoin, secondCoin] = coins as [(typeof coins)[0], (typeof coins)[0]];
const past = [honest];
const third = request("w-3", { address: DESTINATION, amount: "40000" });
const clearedThird = cleared(third);
const payThird = { address: third.address, amountSat: 40_000n };
/** The same money to the same address, asked for once more. */
const twin = cleared({ ...(asked[0] as (typeof asked)[0]), id: "w-twin" });

export const SECOND_ATTEMPTS: readonly Attack[] = [
  ...twice(),
  ...takingInputs(),
  ...sharing(),
  ...bumps(),
  ...chains(),
  ...split(),
];

function twice(): readonly Attack[] {
  const again = { ...honest, psbt: planned({ coins: [otherCoin] }) };
  const onlyOne = { ...honest, withdrawals: [clearedOne], psbt: planned({ coins: [otherCoin], pays: [one] }) };
  const companion = {
    ...honest,
    withdrawals: [clearedOne, clearedThird],
    psbt: planned({ coins: [otherCoin], pays: [one, payThird] }),
  };
  const cleared2 = { ...onlyOne, withdrawals: [cleared(asked[0] as (typeof asked)[0], Date.now() - 60_000)] };
  const unspent = (draft: Draft): Draft => ({
    ...draft,
    withdrawals: draft.withdrawals.map((each) => ({ ...each, anchor: CONTROL_ANCHOR })),
  });
  const signed = { holder: "WITHDRAWAL_ALREADY_SIGNED", past };
  return [
    transaction("the same requests in a second task, with another coin", "ALREADY_PAID", again, signed),
    transaction("one of the requests in a second task, alone", "ALREADY_PAID", onlyOne, signed),
    transaction("one of the requests in a second task, with a companion", "ALREADY_PAID", companion, signed),
    transaction("one of the requests, cleared once more", "ALREADY_PAID", cleared2, signed),
    transaction("a second attempt whose anchor is named but not spent", "ALREADY_PAID", unspent(again), {
      holder: "ANCHOR_MISSING",
      past,
    }),
    transaction(
      "a second attempt that spends the first one's other coin only",
      "ALREADY_PAID",
      { ...honest, psbt: planned({ coins: [secondCoin, otherCoin] }) },
      signed,
    ),
  ];
}

function takingInputs(): readonly Attack[] {
  const taken = (spent: typeof coins): Draft => ({
    ...honest,
    withdrawals: [clearedThird],
    psbt: planned({ coins: spent, pays: [payThird] }),
  });
  const first = { ...honest, withdrawals: [clearedOne], psbt: planned({ coins: [anchorCoin], pays: [one] }) };
  return [
    transaction("all inputs of a signed task, for another withdrawal", "INPUT_IN_USE", taken(coins), {
      holder: "INPUT_ALREADY_SIGNED",
      past,
    }),
    transaction("one input of a signed task, for another withdrawal", "INPUT_IN_USE", taken([otherCoin, secondCoin]), {
      holder: "INPUT_ALREADY_SIGNED",
      past,
    }),
    transaction(
      "the very same transaction, for a withdrawal that asks for the same",
      "INPUT_IN_USE",
      { ...first, withdrawals: [twin] },
      { holder: "TRANSACTION_FOR_OTHERS", past: [first] },
    ),
    transaction(
      "the very same transaction, for one of its withdrawals and another that asks for the same",
      "TRANSACTION_FOR_OTHERS",
      { ...honest, withdrawals: [twin, clearedTwo] },
      { past },
    ),
    transaction(
      "a transaction that pays one who was paid, to take another's coin",
      "INPUT_IN_USE",
      {
        ...honest,
        withdrawals: [clearedOne, clearedTwo],
        psbt: planned({ coins: [anchorCoin, otherCoin], pays: [one, two] }),
      },
      {
        holder: "INPUT_ALREADY_SIGNED",
        past: [honest, { ...taken([otherCoin]), taskId: "task-third" }],
      },
    ),
  ];
}

/** A coin that only one of two versions spends may pay others; nothing else of theirs may, and no anchor ever. */
function sharing(): readonly Attack[] {
  const version = (taskId: string, spent: typeof coins, rate = 2): Draft => ({
    ...{ ...honest, taskId, withdrawals: [clearedOne] },
    psbt: planned({ coins: spent, pays: [one], rate }),
  });
  const without = version("task-without", [anchorCoin]);
  const added = version("task-added", [anchorCoin, secondCoin], 6);
  const versions = [without, added];
  const forThird = (spent: typeof coins): Draft => ({
    ...{ ...honest, taskId: "task-shared", withdrawals: [clearedThird] },
    psbt: planned({ coins: spent, pays: [payThird] }),
  });
  const taken = { holder: "INPUT_ALREADY_SIGNED", past: versions };
  const left = { ...honest, withdrawals: [clearedOne], psbt: planned({ coins: [secondCoin], pays: [one], rate: 8 }) };
  return [
    transaction(
      "a coin that a version does without, as an anchor of others",
      "INPUT_IN_USE",
      forThird([secondCoin]),
      taken,
    ),
    transaction("such a coin as the first of two", "INPUT_IN_USE", forThird([secondCoin, otherCoin]), taken),
    transaction(
      "the anchor of two versions, beside one of others' own",
      "INPUT_IN_USE",
      forThird([otherCoin, anchorCoin]),
      taken,
    ),
    transaction(
      "such a coin and the anchor with it",
      "INPUT_IN_USE",
      forThird([otherCoin, secondCoin, anchorCoin]),
      taken,
    ),
    transaction(
      "such a coin before its version without it was signed",
      "INPUT_IN_USE",
      forThird([otherCoin, secondCoin]),
      {
        ...{ ...taken, past: [added] },
      },
    ),
    transaction(
      "a coin without which only one of two companions was paid",
      "INPUT_IN_USE",
      forThird([otherCoin, secondCoin]),
      {
        ...{ ...taken, past: [honest, without] },
      },
    ),
    transaction("a version that leaves the anchor for such a coin", "ALREADY_PAID", left, {
      ...{ holder: "WITHDRAWAL_ALREADY_SIGNED", past: versions },
    }),
    // The control is among the past: others were really paid from it.
    transaction(
      "such a coin taken back by a third version",
      "INPUT_IN_USE",
      version("task-back", [anchorCoin, secondCoin], 8),
      {
        ...{ ...taken, past: [...versions, forThird([otherCoin, secondCoin])] },
      },
    ),
  ];
}

/** Spends what the first attempt spent, as a fee bump does. */
function bumps(): readonly Attack[] {
  const bump = (...pays: readonly { readonly address: string; readonly amountSat: bigint }[]): Draft => ({
    ...honest,
    psbt: planned({ pays, rate: 8 }),
  });
  const enemy = { address: DESTINATION, amountSat: 60_000n };
  return [
    transaction("a bump that pays another address", "PAYMENT_UNMATCHED", bump({ ...one, address: DESTINATION }, two), {
      past,
    }),
    transaction(
      "a bump that pays a satoshi more",
      "PAYMENT_AMOUNT",
      bump({ ...one, amountSat: one.amountSat + 1n }, two),
      { past },
    ),
    transaction(
      "a bump that pays a satoshi less",
      "PAYMENT_AMOUNT",
      bump(one, { ...two, amountSat: two.amountSat - 1n }),
      { past },
    ),
    transaction("a bump that leaves a payment out", "PAYMENT_MISSING", bump(one), { past }),
    transaction("a bump that pays somebody besides", "PAYMENT_UNMATCHED", bump(one, two, enemy), { past }),
    transaction(
      "a bump with a fee over the cap",
      "FEE_OVER_RATE_CAP",
      { ...honest, psbt: planned({ rate: 21 }) },
      {
        holder: "FEE_RATE_OVER_CAP",
        past,
      },
    ),
  ];
}

/** Over a chain of replacements the anchor stays what it was first. */
function chains(): readonly Attack[] {
  const first = {
    ...honest,
    taskId: "task-first",
    withdrawals: [clearedOne],
    psbt: planned({ coins: [anchorCoin], pays: [one] }),
  };
  const joined = { ...honest, taskId: "task-joined", psbt: planned({ coins: [anchorCoin, secondCoin], rate: 6 }) };
  const alone = { ...honest, withdrawals: [clearedTwo], psbt: planned({ coins: [secondCoin], pays: [two] }) };
  const separate = {
    ...honest,
    taskId: "task-separate",
    withdrawals: [clearedTwo],
    psbt: planned({ coins: [secondCoin], pays: [two] }),
  };
  const merged = { ...honest, psbt: planned({ coins: [anchorCoin, otherCoin], rate: 6 }) };
  const anchored = merged.withdrawals.map((each) => ({
    ...each,
    anchor: each.id === clearedOne.id ? outpointOf(anchorCoin) : outpointOf(secondCoin),
  }));
  return [
    transaction("a companion that joined a replacement, alone with its other coin", "ALREADY_PAID", alone, {
      holder: "WITHDRAWAL_ALREADY_SIGNED",
      past: [first, joined],
    }),
    transaction(
      "two that were paid apart, together with the anchor of one",
      "ALREADY_PAID",
      { ...merged, withdrawals: anchored },
      { holder: "ANCHOR_MISSING", past: [first, separate] },
    ),
  ];
}

/** A fee that is within every cap, taken twice: what leaves the wallet is counted over time. */
function split(): readonly Attack[] {
  const first = {
    ...honest,
    taskId: "task-half",
    withdrawals: [clearedOne],
    psbt: planned({ coins: [anchorCoin], pays: [one], rate: 19 }),
  };
  const second = {
    ...honest,
    withdrawals: [clearedTwo],
    psbt: planned({ coins: [secondCoin], pays: [two], rate: 19 }),
  };
  const limits = makePolicy({ walletWindows: [{ windowMs: 3_600_000, maxSat: "556000" }] });
  return [
    transaction("a fee split over two tasks, each of them within its caps", "WALLET_OUTFLOW", second, {
      holder: {
        outOfReach: "limits over time are semi-offline-risk's; a holder bounds each fee by three caps of its own",
      },
      past: [first],
      limits,
    }),
  ];
}
