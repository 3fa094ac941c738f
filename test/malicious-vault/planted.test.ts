// The suite's own test: whoever has one check less signs exactly the rows that this check is there for.

import { createTrust } from "@sluice/contracts";
import { judgeTask } from "@sluice/second-opinion";
import { makePolicy } from "@sluice/second-opinion/fixtures";
import { SignedHistory } from "@sluice/sign-once";
import { expect, test } from "vitest";
import type { Attack } from "./attack.ts";
import { CLEARANCE_ATTACKS } from "./clearance-attacks.ts";
import { signHonestly } from "./control.ts";
import { openGenerator, REAL_JUDGES } from "./generated.ts";
import { honest, trustFile } from "./honest.ts";
import { seeded } from "./mutate.ts";
import { makeParty, type Parts } from "./party.ts";
import { expectRefused } from "./refused.ts";
import { SECOND_ATTEMPTS } from "./second-attempts.ts";
import { TRANSACTION_ATTACKS } from "./transaction-attacks.ts";

/** The rules whose findings are taken for none. */
const blindTo =
  (...rules: readonly string[]): typeof judgeTask =>
  (...given) => {
    const judgement = judgeTask(...given);
    const found = judgement.kind === "sign" ? [] : judgement.findings;
    return found.every(({ rule }) => rules.includes(rule)) ? { kind: "sign" } : judgement;
  };
const unrevoked = createTrust(trustFile.map((entry) => ({ ...entry, revoked: false })));
const anyFee = makePolicy({ maxFeeSat: "1000000000", maxFeeRateSatPerVbyte: 1_000_000, maxFeePercent: 100 });

const PLANTED: readonly (readonly [bug: string, parts: Parts, signed: readonly string[]])[] = [
  [
    "semi-offline-risk without the check of amounts",
    { judge: blindTo("PAYMENT_AMOUNT") },
    ["a satoshi more", "a satoshi less", "two payments' amounts swapped", "a bump that pays a satoshi more"],
  ],
  [
    "semi-offline-risk without the check of who is paid",
    { judge: blindTo("PAYMENT_UNMATCHED") },
    ["the first payment redirected", "an output added out of the change", "a bump that pays somebody besides"],
  ],
  [
    "semi-offline-risk without a memory",
    { remembers: false },
    ["the same requests in a second task, with another coin", "one input of a signed task, for another withdrawal"],
  ],
  ["semi-offline-risk without caps on fees", { limits: anyFee }, ["the change to the fee", "a fee rate over the cap"]],
  [
    "semi-offline-risk that takes revoked keys",
    { trust: unrevoked },
    ["a clearance by online-risk's revoked key", "a clearance of a request by the backend's revoked key"],
  ],
  [
    "a holder without its journal",
    { holder: (holder) => ({ ...holder, journal: forgetful(holder.journal) }) },
    ["the same requests in a second task, with another coin", "one input of a signed task, for another withdrawal"],
  ],
  [
    "a holder without caps on fees",
    {
      holder: (holder) => ({
        ...holder,
        policy: {
          ...holder.policy,
          caps: { ...holder.policy.caps, maxFeeSat: 10n ** 9n, maxFeeRateSatPerKvbyte: 10n ** 9n, maxFeePercent: 100 },
        },
      }),
    },
    ["the change to the fee", "a fee rate over the cap", "a bump with a fee over the cap"],
  ],
  [
    "a holder that takes revoked keys",
    { holder: (holder) => ({ ...holder, policy: { ...holder.policy, trust: unrevoked } }) },
    ["a clearance by online-risk's revoked key", "a clearance of a request by the backend's revoked key"],
  ],
];

test.each(PLANTED)("%s fails its rows, and the control is signed all the same", (_, parts, signed) => {
  const rows = [...TRANSACTION_ATTACKS, ...SECOND_ATTEMPTS, ...CLEARANCE_ATTACKS].filter(
    ({ name, limits }) => signed.includes(name) || (limits === undefined && name.length % 31 === 0),
  );
  const failed = rows.filter((attack) => !isRefusedAsItSays(attack, parts)).map(({ name }) => name);
  expect(failed).toEqual(expect.arrayContaining([...signed]));
  // A check less is not every check less.
  expect(failed.length).toBeLessThan(rows.length / 2);
});

function isRefusedAsItSays(attack: Attack, parts: Parts): boolean {
  const party = makeParty(parts);
  try {
    for (const draft of attack.past ?? []) signHonestly(party, draft);
    expectRefused(party, attack);
    if (attack.past === undefined) signHonestly(party, honest);
    return true;
  } catch {
    return false;
  } finally {
    party.close();
  }
}

/** Writes everything down, and looks nothing up. */
function forgetful<T extends { readonly history: SignedHistory }>(journal: T): T {
  return new Proxy(journal, {
    get: (target, name) => {
      if (name === "history") return new SignedHistory();
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const BLIND: readonly (readonly [string, Partial<typeof REAL_JUDGES>])[] = [
  ["semi-offline-risk without the check of amounts", { judgeTask: blindTo("PAYMENT_AMOUNT") }],
  ["semi-offline-risk without the check of who is paid", { judgeTask: blindTo("PAYMENT_UNMATCHED") }],
  ["a holder without its journal", { decideSigning: () => ({ ok: true, value: "first" }) }],
  [
    "a holder that does not look whose order it is",
    { judgeOrder: (order, policy) => REAL_JUDGES.judgeOrder({ ...order, holder: policy.holder }, policy) },
  ],
  ["semi-offline-risk that refuses what has no witness UTXO", { readTask: demandingWitnessUtxo }],
];

test.each(BLIND)("%s judges some generated change wrongly", (_, planted) => {
  const generator = openGenerator({ ...REAL_JUDGES, ...planted });
  try {
    const random = seeded(7);
    for (let nth = 0; nth < 4_000; nth += 1) {
      const { zone, zoneShould, holder, holderShould } = generator.next(random, nth);
      if (zone !== null && (zone === "sign") !== zoneShould) return;
      if (holder !== null && (holder === "sign") !== holderShould) return;
    }
    throw new Error("4,000 changes did not find it");
  } finally {
    generator.party.close();
  }
});

/** Equal in meaning and refused all the same is wrong too. */
function demandingWitnessUtxo(
  ...given: Parameters<typeof REAL_JUDGES.readTask>
): ReturnType<typeof REAL_JUDGES.readTask> {
  const [task] = given;
  const claims = Buffer.from(task.psbt).includes(Buffer.of(0x01, 0x01, 0x2b));
  if (claims) return REAL_JUDGES.readTask(...given);
  const finding = { withdrawalId: "", rule: "WITNESS_UTXO_MISSING", reason: "", evidence: {} };
  return { kind: "refuse", findings: [finding], withdrawals: [], txid: "" };
}
