// The durable effects of webhooks by name, each walked through before and after it. The first happens at a first start only. That of
// its handler is what every online service does alike.
export const EFFECTS = [
  "webhooks/store prepare",
  "webhooks/store claimDeliveries",
  "guarded post",
  "webhooks/store settleAttempt",
  "webhooks/store-by-hand switchEndpoint",
  "webhooks/store-by-hand resendDeliveries",
] as const;
