// One row of the tables: what is changed, and the exact status with which each side refuses it.
import type { Holder } from "@sluice/contracts";
import type { Policy } from "@sluice/second-opinion";
import { type Draft, honest, type Order, orderOf, sealOrder, sealTask } from "./honest.ts";

/** What somebody does not get to see, said in words: the row shows nothing about them. */
export type OutOfReach = { readonly outOfReach: string };

export type Attack = {
  readonly kind: "transaction" | "seals and envelopes";
  readonly name: string;
  /**
   * The envelope that vault, or whoever stands between, hands to semi-offline-risk; its exact status; and whom the report
   * names: the task's withdrawals, nobody when no seal says who they are, or null when it is an alarm and no report.
   */
  readonly task:
    | { readonly envelope: () => Uint8Array; readonly code: string; readonly about: readonly string[] | null }
    | OutOfReach;
  /** The order as each holder would get it from a semi-offline-risk that was fooled; and each one's exact status. */
  readonly order: { readonly envelope: (holder: Holder) => Uint8Array; readonly code: string } | OutOfReach;
  /** What was honestly signed by this zone before, instead of the control. */
  readonly past?: readonly Draft[];
  /** Refused only as long as the withdrawal was not signed for: afterwards the chain ends it, not the clock. */
  readonly onlyFresh?: true;
  readonly nowMs?: number;
  /** Of semi-offline-risk, when they are not the usual ones. */
  readonly limits?: Policy;
};

export const isOutOfReach = (side: Attack["task"] | Attack["order"]): side is OutOfReach => "outOfReach" in side;

type Options = Pick<Attack, "past" | "onlyFresh" | "nowMs" | "limits"> & {
  /** A holder's status where it is not the zone's. */
  readonly holder?: string | OutOfReach;
  /** Of the task's own withdrawals, all or nobody; all unless told otherwise. */
  readonly about?: "all" | "nobody";
  /** The order, when it is not made of the task as it is. */
  readonly order?: (holder: Holder) => Order;
};

/** An attack by a task that is sealed by vault's real key, and by the orders that would be made of it. */
export function attack(
  kind: Attack["kind"],
  name: string,
  code: string,
  draft: Draft | (() => Draft),
  options: Options = {},
): Attack {
  const { holder = code, about = "all", order, ...rest } = options;
  const made = () => ({ ...(typeof draft === "function" ? draft() : draft), taskId: `enemy: ${name}` });
  const named = () => (about === "nobody" ? [] : made().withdrawals.map(({ id }) => id));
  const orderTo = order ?? ((to) => orderOf(made(), to));
  return {
    kind,
    name,
    task: { envelope: () => sealTask(made()), code, about: named() },
    order:
      typeof holder === "string"
        ? { envelope: (to) => sealOrder({ ...orderTo(to), taskId: `enemy: ${name}` }), code: holder }
        : holder,
    ...rest,
  };
}

export const transaction = (name: string, code: string, draft: Draft | (() => Draft), options?: Options): Attack =>
  attack("transaction", name, code, draft, options);

export const sealed = (name: string, code: string, draft: Draft | (() => Draft), options?: Options): Attack =>
  attack("seals and envelopes", name, code, draft, options);

export const withPsbt = (psbt: Uint8Array): Draft => ({ ...honest, psbt });
