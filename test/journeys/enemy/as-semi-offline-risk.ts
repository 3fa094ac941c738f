// An enemy in semi-offline-risk's place: a holder connects to it, as it connects to whoever listens there.
import { openBridge, unixListener } from "@sluice/bridge";
import { createTrust, type Holder, type MessageOf, open } from "@sluice/contracts";
import type { Stack } from "@sluice/devstack";
import { sessionOf } from "./bridge-session.ts";
import { createHeard } from "./heard.ts";
import { countIn } from "./topics.ts";

export type Order = MessageOf<"signing.ordered.v1">;
export type Answer = MessageOf<"signing.answered.v1">;
export type HolderReport = MessageOf<"holder.reported.v1">;

export type FalseZone = {
  /** Resolves when the holder has taken it, whatever it made of it. */
  readonly send: (envelope: Uint8Array) => Promise<void>;
  readonly answers: () => readonly Answer[];
  readonly answerOf: (taskId: string) => Promise<Answer>;
  /** What the holder says of itself after this moment. */
  readonly reportAfter: (atMs: number) => Promise<HolderReport>;
  readonly close: () => Promise<void>;
};

export function openFalseZone({ inside }: Stack, holder: Holder): FalseZone {
  const trust = createTrust(inside.trust);
  const answers = createHeard<Answer>();
  const reports = createHeard<{ readonly report: HolderReport; readonly saidAtMs: number }>();
  const bridge = openBridge({
    carrier: unixListener(inside.socketOf(holder)),
    localName: "semi-offline-risk",
    peerName: holder,
    session: sessionOf(inside.bridgeOf("semi-offline-risk"), holder),
    onMessage: async (bytes) => {
      const opened = open(trust, bytes, ["signing.answered.v1", "holder.reported.v1"]);
      if (!opened.ok) throw new Error(`the holder said something that does not open: ${opened.refusal.code}`);
      if (opened.value.type === "signing.answered.v1") answers.push(opened.value.message);
      else reports.push({ report: opened.value.message, saidAtMs: opened.value.occurredAtMs });
    },
  });
  return {
    send: (envelope) => bridge.send(envelope),
    answers: answers.all,
    answerOf: (taskId) =>
      answers.until(`an answer about ${taskId}`, (all) => all.find((answer) => answer.taskId === taskId)),
    reportAfter: async (atMs) => {
      const { report } = await reports.until("word from the holder", (all) =>
        all.find(({ saidAtMs }) => saidAtMs > atMs),
      );
      return report;
    },
    close: () => bridge.close(),
  };
}

/** How many orders the holder counts under this outcome. */
export function ordersWith({ metrics }: HolderReport, outcome: string): number {
  return countIn(metrics, "sluice_signer_orders_total", `outcome="${outcome}"`);
}
