// One semi-offline zone of the suite: the second opinion with its memory, and three holders with keys and journals.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOLDERS, type Holder, type MessageOf, open, seal, type Trust } from "@sluice/contracts";
import { judgeTask, type Policy, type ReadTask, readTask, reportOf } from "@sluice/second-opinion";
import { makePolicy, noHistory } from "@sluice/second-opinion/fixtures";
import { openJournal } from "@sluice/sign-once";
import { HOLDER_CAPS, keyOf } from "@sluice/signing-fixtures";
import { holders as testHolders } from "../../packages/chains/test/tampering/index.ts";
import {
  answerOrder,
  type Holder as OpenHolder,
} from "../../services/semi-offline-signer/src/handlers/signing-ordered.ts";
import type { HolderPolicy } from "../../services/semi-offline-signer/src/judge-order.ts";
import { NOW_MS, seals, trust, wallet } from "./honest.ts";
import { ZoneMemory } from "./zone-memory.ts";

export type Report = MessageOf<"risk.reported.v1">;

export type ZoneVerdict =
  /** Its seal does not hold: nobody is known who could be answered, so it is an alarm in the zone's own log. */
  | { readonly kind: "dropped"; readonly code: string }
  | { readonly kind: "reported"; readonly code: string; readonly report: Report }
  | { readonly kind: "signed"; readonly read: ReadTask };

export type HolderVerdict =
  | { readonly kind: "dropped"; readonly code: string }
  | { readonly kind: "refused"; readonly code: string }
  | {
      readonly kind: "signed";
      readonly outcome: "first" | "again";
      readonly answer: MessageOf<"signing.answered.v1">;
    };

export type Party = {
  readonly memory: ZoneMemory;
  readonly holders: ReadonlyMap<Holder, OpenHolder>;
  readonly judgeTask: (envelope: Uint8Array, nowMs?: number) => ZoneVerdict;
  readonly judgeOrder: (holder: Holder, envelope: Uint8Array, nowMs?: number) => HolderVerdict;
  /** Transactions on record with each holder. */
  readonly entries: () => readonly number[];
  readonly close: () => void;
};

export const wallets = new Map([[wallet.walletId, wallet]]);
export const policy: Policy = makePolicy();
const keys = testHolders.map(({ accountKey }) => keyOf(accountKey));

export function holderPolicy(holder: Holder): HolderPolicy {
  return { holder, trust, wallets, caps: HOLDER_CAPS };
}

/** What a zone is made of, and what a planted bug takes away from it. */
export type Parts = {
  readonly limits?: Policy;
  readonly trust?: Trust;
  readonly judge?: typeof judgeTask;
  readonly remembers?: boolean;
  readonly holder?: (holder: OpenHolder) => OpenHolder;
};

export function makeParty(parts: Parts = {}): Party {
  const folder = mkdtempSync(join(tmpdir(), "malicious-vault-"));
  const memory = new ZoneMemory();
  const holders = new Map(
    HOLDERS.map((name, at) => {
      const holder = makeHolder(name, at, folder);
      return [name, parts.holder?.(holder) ?? holder] as const;
    }),
  );
  return {
    memory,
    holders,
    judgeTask: (envelope, nowMs = NOW_MS) => judgeAsZone(memory, parts, envelope, nowMs),
    judgeOrder: (name, envelope, nowMs = NOW_MS) => {
      const holder = holders.get(name);
      if (holder === undefined) throw new Error(`nobody is ${name}`);
      return judgeAsHolder({ ...holder, now: () => nowMs }, envelope);
    },
    entries: () => [...holders.values()].map(({ journal }) => journal.entries),
    close: () => {
      for (const { journal } of holders.values()) journal.close();
      rmSync(folder, { recursive: true });
    },
  };
}

function makeHolder(holder: Holder, at: number, folder: string): OpenHolder {
  const key = keys[at];
  if (key === undefined) throw new Error("there are three keys");
  const journal = openJournal(folder, holder);
  return { policy: holderPolicy(holder), journal, keys: [key], sealer: seals.sealer(holder), now: () => NOW_MS };
}

/** What signing-requested.ts and judge-stage.ts do with a message from vault, with a memory in place of the database. */
function judgeAsZone(memory: ZoneMemory, parts: Parts, envelope: Uint8Array, nowMs: number): ZoneVerdict {
  const { limits = policy, trust: counted = trust, judge = judgeTask, remembers = true } = parts;
  const opened = open(counted, envelope, ["signing.requested.v1"]);
  if (!opened.ok) return { kind: "dropped", code: opened.refusal.code };
  const { message } = opened.value;
  if (memory.accept(message) === "changed") return { kind: "dropped", code: "TASK_CHANGED" };
  const { taskId } = message;
  const reading = readTask(message, { trust: counted, wallets });
  if (reading.kind === "refuse") return reported(memory, reportOf(taskId, reading, reading));
  const { read } = reading;
  const history = remembers ? memory.historyFor(read, nowMs) : noHistory(nowMs);
  const judgement = judge(read, limits, history, nowMs);
  if (judgement.kind !== "sign") {
    const withdrawals = read.due.map(({ withdrawalId, attempt }) => ({ withdrawalId, attempt }));
    return reported(memory, reportOf(taskId, { withdrawals, txid: read.decoded.txid }, judgement));
  }
  memory.record(taskId, read, history, nowMs);
  return { kind: "signed", read };
}

/** Sealed as the zone seals it, and opened as online-risk does. */
function reported(memory: ZoneMemory, unnumbered: Omit<Report, "number">): ZoneVerdict {
  const number = memory.nextReport();
  const { taskId } = unnumbered;
  const envelope = seal(seals.sealer("semi-offline-risk"), "risk.reported.v1", {
    id: `${taskId}/${number}`,
    key: taskId,
    occurredAtMs: NOW_MS,
    message: { ...unnumbered, number },
  });
  const opened = open(trust, envelope, ["risk.reported.v1"]);
  if (!opened.ok) throw new Error(opened.refusal.code);
  const report = opened.value.message;
  if (report.verdict.case === "signed") throw new Error("a refusal says signed");
  const code = report.verdict.value.findings[0]?.finding.rule ?? "";
  return { kind: "reported", code, report };
}

/** What a holder's main.ts does with a message from semi-offline-risk. */
function judgeAsHolder(holder: OpenHolder, envelope: Uint8Array): HolderVerdict {
  const opened = open(holder.policy.trust, envelope, ["signing.ordered.v1"]);
  if (!opened.ok) return { kind: "dropped", code: opened.refusal.code };
  const { envelope: sealed, outcome } = answerOrder(opened.value, holder);
  const back = open(trust, sealed, ["signing.answered.v1"]);
  if (!back.ok) throw new Error(back.refusal.code);
  const answer = back.value.message;
  if (answer.answer.case === "refusal") return { kind: "refused", code: answer.answer.value.code };
  if (outcome !== "first" && outcome !== "again") throw new Error(`signatures with ${outcome}`);
  return { kind: "signed", outcome, answer };
}
