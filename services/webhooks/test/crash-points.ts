// The durable effects of webhooks by name, each walked through before and after it. The first happens at a first start only. That of
// its handler is what every online service does alike; what a person does, the journey walks through whole.
export const EFFECTS = [
  "webhooks/store prepare",
  "webhooks/store claimDeliveries",
  "guarded post",
  "webhooks/store settleAttempt",
] as const;
