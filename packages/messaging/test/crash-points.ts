// The durable effects of what every online service stands on, each walked through before and after it in processes of its own: with
// many messages in several transactions, and with the waiting of a killed consumer's group.
export const CONSUMER_EFFECTS = [
  "messaging/settle settleTogether",
  "kafka offset",
  "messaging/settle parkAlone",
] as const;
export const RELAY_EFFECTS = ["kafka outbox", "messaging/outbox markPublished"] as const;
export const OUTBOX_EFFECTS = ["messaging/outbox redrive", "messaging/outbox pruneOutbox"] as const;
