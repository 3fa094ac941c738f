// What vault measures of the bridge, and when the bridge is ready.
import type { Bridge } from "@sluice/bridge";
import type { OnlineService } from "@sluice/online-service";

/** Connected but stuck is not ready either: then messages are past their deadline, and still on their way. */
export function bridgeReadiness(bridge: Bridge): {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
} {
  const { overdueMessages } = bridge.stats();
  const detail = overdueMessages === 0 ? bridge.state : `${bridge.state}, ${overdueMessages} messages overdue`;
  return { name: "bridge", ok: bridge.state === "connected" && overdueMessages === 0, detail };
}

export function measureBridge({ metrics }: OnlineService, bridge: Bridge): void {
  metrics.gauge({
    name: "sluice_vault_bridge_connections",
    help: "1 while the semi-offline zone is connected.",
    collect: (gauge) => gauge.set(bridge.state === "connected" ? 1 : 0),
  });
  metrics.gauge({
    name: "sluice_vault_bridge_messages",
    help: "Messages over the bridge since the start, and those that wait for the other side, in time or not.",
    labels: ["kind"],
    collect: (gauge) => {
      const { messagesSent, messagesReceived, messagesRejected, pendingMessages, overdueMessages } = bridge.stats();
      gauge.set({ kind: "sent" }, messagesSent);
      gauge.set({ kind: "received" }, messagesReceived);
      gauge.set({ kind: "rejected" }, messagesRejected);
      gauge.set({ kind: "pending" }, pendingMessages);
      gauge.set({ kind: "overdue" }, overdueMessages);
    },
  });
}
