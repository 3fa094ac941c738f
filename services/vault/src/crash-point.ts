// The places between two durable steps where a test ends the process; nothing happens at them otherwise.
import type { CrashPoint } from "@sluice/messaging";

export type VaultCrashPoint =
  | "before-plan-commit"
  | "after-plan-commit"
  | "before-send"
  | "after-send"
  | "after-sent-commit"
  | "before-report-commit"
  | "after-report-commit";

export type VaultCrash = CrashPoint<VaultCrashPoint>;
