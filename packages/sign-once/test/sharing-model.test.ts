// Coins that only a losing version spent: first that the old rule ties them for ever, then that the new one frees them and pays
// nobody twice, then that the check finds what is planted.
import { expect, test } from "vitest";
import type { Bug, Candidate } from "./conflict-world.ts";
import { checkSharing, type Shared, type SharingScope } from "./sharing-model.ts";

const A: Candidate = { inputs: "a", pays: "1" };
/** A replacement of it that adds a coin. */
const AX: Candidate = { inputs: "ax", pays: "1" };
const AXY: Candidate = { inputs: "axy", pays: "1" };
/** It leaves the anchor. */
const X_FOR_1: Candidate = { inputs: "x", pays: "1" };
/** Others, from the coin that only AX adds: beside an anchor of their own, or as their anchor. */
const BX_FOR_2: Candidate = { inputs: "bx", pays: "2" };
const BXZ_FOR_2: Candidate = { inputs: "bxz", pays: "2" };
const X_FOR_2: Candidate = { inputs: "x", pays: "2" };
const BA_FOR_2: Candidate = { inputs: "ba", pays: "2" };
const X_INSIDE: Candidate = { inputs: "x", pays: "" };
const BATCH: Candidate = { inputs: "a", pays: "12" };
const BATCH_X: Candidate = { inputs: "ax", pays: "12" };
const BX_FOR_3: Candidate = { inputs: "bx", pays: "3" };

const pays = (candidates: readonly Candidate[], id: string) => (chain: string) =>
  [...chain].some((task) => candidates[Number(task)]?.pays.includes(id));
const nameOf = (candidates: readonly Candidate[]) =>
  candidates.map(({ inputs, pays: ids }) => `${inputs}>${ids}`).join(" ");

function check(scope: SharingScope): Shared {
  const found = checkSharing(scope);
  process.stderr.write(
    `${scope.bug ?? "the rule"}, against ${scope.enemy}; ${nameOf(scope.candidates)}: ${found.states} states, ${found.transitions} steps, ` +
      `${found.sharing} with a shared coin${found.violation === null ? "" : `; ${found.violation.join("; ")}`}\n`,
  );
  return found;
}

const HONEST = [A, AX, BX_FOR_2];
const IS_LARGE = process.env["SHARING_MODEL_LARGE"] === "1";
const honest = { enemy: "nobody", candidates: HONEST, after: { 2: 0 }, lost: IS_LARGE } as const;

test("the old rule ties the coin: the original is final, nothing of it can confirm any more, and nobody is ever paid from it", () => {
  const found = check({ ...honest, bug: "a coin serves one group for ever" });
  expect(found.violation).toBeNull();
  const lost = found.canReach((chain) => chain.includes("0"), pays(HONEST, "2"));
  expect(lost?.at(-1)).toBe("a for 1 confirms");
  process.stderr.write(`  tied after: ${lost?.join("; ")}\n`);
});

test("the new rule frees it, whichever holders signed what: from each state everybody can still be paid", () => {
  const found = check(honest);
  expect(found.violation).toBeNull();
  expect(found.sharing).toBeGreaterThan(100);
  expect(found.canReach((chain) => chain.includes("0"), pays(HONEST, "2"))).toBeNull();
  expect(found.canReach(() => true, pays(HONEST, "1"))).toBeNull();
});

const ENEMIES: readonly (readonly [SharingScope["enemy"], readonly Candidate[]])[] = [
  ["vault and a holder", [A, AX, BX_FOR_2]],
  ["vault and semi-offline-risk", [A, AX, BX_FOR_2]],
];
/** `SHARING_MODEL_LARGE=1` visits all states of these too (docs/PROOFS.md). */
const LARGE: typeof ENEMIES = [
  ["vault and a holder", [A, AX, X_FOR_2]],
  ["vault and a holder", [A, AX, X_INSIDE]],
  ["vault and a holder", [BATCH, BATCH_X, BX_FOR_3]],
  ["vault and a holder", [AX, BX_FOR_2, X_FOR_1]],
  ["vault and a holder", [AX, BX_FOR_2, BXZ_FOR_2]],
  ["vault and a holder", [A, AX, AXY]],
  ["vault and semi-offline-risk", [A, AX, BX_FOR_2, X_FOR_1]],
  ["vault and semi-offline-risk", [A, AX, AXY, BX_FOR_2]],
  ["vault and semi-offline-risk", [A, AX, BX_FOR_2, X_FOR_2]],
  ["vault and semi-offline-risk", [A, AX, X_FOR_2, BA_FOR_2]],
];

test("whatever vault with one holder, or with semi-offline-risk, has signed: nobody is paid twice, and no anchor is shared", () => {
  const all = IS_LARGE ? [...ENEMIES, ...LARGE] : ENEMIES;
  let sharing = 0;
  let states = 0;
  for (const [enemy, candidates] of all) {
    const found = check({ enemy, candidates, refusing: IS_LARGE ? "a and b" : "a" });
    expect(found.violation).toBeNull();
    sharing += found.sharing;
    states += found.states;
  }
  expect(sharing).toBeGreaterThan(1_000);
  process.stderr.write(`${states} states in all, ${sharing} with a shared coin\n`);
}, 3_600_000);

const PLANTED: readonly (readonly [Bug, SharingScope["enemy"], readonly Candidate[], RegExp])[] = [
  ["an anchor is shared", "vault and a holder", [A, BA_FOR_2], /share an anchor/],
  ["an anchor is shared", "vault and a holder", [A, AX, X_FOR_2], /share an anchor/],
  ["an anchor is shared", "vault and semi-offline-risk", [A, BA_FOR_2], /share an anchor/],
  ["spared by what was only ordered", "vault and a holder", [A, AX, BX_FOR_2], /share what no version does without/],
  ["anchor not checked", "vault and a holder", [A, AX, X_FOR_1], /can both confirm/],
  ["anchor not checked", "vault and semi-offline-risk", [A, AX, X_FOR_1], /can both confirm/],
  ["anchor named again", "vault and a holder", [AX, X_FOR_1, A], /can both confirm/],
];

test.each(PLANTED)("finds a planted bug: %s, against %s", (bug, enemy, candidates, fault) => {
  const { violation } = check({ bug, enemy, candidates });
  expect(violation?.at(-1)).toMatch(fault);
});
