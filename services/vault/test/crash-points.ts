// The durable effects of vault by name, each walked through before and after it. What its relay, its receipts and its marks do is
// treasury's to walk through: they are the same in every online service.
export const EFFECTS = [
  "messaging/settle settleTogether",
  "vault/planner plan",
  "vault/planner tidy",
  "vault/planner refill",
  "vault/tasks sendSubmittedAgain",
  "vault/tasks takeRequest",
  "vault/submitter send over the bridge",
  "vault/submitter send",
  "vault/tasks postponeSending",
  "vault/bridge-messages takeReport",
  "wallet-memory/parked-reports parkReport",
  "zone-news/zone-news hear",
  "bundle-carrier/index offer over the bridge",
  "vault/bumper round",
  "wallet-memory/lanes reopenLane",
  "recall/recall adopt",
  "recall/recall run over the bridge",
  "recall/recall run",
  "vault-desk/routes planTaskAgain",
  "vault-desk/routes planWithdrawalAgain",
] as const;
