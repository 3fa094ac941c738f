// Attacks on what people approve: online-risk is in enemy hands, with vault, and the amounts need approvals.
import type { RequestParts, SignedRequest, WithdrawalRequest } from "@sluice/contracts";
import { readApprovals } from "@sluice/contracts";
import { makePolicy } from "@sluice/second-opinion/fixtures";
import { approve, clear, DESTINATION, makeApprover, request } from "@sluice/signing-fixtures";
import { type Attack, sealed } from "./attack.ts";
import { asked, type Draft, honest, NOW_MS, planned, seals } from "./honest.ts";
import type { Parts } from "./party.ts";

const HOUR_MS = 3_600_000;
/** Longer than the zone lets a clearance be old, and the holders too. */
const LONG_MS = 30 * 24 * HOUR_MS;
const [ann, ann2, bob, cyd] = [
  ...[makeApprover("ann-1"), makeApprover("ann-2"), makeApprover("bob-1"), makeApprover("cyd-1")],
] as const;
/** Nobody's in the zone, whatever online-risk lists; and one that the zone has taken off. */
const [dan, eve] = [makeApprover("dan-1"), makeApprover("eve-1", { revoked: true })] as const;
const approvers = [ann, ann2, bob, cyd, eve].map(({ entry }) => entry);
/** In layers: w-1 of 250,000 satoshi needs two people, w-2 of 300,000 three. */
const tiers = [
  { aboveSat: "249999", approvals: 2 },
  { aboveSat: "299999", approvals: 3 },
];
const approvals = readApprovals({
  approvalTiers: tiers.map((tier) => ({ ...tier, aboveSat: BigInt(tier.aboveSat) })),
  approvers,
});

/** Zone and holders that ask for approvals by lists of their own. */
export const APPROVING: Parts = {
  limits: makePolicy({ approvalTiers: tiers, approvers }),
  holder: (holder) => {
    const { policy } = holder;
    return { ...holder, policy: { ...policy, caps: { ...policy.caps, approvals } } };
  },
};

const [first, second] = asked as [WithdrawalRequest, WithdrawalRequest];
type Approving = (body: WithdrawalRequest) => readonly SignedRequest[];
const by =
  (...people: readonly Parameters<typeof approve>[0][]): Approving =>
  (body) =>
    people.map((person) => approve(person, body, NOW_MS));

function draftOf(approvingFirst: Approving, approvingSecond: Approving = by(ann, bob, cyd)): Draft {
  const cleared = (body: WithdrawalRequest, approving: Approving) => {
    return { id: body.id, clearance: clear(seals, body, NOW_MS, approving(body)), attempt: 1 };
  };
  return { ...honest, withdrawals: [cleared(first, approvingFirst), cleared(second, approvingSecond)] };
}

/** Two people have approved the one, three the other. */
export const APPROVED = draftOf(by(ann, bob));

const row = (name: string, code: string, approving: Approving): Attack =>
  sealed(`a withdrawal ${name}`, code, draftOf(approving), { onlyFresh: true });
/** Bob's approval is good, and beside it stands this one of ann's. */
const beside = (name: string, code: string, made: (body: WithdrawalRequest) => SignedRequest): Attack =>
  row(name, code, (body) => [made(body), approve(bob, body, NOW_MS)]);
const about = (name: string, code: string, changes: Partial<RequestParts>): Attack =>
  beside(name, code, (body) => approve(ann, body, NOW_MS, changes));
const altered = (name: string, code: string, changes: Partial<SignedRequest>): Attack =>
  beside(name, code, (body) => ({ ...approve(ann, body, NOW_MS), ...changes }));
const forgery = { keyId: "ann-1", privateKey: dan.privateKey };
const backend = seals.sealer("exchange-backend");

export const APPROVAL_ATTACKS: readonly Attack[] = [
  row("that nobody approved", "APPROVALS_MISSING", by()),
  row("that one of two approved", "APPROVALS_MISSING", by(bob)),
  sealed("a larger one that two of three approved", "APPROVALS_MISSING", draftOf(by(ann, bob), by(ann, bob)), {
    onlyFresh: true,
  }),
  row("that one person approved with two keys", "APPROVAL_PERSON_TWICE", by(ann, ann2)),
  row("that one key approved twice", "APPROVAL_KEY_TWICE", by(ann, ann)),
  beside("with an approval of another withdrawal", "APPROVAL_OTHER_WITHDRAWAL", () => approve(ann, second, NOW_MS)),
  about("with a word of another kind", "APPROVAL_OTHER_WITHDRAWAL", { path: `/v1/withdrawals/${first.id}/failure` }),
  about("with an approval that has a query", "APPROVAL_OTHER_WITHDRAWAL", { query: "?all=true" }),
  about("with something else than a POST", "APPROVAL_OTHER_WITHDRAWAL", { method: "PUT" }),
  beside("approved for less under the same id", "APPROVAL_OTHER_CONTENT", (body) =>
    approve(ann, { ...body, amount: "1000" }, NOW_MS),
  ),
  beside("approved for another address", "APPROVAL_OTHER_CONTENT", (body) =>
    approve(ann, { ...body, address: DESTINATION }, NOW_MS),
  ),
  beside("approved for another account", "APPROVAL_OTHER_CONTENT", (body) =>
    approve(ann, { ...body, account: "bob" }, NOW_MS),
  ),
  about("with an approval that names nothing but its id", "APPROVAL_UNBOUND", { body: new Uint8Array(0) }),
  about("with an approval of something unreadable", "APPROVAL_OTHER_CONTENT", { body: Buffer.from("yes") }),
  beside("with an approval in a person's name by a stranger", "APPROVAL_SIGNATURE_INVALID", (body) =>
    approve(forgery, body, NOW_MS),
  ),
  altered("with an approval to another host", "APPROVAL_SIGNATURE_INVALID", { authority: "enemy.example" }),
  altered("with another body under the digest", "APPROVAL_DIGEST_MISMATCH", { body: Buffer.from("{}") }),
  altered("without the digest", "APPROVAL_DIGEST_MISSING", { contentDigest: "" }),
  altered("with an approval that nobody signed", "APPROVAL_SIGNATURE_MISSING", { signature: "", signatureInput: "" }),
  altered("with a signature of another form", "APPROVAL_SIGNATURE_MALFORMED", { signature: "sluice=:AAAA:" }),
  row("that somebody approved whom the zone does not list", "APPROVAL_KEY_UNKNOWN", by(dan, bob)),
  row("that somebody approved whom the zone has taken off", "APPROVAL_KEY_REVOKED", by(eve, bob)),
  row("that the backend approved itself", "APPROVAL_KEY_UNKNOWN", by(backend, bob)),
  beside("approved a month ago", "APPROVAL_EXPIRED", (body) => approve(ann, body, NOW_MS - LONG_MS)),
  beside("approved in the month to come", "APPROVAL_FROM_FUTURE", (body) => approve(ann, body, NOW_MS + LONG_MS)),
  ...later(),
];

/** After it was honestly approved and signed: what was approved then is carried over to something else. */
function later(): readonly Attack[] {
  const [approvedFirst, approvedSecond] = APPROVED.withdrawals as [Draft["withdrawals"][0], Draft["withdrawals"][0]];
  const past = [APPROVED];
  const replayed = by(ann, bob)(first);
  const raised = { ...first, amount: "260000" };
  const moved = { ...first, address: DESTINATION };
  const version = (body: WithdrawalRequest): Draft => ({
    ...honest,
    withdrawals: [{ ...approvedFirst, clearance: clear(seals, body, NOW_MS, replayed), attempt: 2 }, approvedSecond],
    psbt: planned({
      pays: [body, second].map(({ address, amount }) => ({ address, amountSat: BigInt(amount) })),
      rate: 8,
    }),
  });
  const fresh = request("w-3", { address: first.address, amount: first.amount });
  const another: Draft = {
    ...honest,
    withdrawals: [{ id: "w-3", clearance: clear(seals, fresh, NOW_MS, replayed), attempt: 1 }, approvedSecond],
  };
  return [
    sealed("approvals replayed in a later attempt for more", "WITHDRAWAL_CHANGED", version(raised), {
      ...{ holder: "APPROVAL_OTHER_CONTENT", past },
    }),
    sealed("approvals replayed in a later attempt to elsewhere", "WITHDRAWAL_CHANGED", version(moved), {
      ...{ holder: "APPROVAL_OTHER_CONTENT", past },
    }),
    sealed("approvals replayed for a twin under another id", "APPROVAL_OTHER_WITHDRAWAL", another, { onlyFresh: true }),
  ];
}
