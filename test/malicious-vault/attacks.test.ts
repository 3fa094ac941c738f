// A vault in enemy hands, and a broker, and an online database: one thing is changed at a time, and nobody signs it.
import { afterAll, describe, expect, test } from "vitest";
import type { Attack } from "./attack.ts";
import { CLEARANCE_ATTACKS } from "./clearance-attacks.ts";
import { signHonestly } from "./control.ts";
import { ENVELOPE_ATTACKS } from "./envelope-attacks.ts";
import { honest } from "./honest.ts";
import { INSIDE_ATTACKS } from "./inside-attacks.ts";
import { makeParty } from "./party.ts";
import { expectRefused } from "./refused.ts";
import { SECOND_ATTEMPTS } from "./second-attempts.ts";
import { TRANSACTION_ATTACKS } from "./transaction-attacks.ts";

const attacks: readonly Attack[] = [
  ...TRANSACTION_ATTACKS,
  ...SECOND_ATTEMPTS,
  ...CLEARANCE_ATTACKS,
  ...ENVELOPE_ATTACKS,
  ...INSIDE_ATTACKS,
];
/** Has never signed anything, and never will. */
const virgin = makeParty();
/** Has signed the control, and signs it again before every attack. */
const veteran = makeParty();
const count = { controls: 0, byZone: new Set<string>(), byHolders: new Map<string, number>() };

afterAll(() => {
  virgin.close();
  veteran.close();
});

test("every attack has a name of its own", () => {
  const names = attacks.map(({ name }) => name);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

describe("whatever is changed is refused with its own status, before and after the control was signed:", () => {
  test.each(rowsOf((attack) => attack.past === undefined))("%s", (_, attack) => {
    const outcomes = signHonestly(veteran, honest);
    expect(outcomes).toEqual(count.controls === 0 ? ["first", "first", "first"] : ["again", "again", "again"]);
    count.controls += 1;
    for (const party of attack.onlyFresh ? [virgin] : [virgin, veteran]) note(attack, expectRefused(party, attack));
    expect([virgin.memory.ordered, ...virgin.entries()]).toEqual([0, 0, 0, 0]);
    expect([veteran.memory.ordered, ...veteran.entries()]).toEqual([1, 1, 1, 1]);
  });
});

describe("whatever is asked for a second time is refused with its own status:", () => {
  test.each(rowsOf((attack) => attack.past !== undefined))("%s", (_, attack) => {
    const party = makeParty(attack.limits === undefined ? {} : { limits: attack.limits });
    try {
      for (const draft of attack.past ?? []) {
        expect(signHonestly(party, draft)).toEqual(["first", "first", "first"]);
        count.controls += 1;
      }
      note(attack, expectRefused(party, attack));
    } finally {
      party.close();
    }
  });
});

function rowsOf(which: (attack: Attack) => boolean): readonly (readonly [string, Attack])[] {
  return attacks.filter(which).map((attack) => [attack.name, attack]);
}

function note({ name }: Attack, { byZone, byHolders }: ReturnType<typeof expectRefused>): void {
  if (byZone > 0) count.byZone.add(name);
  if (byHolders > 0) count.byHolders.set(name, byHolders);
}

test("so many were really made, and refused by each", () => {
  for (const kind of ["transaction", "seals and envelopes"] as const) {
    const made = attacks.filter((attack) => attack.kind === kind);
    const byZone = made.filter(({ name }) => count.byZone.has(name)).length;
    const byHolders = made.filter(({ name }) => count.byHolders.get(name) === 3).length;
    process.stdout.write(
      `malicious vault: ${made.length} attacks on ${kind}, ${byZone} refused by semi-offline-risk, ${byHolders} by each of 3 holders\n`,
    );
    expect(made.every(({ name }) => count.byZone.has(name) || count.byHolders.has(name))).toBe(true);
    if (kind === "transaction") expect(Math.min(byZone, byHolders)).toBeGreaterThanOrEqual(60);
  }
  process.stdout.write(`malicious vault: controls signed ${count.controls}\n`);
  expect(count.controls).toBeGreaterThanOrEqual(attacks.length);
});
