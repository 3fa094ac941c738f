// Named places between two durable effects, where a test ends the process.

export type ConsumerCrashPoint =
  | "before-transaction"
  | "after-inbox"
  | "after-handler"
  | "before-commit"
  | "after-commit"
  | "after-offset";

export type RelayCrashPoint = "before-publish" | "after-publish" | "after-mark";

export type CrashPoint<Name> = (name: Name) => void | Promise<void>;
