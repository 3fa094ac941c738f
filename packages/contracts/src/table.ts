// The one table of messages: where each travels, who may seal it, who reads it.
import { HOLDERS, type Producer } from "./producers.ts";

/** A message on a topic is named like its topic. `bridge` messages never touch Kafka; `both` cross the bridge first. */
export type Route = "topic" | "bridge" | "both";

type Row = {
  readonly route: Route;
  /** Whose seal is accepted. Anybody else's is refused, however valid. */
  readonly producers: readonly Producer[];
  readonly consumers: readonly Producer[];
};

export const MESSAGES = {
  "withdrawal.changed.v1": { route: "topic", producers: ["online-risk"], consumers: ["ops-console", "webhooks"] },
  "withdrawal.cleared.v1": {
    route: "topic",
    producers: ["online-risk"],
    consumers: ["vault", "treasury", "semi-offline-risk"],
  },
  "withdrawal.failed.v1": {
    route: "topic",
    producers: ["online-risk"],
    consumers: ["vault", "treasury", "blockchain-gateway"],
  },
  "transaction.planned.v1": { route: "topic", producers: ["vault"], consumers: ["online-risk", "ops-console"] },
  "signing.requested.v1": { route: "bridge", producers: ["vault"], consumers: ["semi-offline-risk"] },
  "signing.started.v1": { route: "topic", producers: ["vault"], consumers: ["online-risk"] },
  "signing.ordered.v1": { route: "bridge", producers: ["semi-offline-risk"], consumers: HOLDERS },
  "signing.answered.v1": { route: "bridge", producers: HOLDERS, consumers: ["semi-offline-risk"] },
  "risk.reported.v1": { route: "both", producers: ["semi-offline-risk"], consumers: ["vault", "online-risk"] },
  "signing.vetoed.v1": { route: "bridge", producers: HOLDERS, consumers: ["semi-offline-risk"] },
  "bundle.offered.v1": { route: "bridge", producers: ["vault"], consumers: ["semi-offline-risk"] },
  "labels.offered.v1": { route: "bridge", producers: ["vault"], consumers: ["semi-offline-risk"] },
  "holder.reported.v1": { route: "bridge", producers: HOLDERS, consumers: ["semi-offline-risk"] },
  "zone.reported.v1": {
    route: "both",
    producers: ["semi-offline-risk"],
    consumers: ["vault", "online-risk", "ops-console"],
  },
  "transaction.signed.v1": {
    route: "topic",
    producers: ["vault"],
    consumers: ["treasury", "blockchain-gateway", "online-risk"],
  },
  "transaction.broadcast.v1": { route: "topic", producers: ["blockchain-gateway"], consumers: ["online-risk"] },
  "transaction.included.v1": { route: "topic", producers: ["blockchain-gateway"], consumers: ["online-risk"] },
  "transaction.reorged.v1": {
    route: "topic",
    producers: ["blockchain-gateway"],
    consumers: ["treasury", "vault", "online-risk"],
  },
  "transaction.confirmed.v1": {
    route: "topic",
    producers: ["blockchain-gateway"],
    consumers: ["treasury", "vault", "online-risk"],
  },
  "transaction.stuck.v1": {
    route: "topic",
    producers: ["blockchain-gateway"],
    consumers: ["vault", "ops-console"],
  },
  "transaction.conflicted.v1": {
    route: "topic",
    producers: ["blockchain-gateway"],
    consumers: ["treasury", "vault", "online-risk", "ops-console"],
  },
  "coin.observed.v1": { route: "topic", producers: ["blockchain-gateway"], consumers: ["vault", "treasury"] },
  "coin.vanished.v1": {
    route: "topic",
    producers: ["blockchain-gateway"],
    consumers: ["vault", "treasury", "ops-console"],
  },
  "fee.estimated.v1": {
    route: "topic",
    producers: ["blockchain-gateway"],
    consumers: ["online-risk", "vault", "ops-console"],
  },
  // Each service reads its own when it starts, beside its group.
  "database.marked.v1": {
    route: "topic",
    producers: ["online-risk", "vault", "treasury", "blockchain-gateway", "ops-console", "webhooks"],
    consumers: [],
  },
  "recall.requested.v1": { route: "bridge", producers: ["vault"], consumers: ["semi-offline-risk"] },
  "refill.requested.v1": { route: "topic", producers: ["vault"], consumers: ["ops-console"] },
  // The backend's own stream of what it would otherwise post to the API.
  "account.signalled.v1": { route: "topic", producers: ["exchange-backend"], consumers: ["online-risk"] },
  // Vault hands it on over the bridge, as it is sealed; by its route it is a topic's, because its sealer publishes it.
  "suspension.changed.v1": {
    route: "topic",
    producers: ["online-risk"],
    consumers: ["vault", "ops-console", "semi-offline-risk"],
  },
  // Receipts: who reads a topic tells its publisher what it has stored. Nobody confirms these.
  "message.received.v1": {
    route: "topic",
    producers: ["online-risk", "vault", "treasury", "blockchain-gateway", "ops-console", "webhooks"],
    consumers: ["exchange-backend", "online-risk", "vault", "blockchain-gateway"],
  },
} as const satisfies Record<string, Row>;

export type MessageType = keyof typeof MESSAGES;

export const MESSAGE_TYPES = Object.keys(MESSAGES) as readonly MessageType[];

/** Every topic that must exist; a topic carries exactly the message that it is named after. */
export const TOPICS: readonly MessageType[] = MESSAGE_TYPES.filter((type) => MESSAGES[type].route !== "bridge");

export function isMessageType(name: string): name is MessageType {
  return Object.hasOwn(MESSAGES, name);
}

/** Vault gets from the bridge what crosses it, and puts on the topic what others read there. */
const BRIDGEHEAD: Producer = "vault";

/** The topics that a service reads, in the table's order. */
export function topicsFor(consumer: Producer): readonly MessageType[] {
  return TOPICS.filter((type) => {
    const { route, consumers }: Row = MESSAGES[type];
    return consumers.includes(consumer) && !(route === "both" && consumer === BRIDGEHEAD);
  });
}

/** The topics that a service publishes on: its own messages, and at the bridgehead those that came over the bridge. */
export function topicsFrom(publisher: Producer): readonly MessageType[] {
  return TOPICS.filter((type) =>
    MESSAGES[type].route === "both" ? publisher === BRIDGEHEAD : maySeal(publisher, type),
  );
}

/** Whose receipt the publisher of this message waits for: everybody who reads its topic, optional readers where there are some. */
export function confirmersOf(type: MessageType): readonly Producer[] {
  if (type === "message.received.v1") return [];
  return MESSAGES["message.received.v1"].producers.filter((name) => topicsFor(name).includes(type));
}

export function maySeal(producer: Producer, type: MessageType): boolean {
  return (MESSAGES[type].producers as readonly Producer[]).includes(producer);
}
