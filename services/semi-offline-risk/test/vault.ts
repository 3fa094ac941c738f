// Vault's end of the bridge, played by a test: sends tasks, keeps every report in the order in which it came.
import { once } from "node:events";
import { type Bridge, openBridge, unixConnector } from "@sluice/bridge";
import { testBridgeSession } from "@sluice/bridge/testing";
import { type MessageOf, type OpenedOf, open, seal } from "@sluice/contracts";
import { asMessage, type Seals, type Task } from "@sluice/second-opinion/fixtures";

export type Report = MessageOf<"risk.reported.v1">;

export type Heard = OpenedOf<"risk.reported.v1"> | OpenedOf<"signing.requested.v1">;

export type Vault = {
  readonly bridge: Bridge;
  /** By number, each once, however often it came. */
  readonly reports: () => readonly Report[];
  readonly envelopes: () => readonly OpenedOf<"risk.reported.v1">[];
  /** Every report, and every task of its own that came back, as often as it came and in that order. */
  readonly heard: () => readonly Heard[];
  readonly zone: () => MessageOf<"zone.reported.v1"> | undefined;
  readonly send: (task: Task) => Promise<void>;
  /** Resolves with what `find` finds, as soon as it finds something. */
  readonly until: <T>(find: () => T | undefined | false) => Promise<T>;
  /** The first report about a task with this verdict. */
  readonly verdict: (task: Task, kind: Report["verdict"]["case"]) => Promise<Report>;
};

export function openVault(seals: Seals, socket: string): Vault {
  const heard: Heard[] = [];
  let zone: MessageOf<"zone.reported.v1"> | undefined;
  const news = new EventTarget();
  const bridge = openBridge({
    carrier: unixConnector(socket),
    localName: "vault",
    peerName: "semi-offline-risk",
    session: testBridgeSession("vault", "semi-offline-risk"),
    onMessage: async (bytes) => {
      // Its own tasks come back when it asks for them.
      const opened = open(seals.trust, bytes, ["risk.reported.v1", "zone.reported.v1", "signing.requested.v1"]);
      if (!opened.ok) throw new Error(opened.refusal.code);
      if (opened.value.type === "zone.reported.v1") zone = opened.value.message;
      else heard.push(opened.value);
      news.dispatchEvent(new Event("message"));
    },
  });
  const envelopes = () => heard.filter((each) => each.type === "risk.reported.v1");
  const reports = (): readonly Report[] => {
    const byNumber = new Map(envelopes().map(({ message }) => [message.number, message]));
    return [...byNumber.values()].toSorted((left, right) => Number(left.number - right.number));
  };
  const until: Vault["until"] = async (find) => {
    for (;;) {
      const found = find();
      if (found !== undefined && found !== false) return found;
      await once(news, "message");
    }
  };
  return {
    bridge,
    reports,
    envelopes,
    heard: () => heard,
    zone: () => zone,
    until,
    send: (task) =>
      bridge.send(
        seal(seals.sealer("vault"), "signing.requested.v1", {
          id: task.taskId,
          key: task.walletId,
          occurredAtMs: Date.now(),
          message: asMessage(task),
        }),
      ),
    verdict: (task, kind) =>
      until(() => reports().find(({ taskId, verdict }) => taskId === task.taskId && verdict.case === kind)),
  };
}
