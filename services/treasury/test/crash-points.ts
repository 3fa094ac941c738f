// The durable effects of treasury by name, each walked through before and after it. It has none of its own beside its handlers':
// these are what every online service does alike, and what the others leave out of their lists for its sake.
export const EFFECTS = [
  "migrate",
  "messaging/optional-readers setOptionalReaders",
  "messaging/settle settleTogether",
  "kafka offset",
  "kafka receipts",
  "online-service/high-water mark",
  "kafka mark",
  "online-service/high-water beginRecovery",
  "online-service/high-water endRecovery",
  "messaging/dead-letter retryDeadLetter",
  "messaging/dead-letter discardDeadLetter",
] as const;
