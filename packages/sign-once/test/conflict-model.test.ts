// The conflict rule, proved for small scopes by visiting every state; and the check itself, proved by bugs that it finds.
import { expect, test } from "vitest";
import { checkConflictRule, type Enemy, type Found, type Scope } from "./conflict-model.ts";
import type { Bug, Candidate } from "./conflict-world.ts";

const X: Candidate = { inputs: "x", pays: "1" };
const Y: Candidate = { inputs: "y", pays: "1" };
/** Replaces X; its first input is Y's, so that whoever names the anchor from the transaction at hand names another. */
const YX: Candidate = { inputs: "yx", pays: "1" };
const XZ_FOR_BOTH: Candidate = { inputs: "xz", pays: "12" };
const Z_FOR_2: Candidate = { inputs: "z", pays: "2" };
/** Pays nobody: an internal transfer of the coin that X spends, of two coins, and of another one. */
const X_INSIDE: Candidate = { inputs: "x", pays: "" };
const XZ_INSIDE: Candidate = { inputs: "xz", pays: "" };
const Z_INSIDE: Candidate = { inputs: "z", pays: "" };

const HOLDER: Enemy = "vault and a holder";
const ZONE: Enemy = "vault and semi-offline-risk";

/** Small enough to be visited to the end. */
const WHOLE: readonly (readonly [Enemy, readonly Candidate[]])[] = [
  [HOLDER, [X, Y]],
  [HOLDER, [XZ_FOR_BOTH, Y]],
  [ZONE, [X, Y]],
  [HOLDER, [X, X_INSIDE]],
];

/** Larger ones, with replacements that are let through: their first states, breadth first. */
const BEGUN: typeof WHOLE = [
  [HOLDER, [X, YX]],
  [HOLDER, [XZ_FOR_BOTH, Z_FOR_2]],
  [HOLDER, [X, Y, YX]],
  [HOLDER, [X, YX, XZ_FOR_BOTH, Z_FOR_2]],
  [ZONE, [X, YX]],
  [ZONE, [X, Y, YX]],
  [HOLDER, [X, YX, XZ_INSIDE]],
  [HOLDER, [X, X_INSIDE, Z_FOR_2, Z_INSIDE]],
  [ZONE, [X, X_INSIDE]],
  [ZONE, [XZ_INSIDE, Z_INSIDE]],
];

/** `CONFLICT_MODEL_STATES=2000000` visits that many states of each scope that is only begun here (docs/PROOFS.md). */
const LARGE = Number(process.env["CONFLICT_MODEL_STATES"] ?? 0);

function check(enemy: Enemy, candidates: readonly Candidate[], more: Partial<Scope> = {}): Found {
  return checkConflictRule({ enemy, candidates, bug: "none", maxStates: 1_000_000, ...more });
}

const nameOf = (candidates: readonly Candidate[]) =>
  candidates.map(({ inputs, pays }) => `${inputs} pays ${pays}`).join(", ");

test("whatever vault with one holder, or with semi-offline-risk, can have completed for a withdrawal conflicts on chain", () => {
  const begun = LARGE > 0 ? BEGUN : BEGUN.slice(0, 1);
  const all = [
    ...WHOLE.map((scope) => ({ scope, maxStates: 1_000_000, whole: true })),
    ...begun.map((scope) => ({ scope, maxStates: Math.max(LARGE, 100_000), whole: false })),
  ];
  let states = 0;
  let replaced = 0;
  const steps = new Map<string, number>();
  for (const { scope, maxStates, whole } of all) {
    const [enemy, candidates] = scope;
    const found = check(enemy, candidates, { maxStates });
    expect(found.counterexample).toBeNull();
    if (whole) expect(found.complete).toBe(true);
    states += found.states;
    replaced += found.replaced;
    for (const [kind, count] of found.steps) steps.set(kind, (steps.get(kind) ?? 0) + count);
    const extent = found.complete ? "all of them" : "the first ones";
    process.stderr.write(`${enemy}; ${nameOf(candidates)}: ${found.states} states, ${extent}, no violation\n`);
  }
  // Not vacuous: replacements were really completed, and everything that can go wrong did.
  expect([...steps.keys()].toSorted()).toEqual([
    ...["answer heard", "commit", "judged", "ordered", "record kept", "record lost", "refused", "settled"],
    ...["signed again", "synced", "written", "zone crashed"],
  ]);
  expect(replaced).toBeGreaterThan(100);
  expect(states).toBeGreaterThan(100_000);
  const taken = JSON.stringify(Object.fromEntries(steps));
  process.stderr.write(`${states} distinct states, ${replaced} with a completed replacement; steps: ${taken}\n`);
}, 3_600_000);

const PLANTED_INSIDE: readonly (readonly [Bug, Enemy, readonly Candidate[]])[] = [
  ["internal transfers are not on record", HOLDER, [X, X_INSIDE]],
  ["journal not synced before the signature", ZONE, [X, X_INSIDE]],
];
const PLANTED: typeof PLANTED_INSIDE = [
  ["anchor not checked", HOLDER, [X, Y]],
  ["anchor not checked", ZONE, [X, Y]],
  ["anchor named again", HOLDER, [X, YX, Y]],
  ["journal not synced before the signature", HOLDER, [X, Y]],
  ["journal not synced before the signature", ZONE, [X, Y]],
  ["journal forgotten at a restart", HOLDER, [X, Y]],
  ["journal forgotten at a restart", ZONE, [X, Y]],
  ["refusal not kept", HOLDER, [X, Y]],
  ["refusal hides a signature", HOLDER, [X, Y]],
  ["ordered before the commit", HOLDER, [X, Y]],
];

test.each(PLANTED)("finds a planted bug: %s, against %s", (bug, enemy, candidates) =>
  expectFound(bug, enemy, candidates, /can be paid twice/),
);

test.each(PLANTED_INSIDE)("finds what lets an internal transfer keep a payment away: %s, against %s", (...planted) =>
  expectFound(...planted, /can be jammed/),
);

function expectFound(bug: Bug, enemy: Enemy, candidates: readonly Candidate[], violation: RegExp): void {
  const { counterexample, states } = check(enemy, candidates, { bug });
  expect(counterexample?.at(-1)).toMatch(violation);
  process.stderr.write(
    `${bug}: found after ${states} states, ${counterexample?.length} steps\n  ${counterexample?.join("\n  ")}\n`,
  );
}
