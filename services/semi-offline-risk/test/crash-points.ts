// The durable effects of semi-offline-risk by name, each walked through before and after it. A
// message to a holder over its bridge is in the list too: whether it was sent is in no table, so it has to be sent again.
export const EFFECTS = [
  "migrate",
  "governance/bundles offer",
  "semi-offline-risk/signing-requested handleSigningRequested",
  "semi-offline-risk/judge-stage judgeOne",
  "semi-offline-risk/sign-stage signOne",
  "holders/holders order over the bridge",
  "semi-offline-risk/signing-answered handleSigningAnswered",
  "semi-offline-risk/signing-vetoed handleSigningVetoed",
  "semi-offline-risk/suspension-changed handleSuspensionChanged",
  "semi-offline-risk/reports sendReports",
  "semi-offline-risk/reports sendReports over the bridge",
  "semi-offline-risk/zone-report send over the bridge",
  "governance/console-commands decide",
  "semi-offline-risk/recall-requested handleRecallRequested over the bridge",
  "holders/journal-watch hear",
  "holders/journal-watch accept",
] as const;
