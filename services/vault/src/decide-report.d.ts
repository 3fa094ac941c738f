import { type WalletDescriptor } from "@sluice/chains";
import type { MessageOf } from "@sluice/contracts";
export type TaskState =
  | "planned"
  | "submitted"
  | "delayed"
  | "refused"
  | "stuck_for_person"
  | "signed"
  | "confirmed"
  | "superseded";
/** A task as it stands, with what it pays. */
export type TaskView = {
  readonly taskId: string;
  readonly transactionId: string;
  readonly psbt: Uint8Array;
  readonly state: TaskState;
  /** The version of the same payout, signed before, that it is to take the place of. */
  readonly replaces: string | null;
  readonly purpose: "" | "internal";
  readonly withdrawals: readonly {
    readonly withdrawalId: string;
    readonly attempt: number;
  }[];
};
export type Report = MessageOf<"risk.reported.v1">;
export type ReportDecision =
  | {
      readonly kind: "signed";
      readonly transaction: Uint8Array;
    }
  | {
      readonly kind: "delayed";
      readonly untilMs: number;
    }
  /** `refused` are paid never; `replanned` go into another transaction, each as its next attempt. */
  | {
      readonly kind: "refused";
      readonly refused: readonly string[];
      readonly replanned: readonly string[];
      readonly code: string;
      readonly detail: string;
    }
  /** Only the replacement is refused, or the internal transfer: nobody's withdrawal ends or is planned again by it. */
  | {
      readonly kind: "given-up";
      readonly code: string;
      readonly detail: string;
    }
  /** Another version is final by now, so this one is neither released nor an alarm. */
  | {
      readonly kind: "late";
    }
  /** Everything stays reserved until a person has looked. Others hear of the report only if it can be believed. */
  | {
      readonly kind: "stuck";
      readonly code: string;
      readonly detail: string;
      readonly publish: boolean;
    }
  /** It says what is known already. */
  | {
      readonly kind: "known";
    }
  | {
      readonly kind: "parked";
      readonly code: "TASK_UNKNOWN" | "REPORT_AFTER_VERDICT";
      readonly detail: string;
    };
export declare function decideReport(task: TaskView, report: Report, wallet: WalletDescriptor): ReportDecision;
