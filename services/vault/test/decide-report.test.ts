// What a verdict means for its task: given a task as it stands, when a report comes, then what is done.
import { planPayout } from "@sluice/chains";
import { decideReport, type Report, type TaskState, type TaskView } from "@sluice/planning";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTestWallet, fund, signWithTwo } from "./support/holders.ts";
import { DESTINATION } from "./support/world.ts";
import { delayed, refused } from "./support/zone.ts";

const wallet = createTestWallet();
const { psbt, txid } = planOf(100_000n);
const other = planOf(100_001n);

const task: TaskView = {
  taskId: "task-1",
  transactionId: txid,
  psbt,
  state: "submitted",
  replaces: null,
  purpose: "",
  withdrawals: [
    { withdrawalId: "a", attempt: 1 },
    { withdrawalId: "b", attempt: 2 },
  ],
};

function report(verdict: Report["verdict"], changes: Partial<Report> = {}): Report {
  return { number: 1n, taskId: "task-1", withdrawals: task.withdrawals, transactionId: txid, verdict, ...changes };
}

const signed = (bytes: Uint8Array): Report["verdict"] => ({
  case: "signed",
  value: { psbt: bytes, holders: ["x", "y"] },
});
const decide = (given: TaskView, when: Report) => decideReport(given, when, wallet.descriptor);

describe("decideReport", () => {
  it("releases the planned transaction once two holders signed it, whichever two", () => {
    for (const pair of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const) {
      expect(decide(task, report(signed(signWithTwo(wallet, psbt, pair))))).toMatchObject({ kind: "signed" });
    }
  });

  it("sounds the alarm and publishes nothing for another transaction than the planned one", () => {
    const then = decide(task, report(signed(signWithTwo(wallet, other.psbt))));
    expect(then).toMatchObject({ kind: "stuck", code: "SIGNED_OTHER_TRANSACTION", publish: false });
  });

  it("sounds the alarm for the planned transaction without signatures", () => {
    const then = decide(task, report(signed(psbt)));
    expect(then).toMatchObject({ kind: "stuck", code: "SIGNATURES_TOO_FEW", publish: false });
  });

  it("releases the planned transaction or none, whatever bit of what was signed is changed", () => {
    const good = signWithTwo(wallet, psbt);
    const released = decide(task, report(signed(good)));
    const place = fc.record({ at: fc.nat(good.length - 1), bit: fc.nat(7) });
    let alarms = 0;
    fc.assert(
      fc.property(place, ({ at, bit }) => {
        const changed = Uint8Array.from(good);
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        const then = decide(task, report(signed(changed)));
        // What a PSBT says of outputs to ourselves is a courtesy that never reaches the network.
        if (then.kind === "signed") expect(then).toEqual(released);
        else expect(then).toMatchObject({ kind: "stuck", publish: false });
        if (then.kind === "stuck") alarms += 1;
      }),
      { numRuns: 300 },
    );
    expect(alarms).toBeGreaterThan(100);
  });

  it("delays", () => {
    expect(decide(task, report(delayed(5_000)))).toEqual({ kind: "delayed", untilMs: 5_000 });
  });

  it("refuses whoever has a finding of its own and plans the companions again", () => {
    const then = decide(task, report(refused([["a", "LABELLED"]])));
    expect(then).toMatchObject({ kind: "refused", refused: ["a"], replanned: ["b"], code: "LABELLED" });
  });

  it("refuses nobody who is only suspended, and plans the companions without them", () => {
    const then = decide(task, report(refused([["a", "SUSPENDED"]])));
    expect(then).toMatchObject({ kind: "refused", refused: [], suspended: ["a"], replanned: ["b"], code: "SUSPENDED" });
    const labelled = decide(
      task,
      report(
        refused([
          ["a", "SUSPENDED"],
          ["a", "LABELLED"],
        ]),
      ),
    );
    expect(labelled).toMatchObject({ refused: ["a"], suspended: [], replanned: ["b"] });
  });

  it("plans all again when the finding is about the transaction as a whole", () => {
    const then = decide(task, report(refused([["", "FEE_TOO_HIGH"]])));
    expect(then).toMatchObject({ kind: "refused", refused: [], replanned: ["a", "b"], code: "FEE_TOO_HIGH" });
  });

  it("accepts a refusal that came before the bytes could be read", () => {
    const when = report(refused([["", "UNREADABLE"]]), { transactionId: "", withdrawals: [] });
    expect(decide(task, when)).toMatchObject({ kind: "refused", replanned: ["a", "b"] });
  });

  it("gives up a replacement or an internal transfer alone: no withdrawal is refused or planned again by it", () => {
    const no = report(refused([["a", "DESTINATION_LABELLED"]]));
    const given = { kind: "given-up", code: "DESTINATION_LABELLED" };
    expect(decide({ ...task, replaces: "task-0" }, no)).toMatchObject(given);
    const inside: TaskView = { ...task, purpose: "internal", withdrawals: [] };
    const about = report(refused([["", "INTERNAL_VELOCITY"]]), { withdrawals: [] });
    expect(decide(inside, about)).toMatchObject({ kind: "given-up", code: "INTERNAL_VELOCITY" });
  });

  it("takes what comes about a superseded version for neither news nor an alarm", () => {
    const superseded: TaskView = { ...task, state: "superseded" };
    for (const verdict of [delayed(1), refused([["a", "X"]]), signed(signWithTwo(wallet, psbt))]) {
      expect(decide(superseded, report(verdict))).toEqual({ kind: "late" });
    }
    expect(decide(superseded, report(delayed(1), { transactionId: "ab".repeat(32) }))).toMatchObject({
      kind: "parked",
    });
  });

  it("keeps everything reserved for a person when a signature may exist", () => {
    const then = decide(task, report(refused([["a", "HOLDER_SILENT"]], true)));
    expect(then).toMatchObject({ kind: "stuck", code: "SIGNATURE_MAY_EXIST", publish: true });
  });

  it.each<[string, Report]>([
    ["another transaction", report(delayed(1), { transactionId: other.txid })],
    ["no transaction, though signed", report(signed(signWithTwo(wallet, psbt)), { transactionId: "" })],
    ["another attempt", report(delayed(1), { withdrawals: [{ withdrawalId: "a", attempt: 9 }] })],
    ["fewer withdrawals, though signed", report(signed(signWithTwo(wallet, psbt)), { withdrawals: [] })],
    ["a finding about a stranger", report(refused([["stranger", "LABELLED"]]))],
  ])("believes no report about %s", (_, when) => {
    expect(decide(task, when)).toMatchObject({ kind: "stuck", code: "REPORT_MISMATCH", publish: false });
  });

  it.each<TaskState>(["refused", "stuck_for_person", "signed", "confirmed"])(
    "parks a verdict once it is %s",
    (state) => {
      const then = decide({ ...task, state }, report(refused([["a", "LATE"]])));
      expect(then).toMatchObject({ kind: "parked", code: "REPORT_AFTER_VERDICT" });
    },
  );

  it.each<TaskState>(["signed", "confirmed"])("has nothing to do when told again that it is %s", (state) => {
    expect(decide({ ...task, state }, report(signed(signWithTwo(wallet, psbt))))).toEqual({ kind: "known" });
  });

  it.each<TaskState>(["planned", "submitted", "delayed"])("takes a verdict while it is %s", (state) => {
    expect(decide({ ...task, state }, report(delayed(1)))).toMatchObject({ kind: "delayed" });
  });
});

function planOf(amountSat: bigint): { readonly psbt: Uint8Array; readonly txid: string } {
  const planned = planPayout({
    wallet: wallet.descriptor,
    coins: [fund(wallet, 1_000_000n)],
    payments: [
      { withdrawalId: "a", address: DESTINATION, amountSat },
      { withdrawalId: "b", address: DESTINATION, amountSat },
    ],
    changeIndex: 0,
    feeRateSatPerVbyte: 2,
  });
  if (!planned.ok) throw new Error(planned.refusal.detail);
  return planned.value;
}
