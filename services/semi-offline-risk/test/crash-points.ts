// The crash points of semi-offline-risk by name: before and after every commit, by the function that has it done. What is not here
// is `journal accept`, by which a person ends an alarm, and the repair of a broken judgement: no task waits for those commits.
const COMMITS = [
  "migrate",
  "journal-watch hear",
  "signing-requested handleSigningRequested",
  "judge-stage judgeOne",
  "sign-stage signOne",
  "signing-answered handleSigningAnswered",
  "signing-vetoed handleSigningVetoed",
  "reports sendReports",
  "bundles offer",
  "console-commands decide",
] as const;

export type CrashPoint = `${"before" | "after"} ${(typeof COMMITS)[number]}`;

export const CRASH_POINTS: readonly CrashPoint[] = COMMITS.flatMap(
  (name) => [`before ${name}`, `after ${name}`] as const,
);
