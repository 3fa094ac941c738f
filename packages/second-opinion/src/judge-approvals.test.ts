// Approvals in the zone: whose amount needs them, each withdrawal of a batch by itself, and versions of what was ordered.
import type { WithdrawalRequest } from "@sluice/contracts";
import { describe, expect, test } from "vitest";
import {
  approve,
  fund,
  makeApprover,
  makePolicy,
  makeSeals,
  makeTask,
  makeWallet,
  noHistory,
  OTHER_DESTINATION,
  outpointOf,
  type PayoutParts,
  request,
} from "./fixtures.ts";
import { judgeTask, readTask } from "./judge-task.ts";
import type { History } from "./judgement.ts";

const NOW_MS = 1_700_000_000_000;
const seals = makeSeals();
const { wallet } = makeWallet();
const around = { trust: seals.trust, wallets: new Map([["hot", wallet]]) };
const people = ["ann-1", "bob-1", "cyd-1"].map((keyId) => makeApprover(keyId));
const approvers = people.map(({ entry }) => entry);
/** In layers: above 100,000 satoshi two people, above 200,000 three. */
const approvalTiers = [
  { aboveSat: "100000", approvals: 2 },
  { aboveSat: "200000", approvals: 3 },
];
const policy = makePolicy({ approvalTiers, approvers });
const coin = fund(wallet, 900_000n);
const by =
  (count: number) =>
  (body: WithdrawalRequest): ReturnType<typeof approve>[] =>
    people.slice(0, count).map((person) => approve(person, body, NOW_MS));

function verdict(parts: PayoutParts, history: Partial<History> = {}, rules = policy) {
  const reading = readTask(makeTask(seals, wallet, { coins: [coin], clearedAtMs: NOW_MS, ...parts }), around);
  if (reading.kind === "refuse") throw new Error(JSON.stringify(reading.findings));
  const judged = judgeTask(reading.read, rules, { ...noHistory(NOW_MS), ...history }, NOW_MS);
  return judged.kind === "sign" ? [] : judged.findings.map(({ withdrawalId, rule }) => [withdrawalId, rule]);
}

const of = (amount: string, count: number) => verdict({ requests: [request("w1", { amount })], approvals: by(count) });

describe("approvals in the zone", () => {
  test("are asked for in layers, above each amount exactly", () => {
    expect([of("100000", 0), of("100001", 2), of("200000", 2), of("200001", 3)]).toEqual([[], [], [], []]);
    const missing = [["w1", "APPROVALS_MISSING"]];
    expect([of("100001", 0), of("100001", 1), of("200001", 2)]).toEqual([missing, missing, missing]);
    expect(verdict({ requests: [request("w1", { amount: "200001" })] }, {}, makePolicy())).toEqual([]);
  });

  test("say in plain words how many are missing, and of whom there are some", () => {
    const task = makeTask(seals, wallet, {
      ...{ coins: [coin], clearedAtMs: NOW_MS, requests: [request("w1", { amount: "200001" })], approvals: by(2) },
    });
    const reading = readTask(task, around);
    const judged = reading.kind === "read" && judgeTask(reading.read, policy, noHistory(NOW_MS), NOW_MS);
    expect(judged).toMatchObject({
      findings: [
        {
          reason: "2 of 3 people have approved this request",
          evidence: { required: "3", approved: "2", people: "ann bob", amountSat: "200001" },
        },
      ],
    });
  });

  test("belong to one withdrawal of a batch each: those that lack some are named, and no other", () => {
    const requests = [
      request("w1", { amount: "150000" }),
      request("w2", { amount: "210000", address: OTHER_DESTINATION }),
      request("w3", { amount: "90000" }),
      request("w4", { amount: "160000" }),
    ];
    expect(verdict({ requests, approvals: by(3) })).toEqual([]);
    expect(verdict({ requests, approvals: by(2) })).toEqual([["w2", "APPROVALS_MISSING"]]);
    const borrowed = (body: WithdrawalRequest) => by(3)(body.id === "w4" ? (requests[0] as WithdrawalRequest) : body);
    expect(verdict({ requests, approvals: borrowed })).toEqual([["w4", "APPROVAL_OTHER_WITHDRAWAL"]]);
    const none = (body: WithdrawalRequest) => (body.id === "w1" || body.id === "w2" ? [] : by(3)(body));
    expect(verdict({ requests, approvals: none })).toEqual([
      ["w1", "APPROVALS_MISSING"],
      ["w2", "APPROVALS_MISSING"],
    ]);
  });

  test("count once for a withdrawal: a version of the same payment is not judged anew, another payment never passes", () => {
    const body = request("w1", { amount: "150000" });
    const first = makeTask(seals, wallet, { coins: [coin], requests: [body], clearedAtMs: NOW_MS, approvals: by(2) });
    const reading = readTask(first, around);
    if (reading.kind !== "read") throw new Error("the control reads");
    const [due] = reading.read.due;
    const earlier = { anchor: outpointOf(coin), taskId: "t0", txid: first.txid };
    const paid = new Map([["w1", { ...earlier, scriptHex: due?.scriptHex ?? "", amountSat: 150_000n }]]);
    const history = { paid, spenders: [{ taskId: "t0", txid: first.txid, withdrawalIds: ["w1"] }] };
    // By a bundle of which the approvers are gone, or that came after the first version.
    const revoked = makePolicy({ approvalTiers, approvers: approvers.map((each) => ({ ...each, revoked: true })) });
    const bumped = { feeRateSatPerVbyte: 9, requests: [body], approvals: by(2) };
    expect(verdict(bumped, history, revoked)).toEqual([]);
    expect(verdict(bumped, {}, revoked)).toEqual([["w1", "APPROVAL_KEY_REVOKED"]]);
    const changed = [["w1", "WITHDRAWAL_CHANGED"]];
    const larger = { ...bumped, requests: [{ ...body, amount: "150001" }], approvals: by(3) };
    const elsewhere = { ...bumped, requests: [{ ...body, address: OTHER_DESTINATION }], approvals: by(3) };
    expect([verdict(larger, history), verdict(elsewhere, history)]).toEqual([changed, changed]);
  });
});
