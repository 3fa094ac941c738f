// Step 3: which of the waiting withdrawals the next transaction of a wallet pays, and with which coins. Pure.
import { type Coin, type PlannedPayout, type PlanRefusal, planPayout, type Wallet } from "@sluice/chains";

/** Builds the bytes of one transaction. The simulation has one of its own, because real bytes take it too long. */
export type BuildPayout = typeof planPayout;

/** A cleared withdrawal as the planner sees it. */
export type Candidate = {
  readonly withdrawalId: string;
  readonly address: string;
  readonly amountSat: bigint;
  /** The outpoint that every transaction for it has to spend; null until a signature may exist. */
  readonly anchor: string | null;
  /** It was refused in company, and nobody said because of whom. */
  readonly alone: boolean;
  readonly clearanceBytes: number;
};

export type WaitingCode = PlanRefusal["code"] | "MESSAGE_TOO_LARGE" | "ZONE_BUSY";

export type Choice = {
  /** Null when nothing can be planned now. */
  readonly payout: { readonly plan: PlannedPayout; readonly withdrawalIds: readonly string[] } | null;
  /** Why the others that were looked at wait. */
  readonly waiting: ReadonlyMap<string, WaitingCode>;
};

export type ChoiceRequest = {
  readonly wallet: Wallet;
  readonly coins: readonly Coin[];
  /** Oldest first. */
  readonly candidates: readonly Candidate[];
  readonly maxWithdrawals: number;
  readonly changeIndex: number;
  readonly feeRateSatPerVbyte: number;
  /** Of PSBT and clearances together, since both cross the bridge in one message. */
  readonly maxRequestBytes: number;
};

/**
 * Takes the oldest that fit into one transaction. When they do not all fit, each is tried in turn, so that one which is
 * too large for the coins at hand holds up none that is not. Withdrawals that share an anchor are paid by one
 * transaction, since only one can spend it, and with no others, whose fate would hang on it. One that is to be alone is.
 */
export function choosePayout(given: ChoiceRequest, build: BuildPayout = planPayout): Choice {
  const request = { ...given, build };
  const waiting = new Map<string, WaitingCode>();
  for (const lot of lotsOf(request.candidates)) {
    const [{ anchor }] = lot;
    const payout = anchor === null ? chooseFree(request, lot, waiting) : chooseAnchored(request, lot, anchor, waiting);
    if (payout !== null) return { payout, waiting };
  }
  return { payout: null, waiting };
}

type Lot = readonly [Candidate, ...Candidate[]];
type BuildRequest = ChoiceRequest & { readonly build: BuildPayout };

/** In the order of their oldest. */
function lotsOf(candidates: readonly Candidate[]): readonly Lot[] {
  const lots = new Map<string, [Candidate, ...Candidate[]]>();
  for (const candidate of candidates) {
    const name = lotNameOf(candidate);
    const lot = lots.get(name);
    if (lot === undefined) lots.set(name, [candidate]);
    else lot.push(candidate);
  }
  return [...lots.values()];
}

function lotNameOf({ anchor, alone, withdrawalId }: Candidate): string {
  if (anchor !== null) return `anchor ${anchor}`;
  return alone ? `alone ${withdrawalId}` : "free";
}

function chooseAnchored(
  request: BuildRequest,
  lot: Lot,
  anchor: string,
  waiting: Map<string, WaitingCode>,
): Choice["payout"] {
  const planned = plan(request, lot, [anchor]);
  if (planned.ok) return { plan: planned.plan, withdrawalIds: lot.map(({ withdrawalId }) => withdrawalId) };
  for (const { withdrawalId } of lot) waiting.set(withdrawalId, planned.code);
  return null;
}

function chooseFree(request: BuildRequest, lot: Lot, waiting: Map<string, WaitingCode>): Choice["payout"] {
  const oldest = lot.slice(0, request.maxWithdrawals);
  const whole = plan(request, oldest, []);
  if (whole.ok) return { plan: whole.plan, withdrawalIds: oldest.map(({ withdrawalId }) => withdrawalId) };
  let chosen: readonly Candidate[] = [];
  let best: PlannedPayout | null = null;
  for (const candidate of lot) {
    if (chosen.length === request.maxWithdrawals) break;
    const more = plan(request, [...chosen, candidate], []);
    if (more.ok) [chosen, best] = [[...chosen, candidate], more.plan];
    else waiting.set(candidate.withdrawalId, more.code);
  }
  return best === null ? null : { plan: best, withdrawalIds: chosen.map(({ withdrawalId }) => withdrawalId) };
}

type Planned = { readonly ok: true; readonly plan: PlannedPayout } | { readonly ok: false; readonly code: WaitingCode };

function plan(request: BuildRequest, payments: readonly Candidate[], requiredOutpoints: readonly string[]): Planned {
  const clearanceBytes = payments.reduce((sum, payment) => sum + payment.clearanceBytes, 0);
  const planned = request.build({
    wallet: request.wallet.descriptor,
    coins: request.coins,
    requiredOutpoints,
    payments,
    changeIndex: request.changeIndex,
    feeRateSatPerVbyte: request.feeRateSatPerVbyte,
    wantedPsbtBytes: request.maxRequestBytes - clearanceBytes,
    // What was refused may have been so for its fee, and is not made dearer for the sake of later payouts.
    plain: payments.some(({ alone }) => alone),
  });
  if (!planned.ok) return { ok: false, code: planned.refusal.code };
  const tooLarge = planned.value.psbt.length + clearanceBytes > request.maxRequestBytes;
  if (tooLarge) return { ok: false, code: "MESSAGE_TOO_LARGE" };
  return { ok: true, plan: planned.value };
}
