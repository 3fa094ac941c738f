// The crash points of semi-offline-risk by name: before and after every commit, by the function that has it done. What is not here
// is `journal accept`, by which a person ends an alarm, and the repair of a broken judgement: no task waits for those commits.
const COMMITS = [
  "migrate",
  "holders/journal-watch hear",
  "semi-offline-risk/signing-requested handleSigningRequested",
  "semi-offline-risk/judge-stage judgeOne",
  "semi-offline-risk/sign-stage signOne",
  "semi-offline-risk/signing-answered handleSigningAnswered",
  "semi-offline-risk/signing-vetoed handleSigningVetoed",
  "semi-offline-risk/reports sendReports",
  "governance/bundles offer",
  "governance/console-commands decide",
] as const;

export type CrashPoint = `${"before" | "after"} ${(typeof COMMITS)[number]}`;

export const CRASH_POINTS: readonly CrashPoint[] = COMMITS.flatMap(
  (name) => [`before ${name}`, `after ${name}`] as const,
);
