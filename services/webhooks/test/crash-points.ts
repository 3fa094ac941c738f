// The durable effects of webhooks by name, each walked through before and after it. The first two happen at a first start only.
export const EFFECTS = [
  "messaging/optional-readers setOptionalReaders",
  "webhooks/store prepare",
  "messaging/settle settleTogether",
  "webhooks/store claimDeliveries",
  "guarded post",
  "webhooks/store settleAttempt",
  "webhooks/store switchEndpoint",
  "webhooks/store resendDeliveries",
] as const;
