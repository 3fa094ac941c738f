// What a stranger, or one online process in enemy hands, can put on the topics; each with the code that must refuse it.
import { randomBytes } from "node:crypto";
import {
  contentDigest,
  createTrust,
  type MessageOf,
  type MessageType,
  open,
  type SignedRequest,
} from "@sluice/contracts";
import type { Stack } from "@sluice/devstack";
import { altered, forge, stranger } from "./envelopes.ts";

export type TopicAttack = {
  readonly name: string;
  readonly topic: MessageType;
  readonly code: string;
  readonly envelope: Uint8Array | null;
};

/** Real messages, as the enemy finds them on the topics. */
export type Captured = {
  readonly clearance: Uint8Array;
  readonly signed: Uint8Array;
  readonly broadcast: Uint8Array;
};

export type Aim = {
  /** Of the withdrawal that the captured messages are about. */
  readonly address: string;
  readonly amount: string;
  readonly enemyAddress: string;
  /** A withdrawal that a person has to approve, and never does. */
  readonly heldId: string;
};

export function topicAttacks(stack: Stack, captured: Captured, aim: Aim): readonly TopicAttack[] {
  return [
    ...clearances(stack, captured, aim),
    ...envelopes(captured),
    ...payouts(stack, captured, aim),
    ...facts(stack, captured, aim),
  ];
}

const CLEARED = "withdrawal.cleared.v1";

function clearances({ inside }: Stack, { clearance }: Captured, aim: Aim): readonly TopicAttack[] {
  const real = contentOf(inside.trust, clearance, CLEARED);
  const onlineRisk = inside.sealerOf("online-risk");
  const more = `"amount":"9${aim.amount.slice(1)}"`;
  const raised = (bytes: Uint8Array) => altered(bytes, `"amount":"${aim.amount}"`, more);
  const redirected = (bytes: Uint8Array) => altered(bytes, aim.address, aim.enemyAddress);
  const asking = (change: (body: Uint8Array) => Uint8Array, digest: boolean): SignedRequest => {
    const body = change(real.request.body);
    return { ...real.request, body, ...(digest ? { contentDigest: contentDigest(body) } : {}) };
  };
  const cleared = (code: string, name: string, envelope: Uint8Array) =>
    ({ name, topic: CLEARED, code, envelope }) as const;
  const sealed = (by: Parameters<typeof forge>[0], message: MessageOf<typeof CLEARED>) =>
    forge(by, CLEARED, message.withdrawalId, message);
  return [
    cleared(
      "SEAL_KEY_UNKNOWN",
      "a clearance by a key of nobody",
      sealed(stranger("online-risk", "online-risk-9"), real),
    ),
    cleared("SEAL_INVALID", "a clearance in online-risk's name by another key", sealed(stranger("online-risk"), real)),
    cleared("PRODUCER_NOT_PERMITTED", "a clearance sealed by vault itself", sealed(inside.sealerOf("vault"), real)),
    cleared("SEAL_INVALID", "a real clearance, its amount raised", raised(clearance)),
    cleared("SEAL_INVALID", "a real clearance, its destination changed", redirected(clearance)),
    cleared(
      "REQUEST_DIGEST_MISMATCH",
      "an amount raised by online-risk itself",
      sealed(onlineRisk, { ...real, request: asking(raised, false) }),
    ),
    cleared(
      "REQUEST_SIGNATURE_INVALID",
      "a destination changed by online-risk itself, with its digest",
      sealed(onlineRisk, { ...real, request: asking(redirected, true) }),
    ),
    cleared(
      "CLEARANCE_MISMATCH",
      "a request cleared once more under another id by online-risk itself",
      sealed(onlineRisk, { ...real, withdrawalId: "nobody-asked" }),
    ),
  ];
}

function envelopes({ clearance, signed }: Captured): readonly TopicAttack[] {
  const tooMuch = new Uint8Array(4 * 1024 * 1024 + 1);
  return [
    { topic: CLEARED, code: "ENVELOPE_MALFORMED", name: "bytes without meaning", envelope: randomBytes(300) },
    {
      topic: CLEARED,
      code: "ENVELOPE_MALFORMED",
      name: "a byte behind",
      envelope: Buffer.concat([clearance, Buffer.of(0)]),
    },
    { topic: CLEARED, code: "ENVELOPE_MALFORMED", name: "half a clearance", envelope: clearance.slice(0, 200) },
    { topic: CLEARED, code: "ENVELOPE_TOO_LARGE", name: "more than an envelope may hold", envelope: tooMuch },
    { topic: CLEARED, code: "TYPE_UNKNOWN", name: "a record without a value", envelope: null },
    { topic: CLEARED, code: "TYPE_UNEXPECTED", name: "a real message of another topic", envelope: signed },
  ];
}

/** Whoever could say "this transaction is signed" would have it broadcast and booked. */
function payouts({ inside }: Stack, { signed }: Captured, { enemyAddress }: Aim): readonly TopicAttack[] {
  const topic = "transaction.signed.v1";
  const real = contentOf(inside.trust, signed, topic);
  const message = { ...real, payouts: real.payouts.map((payout) => ({ ...payout, address: enemyAddress })) };
  const gateway = forge(inside.sealerOf("blockchain-gateway"), topic, real.walletId, message);
  const nobody = forge(stranger("vault"), topic, real.walletId, message);
  return [
    { topic, code: "PRODUCER_NOT_PERMITTED", name: "a signed transaction sealed by the gateway", envelope: gateway },
    { topic, code: "SEAL_INVALID", name: "a signed transaction in vault's name by another key", envelope: nobody },
  ];
}

/** Whoever could say "it is paid" or "it is refused" would have a customer's withdrawal closed unpaid, or paid twice. */
function facts(stack: Stack, { broadcast }: Captured, { heldId }: Aim): readonly TopicAttack[] {
  const { inside, walletId } = stack;
  const transactionId = randomBytes(32).toString("hex");
  const withdrawals = [{ withdrawalId: heldId, attempt: 1 }];
  const block = { blockHash: randomBytes(32).toString("hex"), height: 100_000, revision: 1_000_000 };
  const confirmed = { transactionId, withdrawals, ...block, confirmations: 6 };
  const coin = { walletId, transactionId, vout: 0, amountSat: 1_000_000_000n, branch: 0, index: 0 } as const;
  const observed = { ...coin, blockHash: block.blockHash, height: 1, previousTransaction: randomBytes(100) };
  const finding = { rule: "DESTINATION_LABELLED", verdict: "refuse", reason: "says vault", evidence: {} };
  const value = { findings: [{ withdrawalId: heldId, finding }], signatureMayExist: false };
  const refused = { number: 1n, taskId: "t", withdrawals, transactionId, verdict: { case: "refused", value } } as const;
  const vault = inside.sealerOf("vault");
  const fact = <T extends MessageType>(code: string, name: string, topic: T, by: typeof vault, message: MessageOf<T>) =>
    ({ code, name, topic, envelope: forge(by, topic, walletId, message) }) as const;
  const unheard = "PRODUCER_NOT_PERMITTED";
  return [
    fact(
      "SEAL_INVALID",
      "a confirmation of what was never broadcast, by a stranger",
      "transaction.confirmed.v1",
      stranger("blockchain-gateway"),
      confirmed,
    ),
    fact(unheard, "a confirmation sealed by vault", "transaction.confirmed.v1", vault, confirmed),
    {
      ...{ code: "TYPE_UNEXPECTED", name: "a real broadcast on the topic of confirmations" },
      ...{ topic: "transaction.confirmed.v1", envelope: broadcast },
    },
    fact(unheard, "a broadcast sealed by vault", "transaction.broadcast.v1", vault, { transactionId, withdrawals }),
    fact(unheard, "a coin out of nowhere, sealed by vault", "coin.observed.v1", vault, observed),
    fact(unheard, "a refusal sealed by vault", "risk.reported.v1", vault, refused),
  ];
}

function contentOf<T extends MessageType>(
  trust: Stack["inside"]["trust"],
  envelope: Uint8Array,
  type: T,
): MessageOf<T> {
  const opened = open(createTrust(trust), envelope, [type]);
  if (!opened.ok) throw new Error(`what was captured does not open: ${opened.refusal.code}`);
  return opened.value.message as MessageOf<T>;
}
