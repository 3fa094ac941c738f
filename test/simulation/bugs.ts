// Bugs that are planted through the simulation's own seams, never in the product: each shows that a check can fail.
import type { Promised } from "./promised.ts";

/** Which check is meant to find it, and in whose hands vault or the zone are for that, if they have to be. */
type Planted = {
  readonly foundBy: readonly Promised[];
  readonly enemy?: "vault" | "zone";
  readonly badHolder?: boolean;
  /** A fault that has to be frequent for it. */
  readonly often?: string;
};

export const BUGS = {
  "offset committed before the transaction": { foundBy: ["ENDS"] },
  "outbox sent before commit": { foundBy: ["CLEARED", "NOTHING_PARKED", "ENDS", "LEDGER"] },
  "outbox marked before it is published": { foundBy: ["ENDS", "LEDGER"] },
  "inbox not consulted": { foundBy: ["NOTHING_PARKED"] },
  "same id accepted with another body": { foundBy: ["RIGHT_PAYMENT"] },
  "cancelled after the clearance": { foundBy: ["NOTHING_PARKED"] },
  "an overtaken fact counts": { foundBy: ["FINAL_IS_FINAL", "CONVERGES", "ENDS"] },
  "a coin is chosen though it is reserved": { foundBy: ["ONE_TASK_PER_COIN"] },
  "coins are released at a delay": { foundBy: ["ONE_TASK_PER_COIN"] },
  "coins are free again after a reorganisation": { foundBy: ["ONE_TASK_PER_COIN"] },
  "a spent coin stays free": { foundBy: ["ENDS"] },
  "a reservation outlives its payment": { foundBy: ["NO_RESERVATION_LEFT"] },
  "a clearance serves for another amount": { foundBy: ["RIGHT_PAYMENT"] },
  // So it was until the simulation found it: see judge-velocity.ts.
  "a batch that no wait makes fit is delayed": { foundBy: ["ENDS"] },
  "the zone demands no anchor": { foundBy: ["CONFLICT_RULE"], enemy: "vault", badHolder: true },
  "the holders demand no anchor": { foundBy: ["CONFLICT_RULE"], enemy: "zone" },
  "the anchor is named anew": { foundBy: ["CONFLICT_RULE"], enemy: "vault", badHolder: true },
  "a replacement may leave the anchor": { foundBy: ["CONFLICT_RULE"] },
  "the journal is not synced": { foundBy: ["CONFLICT_RULE"], enemy: "zone" },
  "a refusal is not kept": {
    foundBy: ["CONFLICT_RULE"],
    enemy: "vault",
    badHolder: true,
    often: "an order comes late and once more",
  },
  "a given signature is forgotten at a refusal": { foundBy: ["CONFLICT_RULE"], badHolder: true },
  "a reorganisation is not followed": { foundBy: ["ENDS", "COMPLETED_IS_BURIED"] },
  "confirmed without depth": { foundBy: ["COMPLETED_IS_BURIED"] },
  "a dropped transaction is not sent again": { foundBy: ["ENDS"] },
  "the ledger books twice": { foundBy: ["LEDGER"] },
  "a confirmation before the signing is forgotten": { foundBy: ["LEDGER"] },
} as const satisfies Readonly<Record<string, Planted>>;

export type Bug = keyof typeof BUGS | "none";

export function plantedAs(bug: Bug): Planted | null {
  return bug === "none" ? null : BUGS[bug];
}
