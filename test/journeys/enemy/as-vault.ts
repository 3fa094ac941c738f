// An enemy in vault's place: at its end of the bridge, with its real seal key, and with whatever it wants to have signed.
import { openBridge, unixConnector } from "@sluice/bridge";
import { type Coin, type Payment, type PlannedPayout, planPayout } from "@sluice/chains";
import { createTrust, type MessageOf, open, type Sealer, seal } from "@sluice/contracts";
import type { Stack } from "@sluice/devstack";
import { sessionOf } from "./bridge-session.ts";
import { createHeard } from "./heard.ts";

export type Task = MessageOf<"signing.requested.v1">;
export type Report = MessageOf<"risk.reported.v1">;
export type Zone = MessageOf<"zone.reported.v1">;

export type FalseVault = {
  /** Resolves when semi-offline-risk has taken it. */
  readonly send: (task: Task, sealer?: Sealer) => Promise<void>;
  readonly reportOf: (taskId: string) => Promise<Report>;
  readonly reports: () => readonly Report[];
  /** What the zone says of itself, as soon as every holder and the zone itself spoke after this moment. */
  readonly zoneAfter: (atMs: number) => Promise<Zone>;
  readonly close: () => Promise<void>;
};

export function openFalseVault({ inside }: Stack): FalseVault {
  const trust = createTrust(inside.trust);
  const reports = createHeard<Report>();
  const zones = createHeard<{ readonly zone: Zone; readonly saidAtMs: number }>();
  const bridge = openBridge({
    carrier: unixConnector(inside.socketOf("vault")),
    localName: "vault",
    peerName: "semi-offline-risk",
    session: sessionOf(inside.bridgeOf("vault"), "semi-offline-risk"),
    onMessage: async (bytes) => {
      const opened = open(trust, bytes, ["risk.reported.v1", "zone.reported.v1"]);
      if (!opened.ok) throw new Error(`the zone said something that does not open: ${opened.refusal.code}`);
      if (opened.value.type === "risk.reported.v1") reports.push(opened.value.message);
      else zones.push({ zone: opened.value.message, saidAtMs: opened.value.occurredAtMs });
    },
  });
  return {
    send: (task, sealer = inside.sealerOf("vault")) =>
      bridge.send(
        seal(sealer, "signing.requested.v1", {
          id: task.taskId,
          key: task.taskId,
          occurredAtMs: Date.now(),
          message: task,
        }),
      ),
    reports: reports.all,
    reportOf: (taskId) =>
      reports.until(`a verdict about ${taskId}`, (all) => all.find((report) => report.taskId === taskId)),
    zoneAfter: async (atMs) => {
      const { zone } = await zones.until("word from every holder", (all) =>
        all.find(
          ({ zone: { holders }, saidAtMs }) =>
            saidAtMs > atMs && holders.every(({ report, heardAtMs }) => report !== undefined && heardAtMs > atMs),
        ),
      );
      return zone;
    },
    close: () => bridge.close(),
  };
}

/** Verdict and first rule of a report, such as "refused PAYMENT_AMOUNT". */
export function verdictOf({ verdict }: Report): string {
  return verdict.case === "signed" ? "signed" : `${verdict.case} ${verdict.value.findings[0]?.finding.rule ?? ""}`;
}

/** A payout as vault itself would build it. */
export function plan(
  { wallet }: Stack,
  coins: readonly Coin[],
  payments: readonly Omit<Payment, "withdrawalId">[],
  feeRateSatPerVbyte = 5,
): PlannedPayout {
  const [first] = coins;
  const planned = planPayout({
    wallet,
    coins,
    requiredOutpoints: first === undefined ? [] : [`${first.txid}:${first.vout}`],
    payments: payments.map((payment, at) => ({ withdrawalId: `payment ${at}`, ...payment })),
    changeIndex: 30,
    feeRateSatPerVbyte,
  });
  if (!planned.ok) throw new Error(`${planned.refusal.code}: ${planned.refusal.detail}`);
  return planned.value;
}
