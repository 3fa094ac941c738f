// The durable effects of a holder by name, each walked through before and after it: what its journal keeps, and what it says.
export const EFFECTS = [
  "journal opened sync",
  "journal directory sync",
  "journal write",
  "journal sync",
  "journal trim",
  "semi-offline-signer/main onMessage over the bridge",
  "semi-offline-signer/holder-report send over the bridge",
  "semi-offline-signer/veto-command over the bridge",
] as const;
