// Attacks on the envelope: vault's own to semi-offline-risk, and in the same way semi-offline-risk's to each holder.

import { sign } from "node:crypto";
import {
  ENVELOPE_MAX_BYTES,
  encodeMessage,
  HOLDERS,
  type Holder,
  type MessageType,
  type Sealer,
} from "@sluice/contracts";
import { contentBytes, enclose, field, number, outer, stranger, varint, write } from "../journeys/enemy/envelopes.ts";
import type { Attack } from "./attack.ts";
import { honest, NOW_MS, type Order, orderOf, retiredSealer, sealOrder, seals, sealTask, type Task } from "./honest.ts";

/** What is sealed, by whom it should be, and what it is: the same change is made on both ways in. */
type Way = {
  readonly sealer: Sealer;
  readonly type: MessageType;
  readonly payload: Uint8Array;
  readonly honestly: Uint8Array;
};

const asMessage = (): Task => ({
  taskId: honest.taskId,
  walletId: honest.walletId,
  psbt: honest.psbt,
  withdrawals: honest.withdrawals.map(({ clearance, attempt }) => ({ clearance, attempt })),
});
const toZone = (): Way => ({
  sealer: seals.sealer("vault"),
  type: "signing.requested.v1",
  payload: encodeMessage("signing.requested.v1", asMessage()),
  honestly: sealTask(honest),
});
const toHolder = (holder: Holder): Way => ({
  sealer: seals.sealer("semi-offline-risk"),
  type: "signing.ordered.v1",
  payload: encodeMessage("signing.ordered.v1", orderOf(honest, holder)),
  honestly: sealOrder(orderOf(honest, holder)),
});
const contentOf = ({ type, payload }: Way, changes: Partial<Parameters<typeof write>[1]> = {}) => ({
  ...{ id: "enemy", type, key: "hot", payload, occurredAtMs: NOW_MS },
  ...changes,
});

/** Without a seal that holds, nobody is known who could be answered: it is an alarm in the log of whoever got it. */
function both(name: string, code: string, change: (way: Way) => Uint8Array): Attack {
  return {
    kind: "seals and envelopes",
    name: `an envelope ${name}`,
    task: { envelope: () => change(toZone()), code, about: null },
    order: { envelope: (holder) => change(toHolder(holder)), code },
  };
}

export const ENVELOPE_ATTACKS: readonly Attack[] = [...keys(), ...forms(), ...contents(), ...payloads(), ...orders()];

function keys(): readonly Attack[] {
  const by = (name: string, code: string, sealer: (way: Way) => Sealer): Attack =>
    both(name, code, (way) => write(sealer(way), contentOf(way)));
  return [
    by("by a stranger under the sender's key", "SEAL_INVALID", ({ sealer }) => stranger(sealer.producer)),
    by("by a key of nobody", "SEAL_KEY_UNKNOWN", ({ sealer }) => stranger(sealer.producer, `${sealer.producer}-9`)),
    by("by the sender's revoked key", "SEAL_KEY_REVOKED", ({ sealer }) => retiredSealer(sealer.producer)),
    by("sealed by online-risk", "PRODUCER_NOT_PERMITTED", () => seals.sealer("online-risk")),
    by("sealed by the gateway", "PRODUCER_NOT_PERMITTED", () => seals.sealer("blockchain-gateway")),
    by("sealed by a holder", "PRODUCER_NOT_PERMITTED", () => seals.sealer(HOLDERS[1])),
    by("sealed by the other end itself", "PRODUCER_NOT_PERMITTED", ({ sealer }) =>
      seals.sealer(sealer.producer === "vault" ? "semi-offline-risk" : "vault"),
    ),
    by("by another's key in the sender's name", "SEAL_KEY_UNKNOWN", ({ sealer }) => ({
      ...seals.sealer("treasury"),
      producer: sealer.producer,
    })),
    by("by the sender's key in another's name", "SEAL_KEY_UNKNOWN", ({ sealer }) => ({
      ...sealer,
      producer: "treasury",
    })),
  ];
}

function forms(): readonly Attack[] {
  const malformed = "ENVELOPE_MALFORMED";
  const flipped = (bytes: Uint8Array, at: number) =>
    Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ 0x10 : byte));
  return [
    both("of no bytes", "TYPE_UNKNOWN", () => new Uint8Array()),
    both("of bytes without meaning", malformed, () => Buffer.from("an order, as you know")),
    both("cut in half", malformed, ({ honestly }) => honestly.subarray(0, honestly.length / 2)),
    both("with a byte behind", malformed, ({ honestly }) => Buffer.concat([honestly, Buffer.of(0)])),
    both("over the limit", "ENVELOPE_TOO_LARGE", ({ honestly }) =>
      Buffer.concat([honestly, Buffer.alloc(ENVELOPE_MAX_BYTES)]),
    ),
    both("with a field that nobody knows", malformed, ({ honestly }) => Buffer.concat([honestly, field(9, "x")])),
    both("with its key named twice", malformed, ({ honestly, sealer }) =>
      Buffer.concat([honestly, field(2, sealer.keyId)]),
    ),
    both("with its fields in another order", malformed, (way) => {
      const content = contentBytes(way.sealer.producer, contentOf(way));
      return Buffer.concat([field(3, signatureOf(way.sealer, content)), field(2, way.sealer.keyId), field(1, content)]);
    }),
    both("with a length in two bytes that needs one", malformed, ({ honestly, sealer }) => {
      const named = Buffer.from(honestly);
      const at = named.lastIndexOf(field(2, sealer.keyId));
      const longer = Buffer.concat([Buffer.of(0x12, sealer.keyId.length | 0x80, 0), Buffer.from(sealer.keyId)]);
      return Buffer.concat([named.subarray(0, at), longer, named.subarray(at + 2 + sealer.keyId.length)]);
    }),
    both("with a bit of its seal flipped", "SEAL_INVALID", ({ honestly }) => flipped(honestly, honestly.length - 1)),
    both("with a bit of its content flipped", "SEAL_INVALID", ({ honestly }) =>
      flipped(honestly, honestly.length - 200),
    ),
    both("with a seal of 63 bytes", "SEAL_INVALID", (way) => cutSeal(way, (seal) => seal.subarray(1))),
    both("with a seal of 65 bytes", "SEAL_INVALID", (way) =>
      cutSeal(way, (seal) => Buffer.concat([seal, Buffer.of(0)])),
    ),
    both("with an empty seal", malformed, (way) => cutSeal(way, () => new Uint8Array())),
    both("with the other S that verifies by the bare equation", "SEAL_INVALID", (way) => cutSeal(way, withOtherS)),
    both("sealed without a domain", "SEAL_INVALID", (way) =>
      cutSeal(way, (_, content) => sign(null, content, way.sealer.privateKey)),
    ),
    both("sealed for another domain", "SEAL_INVALID", (way) => write(way.sealer, contentOf(way), "sluice/request/v1")),
    both("with another's seal over another message", "SEAL_INVALID", (way) =>
      cutSeal(way, () => signatureOf(way.sealer, contentBytes(way.sealer.producer, contentOf(way, { id: "other" })))),
    ),
  ];
}

function contents(): readonly Attack[] {
  const of = (name: string, code: string, changes: (way: Way) => Partial<Parameters<typeof write>[1]>): Attack =>
    both(name, code, (way) => write(way.sealer, contentOf(way, changes(way))));
  const crossed = (way: Way) => ({
    type: way.type === "signing.ordered.v1" ? "risk.reported.v1" : "transaction.signed.v1",
  });
  return [
    of("of a type of nobody", "TYPE_UNKNOWN", ({ type }) => ({ type: type.replace("v1", "v2") })),
    of("of another type that the sender may seal", "TYPE_UNEXPECTED", crossed),
    of("without an id", "PAYLOAD_MALFORMED", () => ({ id: "" })),
    of("without a key", "PAYLOAD_MALFORMED", () => ({ key: "" })),
    of("from before all time", "PAYLOAD_MALFORMED", () => ({ occurredAtMs: -1 })),
    both("whose content does not parse", "ENVELOPE_MALFORMED", ({ sealer }) => enclose(sealer, Buffer.of(0x0a, 0xff))),
    both("whose content is empty", "ENVELOPE_MALFORMED", ({ sealer }) => enclose(sealer, new Uint8Array())),
    both("replayed from the other line", "TYPE_UNEXPECTED", ({ type }) =>
      type === "signing.ordered.v1" ? toZone().honestly : toHolder(HOLDERS[0]).honestly,
    ),
    both("that is a clearance", "TYPE_UNEXPECTED", () => honest.withdrawals[0]?.clearance ?? new Uint8Array()),
  ];
}

/** Real seals over payloads that say too little or too much. */
function payloads(): readonly Attack[] {
  const malformed = "PAYLOAD_MALFORMED";
  const of = (name: string, payload: (way: Way) => Uint8Array): Attack =>
    both(name, malformed, (way) => write(way.sealer, contentOf(way, { payload: payload(way) })));
  return [
    of("that says nothing", () => new Uint8Array()),
    of("cut short within", ({ payload }) => payload.subarray(0, payload.length - 3)),
    of("without a task's id", ({ payload }) => Buffer.concat([payload, field(1, "")])),
    of("with an id longer than any", ({ payload }) => Buffer.concat([payload, field(1, "x".repeat(257))])),
    of("without a wallet", ({ payload }) => Buffer.concat([payload, field(2, "")])),
    of("with an empty clearance among the others", ({ type, payload }) =>
      Buffer.concat([payload, field(type === "signing.ordered.v1" ? 7 : 4, new Uint8Array())]),
    ),
    of("with ten thousand clearances too many", ({ type, payload }) => {
      const one = field(type === "signing.ordered.v1" ? 7 : 4, new Uint8Array());
      return Buffer.concat([payload, ...Array.from({ length: 10_001 }, () => one)]);
    }),
    of("with a field of the wrong kind", ({ payload }) => Buffer.concat([payload, varint((1 << 3) | 3)])),
    both("with a task's id that is not text", malformed, (way) =>
      write(way.sealer, contentOf(way, { payload: Buffer.concat([way.payload, field(1, Buffer.of(0xff, 0xfe))]) })),
    ),
    both("with a number in a text's place", malformed, (way) =>
      write(way.sealer, contentOf(way, { payload: Buffer.concat([number(1, 7), way.payload.subarray(0, 40)]) })),
    ),
  ];
}

/** What only semi-offline-risk, or who holds its seal key, can change. */
function orders(): readonly Attack[] {
  const outOfReach = "orders are semi-offline-risk's own; vault and the broker never write one";
  const order = (name: string, code: string, change: (order: Order, holder: Holder) => Order): Attack => ({
    kind: "seals and envelopes",
    name: `an order ${name}`,
    task: { outOfReach },
    order: {
      envelope: (holder) =>
        sealOrder({ ...change(orderOf(honest, holder), holder), taskId: `enemy: an order ${name}` }),
      code,
    },
  });
  const others = (holder: Holder): Holder => HOLDERS.find((each) => each !== holder) ?? holder;
  const anchored = (anchor: string) => (made: Order) => ({
    ...made,
    withdrawals: made.withdrawals.map((each) => ({ ...each, anchor })),
  });
  return [
    order("for another holder", "HOLDER_OTHER", (made, holder) => ({ ...made, holder: others(holder) })),
    order("for a holder of nobody", "HOLDER_OTHER", (made) => ({ ...made, holder: "semi-offline-signer-d" })),
    order("for a second round", "ROUND_UNKNOWN", (made) => ({ ...made, round: 2 })),
    order("for another transaction", "TRANSACTION_OTHER", (made) => ({ ...made, transactionId: "ab".repeat(32) })),
    order("with the withdrawals' names exchanged", "CLEARANCE_OTHER", (made) => ({
      ...made,
      withdrawals: made.withdrawals.map((each, at) => ({
        ...each,
        withdrawalId: made.withdrawals[1 - at]?.withdrawalId ?? "",
      })),
    })),
    order("with a name that its clearance does not know", "CLEARANCE_OTHER", (made) => ({
      ...made,
      withdrawals: made.withdrawals.map((each) => ({ ...each, withdrawalId: `${each.withdrawalId}x` })),
    })),
    {
      ...order("with an anchor that is not spent", "ANCHOR_MISSING", anchored(`${"00".repeat(32)}:0`)),
      onlyFresh: true,
    },
  ];
}

function cutSeal(way: Way, change: (signature: Buffer, content: Buffer) => Uint8Array): Uint8Array {
  const content = contentBytes(way.sealer.producer, contentOf(way));
  return outer(content, way.sealer.keyId, change(signatureOf(way.sealer, content), content));
}

function signatureOf({ keyId, privateKey }: Sealer, content: Uint8Array): Buffer {
  return sign(null, Buffer.concat([Buffer.from(`sluice/seal/v1\0${keyId}\0`, "utf8"), content]), privateKey);
}

/** Ed25519's group order (RFC 8032, 5.1): S plus it is the same number there, and must not be the same signature. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

function withOtherS(signature: Buffer): Buffer {
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`) + ORDER;
  const bytes = Buffer.from(s.toString(16).padStart(64, "0"), "hex").reverse();
  return Buffer.concat([signature.subarray(0, 32), bytes]);
}
