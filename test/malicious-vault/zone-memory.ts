// What semi-offline-risk would have in its database, in memory: what was ordered, for whom, out of which coins.
import { createHash } from "node:crypto";
import { encodeMessage, type MessageOf } from "@sluice/contracts";
import { anchorOf, type EarlierPayment, grossOutflowSat, type History, type ReadTask } from "@sluice/second-opinion";
import { noHistory } from "@sluice/second-opinion/fixtures";

type Ordered = {
  readonly taskId: string;
  readonly txid: string;
  readonly outpoints: readonly string[];
  readonly withdrawalIds: readonly string[];
};

/** The service's own SQL keeps the same by the same rules; its tests show that on a real database. */
export class ZoneMemory {
  readonly #contents = new Map<string, string>();
  readonly #anchors = new Map<string, EarlierPayment>();
  readonly #ordered: Ordered[] = [];
  readonly #outflow: { readonly atMs: number; readonly amountMinor: bigint; readonly internal: boolean }[] = [];
  #lastReport = 0n;

  /** How many transactions were ordered to be signed. */
  get ordered(): number {
    return this.#ordered.length;
  }

  anchors(): ReadonlyMap<string, string> {
    return new Map([...this.#anchors].map(([id, { anchor }]) => [id, anchor]));
  }

  nextReport(): bigint {
    this.#lastReport += 1n;
    return this.#lastReport;
  }

  /** The first content under a task's id is the only one. */
  accept(task: MessageOf<"signing.requested.v1">): "new" | "known" | "changed" {
    const content = createHash("sha256").update(encodeMessage("signing.requested.v1", task)).digest("hex");
    const known = this.#contents.get(task.taskId);
    this.#contents.set(task.taskId, known ?? content);
    return known === undefined ? "new" : known === content ? "known" : "changed";
  }

  historyFor({ due, decoded }: ReadTask, nowMs: number): History {
    const spent = new Set(decoded.inputs.map(({ outpoint }) => outpoint));
    return {
      ...noHistory(nowMs),
      paid: new Map(
        due.flatMap(({ withdrawalId }) => {
          const earlier = this.#anchors.get(withdrawalId);
          return earlier === undefined ? [] : [[withdrawalId, earlier] as const];
        }),
      ),
      spenders: this.#ordered.flatMap((earlier) => {
        const common = earlier.outpoints.filter((outpoint) => spent.has(outpoint));
        return common.length === 0 ? [] : [{ ...earlier, spared: this.#isSpared(common, earlier) ? common : null }];
      }),
      ofWallet: this.#outflow,
      internalFees: this.#outflow.filter(({ internal }) => internal),
    };
  }

  /** Whatever is ordered here is signed by all. */
  #isSpared(outpoints: readonly string[], { withdrawalIds }: Ordered): boolean {
    const versions = this.#ordered.filter((each) => withdrawalIds.every((id) => each.withdrawalIds.includes(id)));
    return withdrawalIds.length > 0 && outpoints.every((one) => versions.some((each) => !each.outpoints.includes(one)));
  }

  record(taskId: string, read: ReadTask, history: History, atMs: number): void {
    const { txid, inputs } = read.decoded;
    for (const { withdrawalId, scriptHex, amountSat } of read.due) {
      const anchor = anchorOf(withdrawalId, read, history);
      this.#anchors.set(withdrawalId, {
        scriptHex,
        amountSat,
        ...this.#anchors.get(withdrawalId),
        anchor,
        taskId,
        txid,
      });
    }
    if (this.#ordered.some((earlier) => earlier.txid === txid)) return;
    const withdrawalIds = read.due.map(({ withdrawalId }) => withdrawalId);
    this.#ordered.push({ taskId, txid, outpoints: inputs.map(({ outpoint }) => outpoint), withdrawalIds });
    this.#outflow.push({ atMs, amountMinor: grossOutflowSat(read.decoded), internal: read.due.length === 0 });
  }
}
