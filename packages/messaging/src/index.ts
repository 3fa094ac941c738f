// Kafka and Postgres joined so that a message takes effect exactly once: bus, outbox and relay, consumer and inbox, dead letters.

export { type Bus, type BusOptions, createBus, ensureTopics, removeTopics, type TopicOptions } from "./bus.ts";
export { type Consumer, type ConsumerOptions, startConsumer } from "./consumer.ts";
export {
  type DeadLetter,
  discardDeadLetter,
  listDeadLetters,
  type Retried,
  retryDeadLetter,
} from "./dead-letter.ts";
export { InvariantBroken, isAway, OperatingError } from "./failure.ts";
export type { Handler, Handlers } from "./handlers.ts";
export { handleOnce } from "./inbox.ts";
export type { Logger } from "./logger.ts";
export { highestMark, type Marks, openMarks } from "./marks.ts";
export { MESSAGING_MIGRATIONS } from "./migrations.ts";
export { setOptionalReaders } from "./optional-readers.ts";
export {
  appendAllToOutbox,
  appendOutbox,
  type OutboxBacklog,
  type OutgoingRow,
  outboxBacklog,
  pruneOutbox,
  redrive,
  type Unconfirmed,
  unconfirmed,
} from "./outbox.ts";
export { readToEnd } from "./read-to-end.ts";
export { type ReceiptOptions, type Receipts, receiptHandler, startReceipts } from "./receipts.ts";
export { type BridgeRelayOptions, type Relay, type RelayOptions, startBridgeRelay, startRelay } from "./relay.ts";
export { rewindGroup } from "./rewind.ts";
export type { Observation, Outcome } from "./settle.ts";
