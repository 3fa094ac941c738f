// The conflict rule: rows in the order of the checks, then properties over any sequence of orders.
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decideSigning, SIGN_ONCE_REFUSALS, SignedHistory, type SigningIntent } from "./sign-once.ts";

const coin = (letter: string) => `${letter.repeat(64)}:0`;
const [A, B, C, D] = ["a", "b", "c", "d"].map(coin) as [string, string, string, string];

type Draft = {
  readonly tx: number;
  readonly inputs: readonly string[];
  readonly pays: Readonly<Record<string, string>>;
};

function intent({ tx, inputs, pays }: Draft): SigningIntent {
  return {
    taskId: `task-${tx}`,
    walletId: "hot",
    transactionId: tx.toString(16).padStart(64, "0"),
    inputs,
    withdrawals: Object.entries(pays).map(([withdrawalId, anchor]) => ({ withdrawalId, anchor })),
  };
}

function after(...drafts: readonly Draft[]): SignedHistory {
  const history = new SignedHistory();
  history.add({ taskId: REFUSED_TASK, refused: "FEE_OVER_CAP" });
  for (const draft of drafts) {
    expect(decideSigning(history, intent(draft))).toEqual({ ok: true, value: "first" });
    history.add(intent(draft));
  }
  return history;
}

const REFUSED_TASK = "refused before";

const first: Draft = { tx: 1, inputs: [A, B], pays: { w1: A, w2: A } };
/** Another version of it, which does without B. */
const without: Draft = { tx: 2, inputs: [A], pays: { w1: A, w2: A } };
/** For others, with the coin that only the first version spends. */
const beside: Draft = { tx: 3, inputs: [C, B], pays: { w3: C } };

describe("decideSigning permits", () => {
  test.each<[string, readonly Draft[], Draft, string]>([
    ["what is new", [], first, "first"],
    ["the same again, because the answer got lost", [first], first, "again"],
    ["the same again after its replacement", [first, { tx: 2, inputs: [A], pays: { w1: A } }], first, "again"],
    ["a fee bump that spends the anchor", [first], { tx: 2, inputs: [A, C], pays: { w1: A, w2: A } }, "first"],
    ["one withdrawal of the batch alone, under its anchor", [first], { tx: 2, inputs: [A], pays: { w1: A } }, "first"],
    ["a companion under its own anchor", [first], { tx: 2, inputs: [C, A], pays: { w1: A, w3: C } }, "first"],
    ["other coins for other withdrawals", [first], { tx: 2, inputs: [C], pays: { w3: C } }, "first"],
    ["a coin that a version does without, beside an anchor", [first, without], beside, "first"],
    [
      "a replacement of what has such a coin",
      [first, without, beside],
      { ...beside, tx: 5, inputs: [C, B, D] },
      "first",
    ],
    [
      "it once more when those others can do without it too",
      [first, without, beside, { ...beside, tx: 4, inputs: [C] }],
      { tx: 5, inputs: [D, B], pays: { w4: D } },
      "first",
    ],
  ])("%s", (_, past, next, value) => {
    expect(decideSigning(after(...past), intent(next))).toEqual({ ok: true, value });
  });
});

describe("decideSigning refuses", () => {
  const rows: readonly [keyof typeof SIGN_ONCE_REFUSALS, readonly Draft[], SigningIntent][] = [
    [
      "WITHDRAWAL_DUPLICATE",
      [],
      { ...intent(first), withdrawals: [...intent(first).withdrawals, { withdrawalId: "w1", anchor: A }] },
    ],
    ["TASK_REFUSED_BEFORE", [], { ...intent(first), taskId: REFUSED_TASK }],
    ["TRANSACTION_FOR_OTHERS", [first], intent({ ...first, pays: { w1: A, w3: A } })],
    ["TRANSACTION_FOR_OTHERS", [first], intent({ ...first, pays: { w1: A } })],
    ["TRANSACTION_FOR_OTHERS", [first], intent({ ...first, pays: { w1: A, w2: B } })],
    ["TRANSACTION_FOR_OTHERS", [first], intent({ ...first, inputs: [A] })],
    ["WITHDRAWAL_ALREADY_SIGNED", [first], intent({ tx: 2, inputs: [C], pays: { w1: C } })],
    ["WITHDRAWAL_ALREADY_SIGNED", [first], intent({ tx: 2, inputs: [B], pays: { w1: B } })],
    ["ANCHOR_CHANGED", [first], intent({ tx: 2, inputs: [A, C], pays: { w1: C } })],
    ["ANCHOR_MISSING", [first], intent({ tx: 2, inputs: [B, C], pays: { w1: A } })],
    ["ANCHOR_MISSING", [], intent({ tx: 2, inputs: [B], pays: { w9: A } })],
    ["INPUT_ALREADY_SIGNED", [first], intent({ tx: 2, inputs: [A], pays: { w3: A } })],
    ["INPUT_ALREADY_SIGNED", [first], intent(beside)],
    ["INPUT_ALREADY_SIGNED", [first, without], intent({ ...beside, inputs: [B, C], pays: { w3: B } })],
    ["INPUT_ALREADY_SIGNED", [first, without], intent({ ...beside, inputs: [C, A] })],
    ["INPUT_ALREADY_SIGNED", [first, without], intent({ ...beside, pays: {} })],
    ["INPUT_ALREADY_SIGNED", [first, { ...without, pays: { w1: A } }], intent(beside)],
    // What was shared is not taken back, unless the others can do without it in their turn.
    ["INPUT_ALREADY_SIGNED", [first, without, beside], intent({ ...first, tx: 5, inputs: [A, B, D] })],
    ["INPUT_ALREADY_SIGNED", [{ tx: 1, inputs: [B], pays: {} }], intent(beside)],
    [
      "INPUT_ALREADY_SIGNED",
      [first, { tx: 2, inputs: [D], pays: { w4: D } }],
      intent({ tx: 3, inputs: [A, D], pays: { w1: A } }),
    ],
  ];

  test.each(rows)("%s", (code, past, next) => {
    expect(decideSigning(after(...past), next)).toMatchObject({ ok: false, refusal: { code } });
  });

  test("with every code, in the order of the checks", () => {
    expect([...new Set(rows.map(([code]) => code))]).toEqual(Object.keys(SIGN_ONCE_REFUSALS));
  });
});

// Few coins and few withdrawals, so that attempts meet each other all the time.
const coins = ["a", "b", "c", "d", "e"].map(coin);
const anIntent = fc
  .record({
    inputs: fc.uniqueArray(fc.constantFrom(...coins), { minLength: 1, maxLength: 3 }),
    pays: fc.uniqueArray(fc.constantFrom("w1", "w2", "w3", "w4"), { minLength: 1, maxLength: 3 }),
    anchors: fc.array(fc.constantFrom(...coins), { minLength: 3, maxLength: 3 }),
    spendsAnchors: fc.boolean(),
    salt: fc.nat(2),
  })
  .map(({ inputs, pays, anchors, spendsAnchors, salt }): SigningIntent => {
    const named = pays.map((withdrawalId, at) => ({ withdrawalId, anchor: anchors[at] ?? "" }));
    const all = spendsAnchors ? [...new Set([...named.map(({ anchor }) => anchor), ...inputs])] : inputs;
    return {
      taskId: `task-${salt}`,
      walletId: "hot",
      transactionId: idOf([all, pays, salt]),
      inputs: all,
      withdrawals: named,
    };
  });

/** Each withdrawal under an anchor of its own, with further coins among which are other withdrawals' anchors. */
const anchored = fc
  .record({
    pays: fc.uniqueArray(fc.constantFrom("w1", "w2", "w3"), { minLength: 1, maxLength: 2 }),
    more: fc.uniqueArray(fc.constantFrom(...coins), { maxLength: 2 }),
  })
  .map(({ pays, more }): SigningIntent => {
    const withdrawals = pays.map((withdrawalId) => ({
      withdrawalId,
      anchor: coins[Number(withdrawalId[1]) - 1] ?? "",
    }));
    const inputs = [...new Set([...withdrawals.map(({ anchor }) => anchor), ...more])];
    return { taskId: "task", walletId: "hot", transactionId: idOf([inputs, pays]), inputs, withdrawals };
  });

/** An id that, like a transaction's, no other content has. */
function idOf(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}

/** What a holder signed, and how often each answer fell, for a sequence of orders. */
function run(intents: readonly SigningIntent[]) {
  const history = new SignedHistory();
  const signed: SigningIntent[] = [];
  const counts = new Map<string, number>();
  for (const next of intents) {
    const decision = decideSigning(history, next);
    const answer = decision.ok ? decision.value : decision.refusal.code;
    counts.set(answer, (counts.get(answer) ?? 0) + 1);
    if (!decision.ok) continue;
    if (decision.value === "first") history.add(next);
    signed.push(next);
  }
  return { history, signed, counts };
}

const pays = (one: SigningIntent, withdrawalId: string) => one.withdrawals.some((w) => w.withdrawalId === withdrawalId);

describe("over any sequence of orders", () => {
  test("all that is signed for one withdrawal spends one common outpoint, and every answer really falls", () => {
    const total = new Map<string, number>();
    fc.assert(
      fc.property(fc.array(anIntent, { minLength: 2, maxLength: 25 }), (intents) => {
        const { signed, counts } = run(intents);
        for (const [answer, count] of counts) total.set(answer, (total.get(answer) ?? 0) + count);
        for (const withdrawalId of ["w1", "w2", "w3", "w4"]) {
          const attempts = signed.filter((one) => pays(one, withdrawalId));
          const [one, ...others] = attempts;
          const common = (one?.inputs ?? []).filter((input) => others.every(({ inputs }) => inputs.includes(input)));
          if (attempts.length > 0) expect(common).not.toEqual([]);
        }
      }),
      { numRuns: 2_000 },
    );
    expect([...total.keys()].toSorted()).toEqual(
      expect.arrayContaining([
        "ANCHOR_CHANGED",
        "ANCHOR_MISSING",
        "INPUT_ALREADY_SIGNED",
        "WITHDRAWAL_ALREADY_SIGNED",
        "first",
      ]),
    );
  });

  test("whatever was signed may be signed again, unchanged, and is then no new record", () => {
    fc.assert(
      fc.property(fc.array(anIntent, { minLength: 1, maxLength: 15 }), (intents) => {
        const { history, signed } = run(intents);
        for (const one of signed) expect(decideSigning(history, one)).toEqual({ ok: true, value: "again" });
      }),
    );
  });

  test("what two transactions without a common withdrawal share is nobody's anchor, and one of them has a version without it", () => {
    let shared = 0;
    fc.assert(
      fc.property(fc.array(fc.oneof(anchored, anIntent), { minLength: 2, maxLength: 25 }), (intents) => {
        const { signed } = run(intents);
        for (const [at, one] of signed.entries()) {
          for (const other of signed.slice(at + 1)) {
            if (one.withdrawals.some(({ withdrawalId }) => pays(other, withdrawalId))) continue;
            const common = one.inputs.filter((input) => other.inputs.includes(input));
            if (common.length > 0) shared += 1;
            const anchors = [...one.withdrawals, ...other.withdrawals].map(({ anchor }) => anchor);
            expect(common.filter((input) => anchors.includes(input))).toEqual([]);
            const isSpared = (input: string, from: SigningIntent) =>
              signed.some(
                (version) =>
                  !version.inputs.includes(input) &&
                  from.withdrawals.every(({ withdrawalId }) => pays(version, withdrawalId)),
              );
            expect(common.every((input) => isSpared(input, one) || isSpared(input, other))).toBe(true);
          }
        }
      }),
      { numRuns: 2_000 },
    );
    expect(shared).toBeGreaterThan(30);
  });

  // Vault and one holder in enemy hands: the enemy's holder signs everything, the orders' anchors are named once by
  // semi-offline-risk, and each of the two honest holders sees any part of the orders in any order.
  test("with one bad holder of three, all that two holders signed for one withdrawal conflicts", () => {
    let complete = 0;
    const anchors = fc.array(fc.constantFrom(...coins), { minLength: 4, maxLength: 4 });
    const delivery = fc.record({ intent: anIntent, toA: fc.boolean(), toB: fc.boolean() });
    fc.assert(
      fc.property(anchors, fc.array(delivery, { minLength: 2, maxLength: 20 }), (named, deliveries) => {
        const orders = deliveries.map(({ intent: { withdrawals, ...rest }, toA, toB }) => {
          const anchored = withdrawals.map(({ withdrawalId }) => ({
            withdrawalId,
            anchor: named[Number(withdrawalId.slice(1)) - 1] ?? "",
          }));
          const inputs = [...new Set([...anchored.map(({ anchor }) => anchor), ...rest.inputs])];
          const transactionId = Buffer.from(JSON.stringify([inputs, anchored]))
            .toString("hex")
            .slice(-64);
          return { order: { ...rest, transactionId, inputs, withdrawals: anchored }, toA, toB };
        });
        const byA = run(orders.filter(({ toA }) => toA).map(({ order }) => order)).signed;
        const byB = run(orders.filter(({ toB }) => toB).map(({ order }) => order)).signed;
        const completed = [...byA, ...byB];
        complete += completed.length;
        for (const one of completed) {
          for (const other of completed) {
            const shared = one.withdrawals.some(({ withdrawalId }) => pays(other, withdrawalId));
            if (shared) expect(one.inputs.some((input) => other.inputs.includes(input))).toBe(true);
          }
        }
      }),
      { numRuns: 500 },
    );
    expect(complete).toBeGreaterThan(500);
  });
});
