// What several parts of the policy are made of.
import { z } from "zod";

const DAY_MS = 24 * 60 * 60 * 1_000;

/** A stretch of time that a rule looks back on or waits for: up to a leap year. */
export const longMs = z
  .number()
  .int()
  .min(1)
  .max(366 * DAY_MS);

/** So many people. */
export const approvals = z.number().int().min(1).max(10);
