// The promises of DESIGN §3.1 by name, and what is thrown when a history breaks one.

export const PROMISES = {
  PAID_ONCE: "an accepted withdrawal is paid at most once by any chain that was ever the best one",
  CONFLICT_RULE: "whatever two holders have signed for one withdrawal spends an outpoint in common",
  CLEARED: "nothing is signed without its clearance, nor for others than those for whom it was signed first",
  RIGHT_PAYMENT: "what is signed pays each withdrawal's own address and amount, and nobody else",
  FINAL_IS_FINAL: "nothing leaves a final state",
  COMPLETED_IS_BURIED: "completed means that the payment lies as deep as demanded",
  REFUSED_IS_UNPAID: "what is rejected, cancelled or refused can be paid by nothing that was signed",
  ENDS: "when faults cease every accepted withdrawal ends, or waits for a person and says so",
  CONVERGES: "online-risk comes to the same state in whatever order it hears of the facts",
  LEDGER: "the ledger is balanced, and agrees with the chain",
  NO_RESERVATION_LEFT: "no reservation is left over at the end",
  ONE_TASK_PER_COIN: "no coin is in two live tasks",
  NOTHING_PARKED: "no honest process says what another has to park",
} as const;

export type Promised = keyof typeof PROMISES;

export class Violation extends Error {
  override readonly name = "Violation";
  readonly promised: Promised;

  constructor(promised: Promised, detail: string) {
    super(`${promised}: ${detail}`);
    this.promised = promised;
  }
}
