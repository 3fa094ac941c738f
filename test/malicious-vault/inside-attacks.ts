// Attacks by what says that it pays nobody: to be paid all the same, to keep payouts away, to burn money as fees.
import { type Coin, INDEX_LIMIT, planInternalTransfer } from "@sluice/chains";
import { encodeMessage } from "@sluice/contracts";
import { makePolicy } from "@sluice/second-opinion/fixtures";
import { DESTINATION, OTHER_DESTINATION } from "@sluice/signing-fixtures";
import { closeDraft, openDraft } from "../../packages/chains/test/draft.ts";
import { makeCoin } from "../../packages/chains/test/holders.ts";
import { coins, payments } from "../../packages/chains/test/tampering/index.ts";
import { field, write } from "../journeys/enemy/envelopes.ts";
import { type Attack, transaction } from "./attack.ts";
import { type Draft, honest, NOW_MS, orderOf, otherCoin, planned, seals, wallet } from "./honest.ts";

const [one] = payments;
const [anchorCoin, secondCoin] = coins as [(typeof coins)[0], (typeof coins)[0]];
const [clearedOne] = honest.withdrawals as [(typeof honest.withdrawals)[0]];
const past = [honest];

type Inside = { readonly coins?: readonly Coin[]; readonly indexes?: readonly number[]; readonly rate?: bigint };

function inside({ coins: inputs = [otherCoin], indexes = [8], rate = 2_000n }: Inside = {}): Draft {
  const plan = planInternalTransfer({
    ...{
      wallet: wallet.descriptor,
      inputs,
      outputs: indexes.length,
      changeIndexes: indexes,
      feeRateSatPerKvbyte: rate,
    },
  });
  if (!plan.ok) throw new Error(plan.refusal.detail);
  return { ...honest, taskId: "task-inside", psbt: plan.value.psbt, withdrawals: [] };
}

/** A payout's bytes that say they pay nobody. */
const lying = (address: string): Draft => ({
  ...honest,
  withdrawals: [],
  psbt: planned({ coins: [otherCoin], pays: [{ address, amountSat: 60_000n }] }),
});
const changed = (draft: Draft, change: Parameters<typeof alter>[1]): Draft => ({
  ...draft,
  psbt: alter(draft.psbt, change),
});

function alter(psbt: Uint8Array, change: (parts: ReturnType<typeof openDraft>) => void): Uint8Array {
  const parts = openDraft(psbt);
  change(parts);
  return closeDraft(parts);
}

export const INSIDE_ATTACKS: readonly Attack[] = [...payees(), ...outputs(), ...jams(), ...fees(), ...purposes()];

function payees(): readonly Attack[] {
  return [
    transaction("inside: an output that is not ours", "PAYMENT_UNMATCHED", lying(DESTINATION)),
    transaction("inside: an output to one who was cleared", "PAYMENT_UNMATCHED", {
      ...honest,
      withdrawals: [],
      psbt: planned({ coins: [otherCoin], pays: [one] }),
    }),
    transaction("inside: the whole honest payout, without its clearances", "PAYMENT_UNMATCHED", {
      ...honest,
      withdrawals: [],
    }),
    transaction("inside: two outputs that are not ours", "PAYMENT_UNMATCHED", {
      ...honest,
      withdrawals: [],
      psbt: planned({
        coins: [otherCoin],
        pays: [DESTINATION, OTHER_DESTINATION].map((address) => ({ address, amountSat: 20_000n })),
      }),
    }),
  ];
}

function outputs(): readonly Attack[] {
  return [
    transaction("inside: more outputs than there may be", "INTERNAL_OUTPUTS", inside({ indexes: [1, 2, 3, 4, 5, 6] })),
    transaction(
      "inside: two outputs to one address",
      "INTERNAL_OUTPUTS",
      changed(inside({ indexes: [3, 4] }), (parts) => {
        const [first, second] = parts.transaction.outputs;
        if (first === undefined || second === undefined) throw new Error("there are two");
        Object.assign(second, { scriptPubKey: first.scriptPubKey });
        parts.outputs[1] = parts.outputs[0] ?? [];
      }),
    ),
    transaction(
      "inside: change where nobody will look for it",
      "PAYMENT_UNMATCHED",
      changed(inside({ indexes: [4_000] }), (parts) => {
        parts.outputs[0] = [];
      }),
    ),
    transaction(
      "inside: change that says where nobody will look",
      "OUTPUT_CLAIM_BEYOND_GAP_LIMIT",
      inside({ indexes: [INDEX_LIMIT] }),
    ),
  ];
}

/** What shares a coin with a payout could keep it from ever confirming, and the other way round. */
function jams(): readonly Attack[] {
  const used = { holder: "INPUT_ALREADY_SIGNED", past };
  const payout: Draft = {
    ...honest,
    withdrawals: [clearedOne],
    psbt: planned({ coins: [otherCoin], pays: [one] }),
  };
  const merged = planned({ coins: [anchorCoin, secondCoin, otherCoin], rate: 6 });
  return [
    transaction("inside: over the anchor of a signed payout", "INPUT_IN_USE", inside({ coins: [anchorCoin] }), used),
    transaction(
      "inside: over another coin of a signed payout",
      "INPUT_IN_USE",
      inside({ coins: [otherCoin, secondCoin] }),
      used,
    ),
    transaction("inside: over a coin of a signed internal transfer", "INPUT_IN_USE", inside({ rate: 9_000n }), {
      holder: "INPUT_ALREADY_SIGNED",
      past: [inside()],
    }),
    transaction("a payout over a coin of a signed internal transfer", "INPUT_IN_USE", payout, {
      holder: "INPUT_ALREADY_SIGNED",
      past: [inside()],
    }),
    transaction(
      "a replacement that takes a coin of a signed internal transfer",
      "INPUT_IN_USE",
      { ...honest, psbt: merged },
      { holder: "INPUT_ALREADY_SIGNED", past: [honest, inside()] },
    ),
  ];
}

function fees(): readonly Attack[] {
  const dear = (nth: number): Draft => ({
    ...inside({ coins: [makeCoin(wallet.descriptor, 0, 14 + nth, 900_000n, 20 + nth)], rate: 39_000n }),
    taskId: `task-dear-${nth}`,
  });
  const outOfReach = "limits over time are semi-offline-risk's; a holder bounds each fee by caps of its own";
  const limits = makePolicy({
    internal: {
      ...{ maxFeeSat: "10000", maxFeeRateSatPerVbyte: 40, maxOutputs: 5 },
      windows: [{ windowMs: 3_600_000, maxSat: "17000" }],
    },
  });
  return [
    transaction("inside: a fee rate over the cap", "FEE_OVER_RATE_CAP", inside({ rate: 41_000n }), {
      holder: "FEE_RATE_OVER_CAP",
    }),
    transaction("inside: a fee over the cap", "FEE_OVER_ABSOLUTE_CAP", inside({ rate: 90_000n }), {
      holder: "FEE_OVER_CAP",
    }),
    transaction("inside: fees within every cap, once too often", "INTERNAL_VELOCITY", dear(3), {
      holder: { outOfReach },
      past: [0, 1].map(dear),
      limits,
    }),
    transaction("inside: one more than a day allows", "INTERNAL_VELOCITY", inside(), {
      holder: { outOfReach },
      past: [0, 1, 2].map((nth) => ({
        ...inside({ coins: [makeCoin(wallet.descriptor, 0, 14 + nth, 90_000n, 30 + nth)] }),
        taskId: `task-${nth}`,
      })),
    }),
    transaction("inside: where the bundle knows nothing of it", "INTERNAL_NOT_ALLOWED", inside(), {
      past: [honest],
      limits: makePolicy({ internal: undefined } as never),
      holder: { outOfReach: "a bundle is semi-offline-risk's; a holder's caps are its own" },
    }),
  ];
}

/** A payout is none that says it pays nobody, nor the other way round. */
function purposes(): readonly Attack[] {
  const lie = (name: string, draft: Draft, purpose: string): Attack => ({
    kind: "seals and envelopes",
    name: `purpose: ${name}`,
    task: {
      envelope: () => {
        const { taskId, walletId, psbt, withdrawals } = draft;
        const task = {
          taskId,
          walletId,
          psbt,
          withdrawals: withdrawals.map(({ clearance, attempt }) => ({ clearance, attempt })),
        };
        const honestly = encodeMessage("signing.requested.v1", {
          ...task,
          purpose: withdrawals.length === 0 ? "internal" : "",
        });
        return write(seals.sealer("vault"), {
          ...{ id: "enemy", type: "signing.requested.v1", key: "hot", occurredAtMs: NOW_MS },
          payload: Buffer.concat([honestly, field(5, purpose)]),
        });
      },
      code: "PAYLOAD_MALFORMED",
      about: null,
    },
    order: {
      envelope: (holder) =>
        write(seals.sealer("semi-offline-risk"), {
          ...{ id: "enemy", type: "signing.ordered.v1", key: "hot", occurredAtMs: NOW_MS },
          payload: Buffer.concat([encodeMessage("signing.ordered.v1", orderOf(draft, holder)), field(10, purpose)]),
        }),
      code: "PAYLOAD_MALFORMED",
    },
  });
  return [
    lie("a payout that says it pays nobody", honest, "internal"),
    lie("an internal transfer that does not say so", inside(), ""),
    lie("one that nobody knows", inside(), "gift"),
    lie("one that nobody knows, of a payout", honest, "INTERNAL"),
  ];
}
