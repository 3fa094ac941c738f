// A key holder with its real decisions: decideSigning over a SignedHistory, and judgeAge. Its journal keeps what was synced; a
// torn last record is dropped. Seals, bytes and keys are apart; a signature is that it is known to the world.
import type { Refused, SigningIntent } from "@sluice/sign-once";
import { decideSigning, SignedHistory } from "@sluice/sign-once";
import { type Caps, judgeAge } from "../../services/semi-offline-signer/src/judge-order.ts";
import type { Cleared, Tx, World } from "./world.ts";

export type Order = {
  readonly taskId: string;
  readonly tx: Tx;
  readonly withdrawals: readonly {
    readonly withdrawalId: string;
    readonly anchor: string;
    readonly cleared: Cleared;
  }[];
  answered: boolean;
};

export type Answer = {
  readonly taskId: string;
  readonly kind: "signatures" | "invalid" | "refusal";
  readonly code: string;
  readonly signedBefore: boolean;
};

type Record = SigningIntent | Refused;

const DAY_MS = 86_400_000;
const CAPS: Caps = {
  maxPaymentSat: 10_000_000n,
  maxFeeSat: 100_000n,
  maxFeeRateSatPerKvbyte: 100_000n,
  maxFeePercent: 100,
  maxClearanceAgeMs: 7 * DAY_MS,
};

export class HolderModel {
  readonly #world: World;
  readonly #at: number;
  readonly #journal: Record[] = [];
  #synced = 0;
  #history = new SignedHistory();
  locked = false;

  constructor(world: World, at: number) {
    this.#world = world;
    this.#at = at;
  }

  get serves(): boolean {
    return !this.locked;
  }

  get #name(): string {
    return `holder ${this.#at}`;
  }

  /** Killed, or without power: what was not synced may be gone, and the key is. */
  crash(): void {
    const keeps = this.#world.chance.oneIn(2) ? this.#journal.length : this.#synced;
    this.#journal.length = this.#world.has("the journal is not synced") ? this.#synced : keeps;
    this.#synced = this.#journal.length;
    this.#history = new SignedHistory();
    for (const record of this.#journal) {
      this.#history.add(record);
    }
    this.locked = true;
    const line = this.#world.parts.zone.lines[this.#at];
    if (line === undefined) return;
    line.answers.length = 0;
    for (const order of line.orders) order.answered = false;
  }

  /** Answers the next order. */
  step(): boolean {
    const line = this.#world.parts.zone.lines[this.#at];
    const order = line?.orders.find(({ answered }) => !answered);
    if (line === undefined || order === undefined) return false;
    const answer = this.#world.setting.badHolder === this.#at ? this.#betray(order) : this.#answer(order);
    this.#world.trace?.push(`${this.#name}: ${order.taskId}, ${answer?.kind ?? "dies"} ${answer?.code ?? ""}`);
    if (answer === null) return true;
    order.answered = true;
    line.answers.push(answer);
    return true;
  }

  /** As handlers/signing-ordered.ts. Null when the process died before its answer left. */
  #answer({ taskId, tx, withdrawals }: Order): Answer | null {
    const world = this.#world;
    const signedBefore = this.#history.transaction(tx.txid) !== undefined;
    if (this.locked) return { taskId, kind: "refusal", code: "HOLDER_LOCKED", signedBefore };
    const intent: SigningIntent = {
      ...{ taskId, walletId: "hot", transactionId: tx.txid, inputs: tx.inputs },
      withdrawals: withdrawals.map(({ withdrawalId, anchor }) => ({ withdrawalId, anchor })),
    };
    const code = this.#judge(
      intent,
      withdrawals.map(({ cleared }) => cleared),
      tx,
    );
    if (code !== null) {
      const record = !signedBefore && !this.#history.wasRefused(taskId);
      if (record && !this.#append({ taskId, refused: code })) return null;
      return { taskId, kind: "refusal", code, signedBefore };
    }
    if (!signedBefore && !this.#append(intent)) return null;
    this.#sign(tx, withdrawals);
    if (world.crashAt("holder", ["between signature and answer"]) !== null) {
      this.crash();
      return null;
    }
    return { taskId, kind: "signatures", code: "", signedBefore };
  }

  #judge(intent: SigningIntent, cleared: readonly Cleared[], tx: Tx): string | null {
    const world = this.#world;
    if (cleared.some((each) => world.clearances.get(each.request.id) !== each)) return "SEAL_INVALID";
    const owed = (list: readonly { scriptHex: string; amountSat: bigint }[]) =>
      list
        .map(({ scriptHex, amountSat }) => `${scriptHex}=${amountSat}`)
        .toSorted()
        .join();
    const matches = owed(tx.payments) === owed(cleared.map(({ request }) => request));
    if (!matches && !world.has("a clearance serves for another amount")) return "PAYMENT_UNMATCHED";
    // Caps and clocks that change with a release, or with the hour.
    if (world.strikes("a holder refuses by its own caps", 8)) return "FEE_OVER_CAP";
    const decision = decideSigning(this.#history, intent);
    const anchored = ["WITHDRAWAL_ALREADY_SIGNED", "ANCHOR_CHANGED", "ANCHOR_MISSING"];
    const careless =
      (world.has("the holders demand no anchor") || world.has("a replacement may leave the anchor")) &&
      !decision.ok &&
      anchored.includes(decision.refusal.code);
    if (!decision.ok && !careless) return decision.refusal.code;
    const unsigned = cleared.flatMap(({ request: { id: withdrawalId }, clearedAtMs }) =>
      this.#history.anchorOf(withdrawalId) === undefined ? [{ withdrawalId, clearedAtMs }] : [],
    );
    const age = judgeAge(unsigned, CAPS, world.nowMs);
    return age.ok ? null : age.refusal.code;
  }

  /** False when the process died in it. */
  #append(record: Record): boolean {
    const world = this.#world;
    const point = world.crashAt("holder", [
      ...(["before its record", "in the middle of its record", "between record and sync", "after the sync"] as const),
    ]);
    if (point === "before its record" || point === "in the middle of its record") {
      // What is left of a record that was cut off is taken away when the journal is opened.
      this.crash();
      return false;
    }
    if ("refused" in record && world.has("a refusal is not kept")) return true;
    this.#journal.push(record);
    this.#history.add(record);
    if (point !== "between record and sync" && !world.has("the journal is not synced"))
      this.#synced = this.#journal.length;
    if (point === null) return true;
    this.crash();
    return false;
  }

  /** In enemy hands: signs what it is given, without a record, and says what it likes. */
  #betray({ taskId, tx, withdrawals }: Order): Answer {
    const { chance } = this.#world;
    this.#world.count("a bad holder answers as it likes");
    if (!chance.oneIn(8)) this.#sign(tx, withdrawals);
    const kind = chance.pick(["signatures", "invalid", "refusal", "refusal"] as const);
    const signed = this.#world.signatures.get(tx.txid)?.has(this.#at) === true;
    return { taskId, kind: kind === "signatures" && !signed ? "invalid" : kind, code: "LIES", signedBefore: false };
  }

  /** From here on the signature exists, whoever has it. */
  #sign(tx: Tx, withdrawals: Order["withdrawals"]): void {
    const world = this.#world;
    const ids = withdrawals.map(({ withdrawalId }) => withdrawalId).toSorted();
    if (world.setting.badHolder !== this.#at) {
      const known = world.signedFor.get(tx.txid);
      if (known !== undefined && known.join() !== ids.join()) {
        world.fail("CLEARED", `${tx.txid} was signed for ${known}`);
      }
      for (const { withdrawalId, cleared } of withdrawals) {
        if (world.clearances.get(withdrawalId) !== cleared) world.fail("CLEARED", `${withdrawalId} was never cleared`);
      }
      this.#checkPayments(tx, ids);
      world.signedFor.set(tx.txid, ids);
    }
    const by = world.signatures.get(tx.txid) ?? new Set<number>();
    world.signatures.set(tx.txid, by.add(this.#at));
    if (by.size < 2 || world.completed.includes(tx)) return;
    for (const other of world.completed) {
      const both = ids.find((id) => world.signedFor.get(other.txid)?.includes(id));
      const common = tx.inputs.some((outpoint) => other.inputs.includes(outpoint));
      if (both !== undefined && !common) world.fail("CONFLICT_RULE", `${both} in ${other.txid} and in ${tx.txid}`);
    }
    world.completed.push(tx);
  }

  #checkPayments(tx: Tx, ids: readonly string[]): void {
    const world = this.#world;
    const owed = ids.map((id) => {
      const request = world.accepted.get(id);
      return `${request?.scriptHex}=${request?.amountSat}`;
    });
    const paid = tx.payments.map(({ scriptHex, amountSat }) => `${scriptHex}=${amountSat}`);
    if (owed.toSorted().join() === paid.toSorted().join()) return;
    world.fail("RIGHT_PAYMENT", `${tx.txid} pays ${paid}, and owed is ${owed}`);
  }
}
