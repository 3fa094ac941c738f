// The crash points of online-risk by name: before and after every commit of its own, by the function that has it done. What its
// consumers and its relay commit is walked through in packages/messaging.
const COMMITS = ["online-risk/api answered", "online-risk/judge judgeOne"] as const;

export type CrashPoint = `${"before" | "after"} ${(typeof COMMITS)[number]}`;

export const CRASH_POINTS: readonly CrashPoint[] = COMMITS.flatMap(
  (name) => [`before ${name}`, `after ${name}`] as const,
);

/** Done once a minute, for nobody: whether it comes in a test is left to the clock. */
export const BY_THE_CLOCK = ["before online-risk/requests pruneNonces", "after online-risk/requests pruneNonces"];
