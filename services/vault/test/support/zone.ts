// The other end of the bridge, played by the test: a real bridge, real seals, real signatures, and a memory of its own.
import { type Bridge, openBridge, unixListener } from "@sluice/bridge";
import { testBridgeSession } from "@sluice/bridge/testing";
import { type MessageOf, open, type Sealer, seal, verifyClearance } from "@sluice/contracts";
import { onTestFinished } from "vitest";
import { decode, signWithTwo } from "./holders.ts";
import type { World } from "./world.ts";

export type Task = MessageOf<"signing.requested.v1">;
export type Verdict = MessageOf<"risk.reported.v1">["verdict"];
export type Report = MessageOf<"risk.reported.v1">;

/** Decides a task; null says nothing for now. `asked` counts how often the task was asked for. */
export type Decide = (task: Task, asked: number) => Verdict | null;

export type Zone = {
  /** Every request that was accepted, repetitions too. */
  readonly requests: readonly Task[];
  /** What people have stopped, as often as it was heard, exactly as it came, in hexadecimal. */
  readonly suspensions: readonly string[];
  readonly faults: readonly string[];
  readonly report: (task: Task, verdict: Verdict, changes?: ReportChanges) => Promise<void>;
  readonly send: (bytes: Uint8Array) => Promise<void>;
  readonly close: () => Promise<void>;
};

export type ReportChanges = { readonly message?: Partial<Report>; readonly sealer?: Sealer; readonly id?: string };

/** What the zone would have on its disk: it outlives the zone's processes. */
export type ZoneMemory = {
  number: bigint;
  readonly reports: Map<string, Uint8Array>;
  readonly tasks: Map<string, Uint8Array>;
  readonly asked: Map<string, number>;
};

export function createZoneMemory(): ZoneMemory {
  return { number: 0n, reports: new Map(), tasks: new Map(), asked: new Map() };
}

export function openZone(world: World, decide: Decide, memory: ZoneMemory = createZoneMemory()): Zone {
  const requests: Task[] = [];
  const suspensions: string[] = [];
  const faults: string[] = [];
  const bridge: Bridge = openBridge({
    carrier: unixListener(world.bridgeSocket),
    localName: "semi-offline-risk",
    peerName: "vault",
    session: testBridgeSession("semi-offline-risk", "vault"),
    onMessage: async (bytes) => {
      const opened = open(world.trust, bytes, [
        ...(["signing.requested.v1", "bundle.offered.v1", "recall.requested.v1", "suspension.changed.v1"] as const),
      ]);
      if (!opened.ok) {
        faults.push(opened.refusal.code);
        return;
      }
      if (opened.value.type === "bundle.offered.v1") return;
      if (opened.value.type === "suspension.changed.v1") {
        suspensions.push(Buffer.from(bytes).toString("hex"));
        return;
      }
      if (opened.value.type === "recall.requested.v1") return giveBack();
      const task = opened.value.message;
      memory.tasks.set(task.taskId, bytes);
      faults.push(...faultsOf(world, task));
      requests.push(task);
      const asked = (memory.asked.get(task.taskId) ?? 0) + 1;
      memory.asked.set(task.taskId, asked);
      const recorded = memory.reports.get(task.taskId);
      const verdict = recorded === undefined ? decide(task, asked) : null;
      if (recorded !== undefined) void bridge.send(recorded).catch(() => undefined);
      else if (verdict !== null) void report(task, verdict).catch(() => undefined);
    },
  });
  onTestFinished(() => bridge.close());
  return { requests, suspensions, faults, report, send: (bytes) => bridge.send(bytes), close: () => bridge.close() };

  /** Every task as vault sealed it, and its verdict behind it. */
  async function giveBack(): Promise<void> {
    for (const [taskId, request] of memory.tasks) {
      await bridge.send(request);
      const recorded = memory.reports.get(taskId);
      if (recorded !== undefined) await bridge.send(recorded);
    }
  }

  async function report(task: Task, verdict: Verdict, changes: ReportChanges = {}): Promise<void> {
    memory.number += 1n;
    const message: Report = {
      number: memory.number,
      taskId: task.taskId,
      withdrawals: withdrawalsOf(world, task),
      transactionId: decode(world.wallet, task.psbt).txid,
      verdict,
      ...changes.message,
    };
    const id = changes.id ?? `report-${memory.number}`;
    const sealer = changes.sealer ?? world.sealers["semi-offline-risk"];
    const envelope = seal(sealer, "risk.reported.v1", { id, key: task.taskId, occurredAtMs: 2_000, message });
    // A delay is no last word: asked again, the zone decides again.
    if (verdict.case !== "delayed" && changes.sealer === undefined) memory.reports.set(task.taskId, envelope);
    await bridge.send(envelope);
  }
}

export const sign =
  (world: World): Decide =>
  (task) =>
    signed(world, task);

export function signed(world: World, task: Task): Verdict {
  return { case: "signed", value: { psbt: signWithTwo(world.wallet, task.psbt), holders: ["a", "b"] } };
}

export function refused(rules: readonly (readonly [withdrawalId: string, rule: string])[], mayExist = false): Verdict {
  const findings = rules.map(([withdrawalId, rule]) => ({
    withdrawalId,
    finding: { rule, verdict: "refuse", reason: `broke ${rule}`, evidence: {} },
  }));
  return { case: "refused", value: { findings, signatureMayExist: mayExist } };
}

export function delayed(untilMs: number): Verdict {
  return { case: "delayed", value: { untilMs, findings: [] } };
}

export function withdrawalsOf(world: World, task: Task): Report["withdrawals"] {
  return task.withdrawals.map(({ clearance, attempt }) => {
    const verified = verifyClearance(world.trust, clearance);
    if (!verified.ok) throw new Error(verified.refusal.code);
    return { withdrawalId: verified.value.request.id, attempt };
  });
}

/** The least that the real zone would demand: every payment is one of the clearances, and the other way round. */
function faultsOf(world: World, task: Task): readonly string[] {
  const paid = decode(world.wallet, task.psbt).payments.map(({ amountSat }) => String(amountSat));
  const cleared = task.withdrawals.map(({ clearance }) => {
    const verified = verifyClearance(world.trust, clearance);
    return verified.ok ? verified.value.request.amount : verified.refusal.code;
  });
  return paid.toSorted().join() === cleared.toSorted().join() ? [] : [`${task.taskId} pays ${paid}, not ${cleared}`];
}

/** What the zone says of itself every two seconds. */
export function zoneNews(sealer: Sealer, number: number, databaseReady: boolean): Uint8Array {
  const message: MessageOf<"zone.reported.v1"> = {
    isolation: { noIp: true, detail: "no address" },
    databaseReady,
    holders: [],
    lastReportNumber: BigInt(number),
    metrics: `# TYPE sluice_journal_entries gauge\nsluice_journal_entries{service="semi-offline-risk"} ${number}\n`,
  };
  const id = `zone-${number}`;
  return seal(sealer, "zone.reported.v1", { id, key: "zone", occurredAtMs: number, message });
}
