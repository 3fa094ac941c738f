// The durable effects of online-risk by name, each walked through before and after it. What else every online service does alike is
// treasury's to walk through.
export const EFFECTS = [
  "active-policy/policies seed",
  "messaging/settle settleTogether",
  "gate/door once",
  "gate/door onceTogether",
  "judging/judge judgeSome",
  "kafka outbox",
  "messaging/outbox markPublished",
  "report-watch/report-watch acknowledge",
] as const;

/** Done once a minute, for nobody: whether it comes in a test is left to the clock. */
export const BY_THE_CLOCK = ["gate/nonces pruneNonces"] as const;

/** Done to a database that was set back, before anything else: set-back.test.ts walks through them. */
export const BRINGING_BACK = [
  "risk-memory/withdrawals keepTold",
  "suspensions/bring-back bringBackSuspensions",
  "online-risk/bring-back takeCleared",
] as const;
