// The lines to the three key holders, and what is known of each: connected, heard of, serving.
import { type Bridge, type BridgeIdentity, type CarrierAddress, openBridge, openCarrier } from "@sluice/bridge";
import { HOLDERS, type Holder, type MessageOf, type OpenedOf, open, type Trust } from "@sluice/contracts";
import type { Logger } from "@sluice/runtime";
import type { JournalWatch } from "./journal-watch.ts";

export type HolderStatus = {
  readonly holder: Holder;
  readonly connected: boolean;
  readonly heardAtMs: number;
  readonly report: MessageOf<"holder.reported.v1"> | undefined;
  /** What stands against its journal, or nothing. */
  readonly alarm: string;
};

export type Holders = {
  readonly status: () => readonly HolderStatus[];
  /** Those that can be asked to sign now. */
  readonly live: () => readonly Holder[];
  /** When the present connection to it began; what it was sent before may have been lost. */
  readonly liveSinceMs: (holder: Holder) => number;
  /** Fire and forget: the order is on record, and is sent again when no answer comes. A line that is full gets none. */
  readonly order: (holder: Holder, envelope: Uint8Array) => void;
  readonly close: () => Promise<void>;
};

type Options = {
  readonly bridges: BridgeIdentity;
  readonly carriers: Readonly<Record<Holder, CarrierAddress>>;
  readonly trust: Trust;
  readonly requireIsolation: boolean;
  readonly journals: JournalWatch;
  readonly logger: Logger;
  readonly onAnswer: (answered: OpenedOf<"signing.answered.v1">) => Promise<void>;
  readonly onVeto: (vetoed: OpenedOf<"signing.vetoed.v1">) => Promise<void>;
  readonly onChange: () => void;
};

/** A holder reports every two seconds; one that has missed several is not counted on. */
const HEARD_WITHIN_MS = 8_000;
/** Orders that wait for one holder at once. */
const MOST_ORDERS = 64;

export function openHolders(options: Options): Holders {
  const lines = HOLDERS.map((holder) => openLine(holder, options));
  const live = (): readonly Holder[] =>
    lines
      .filter(({ holder, status }) => isLive(status(), options.requireIsolation) && options.journals.mayOrder(holder))
      .map(({ holder }) => holder);
  return {
    live,
    liveSinceMs: (holder) => lines.find((line) => line.holder === holder)?.connectedAtMs() ?? 0,
    status: () => lines.map((line) => line.status()),
    order: (holder, envelope) => {
      const line = lines.find((each) => each.holder === holder);
      if (line === undefined || line.bridge.stats().pendingMessages >= MOST_ORDERS) return;
      line.bridge
        .send(envelope)
        .catch((err: unknown) => options.logger.warn({ err, holder }, "an order was not taken; it is sent again"));
    },
    close: async () => {
      await Promise.all(lines.map(({ bridge }) => bridge.close()));
    },
  };
}

type Line = {
  readonly holder: Holder;
  readonly bridge: Bridge;
  readonly status: () => HolderStatus;
  readonly connectedAtMs: () => number;
};

function openLine(holder: Holder, options: Options): Line {
  const { logger, trust, journals, onAnswer, onVeto, onChange } = options;
  let heardAtMs = 0;
  let connectedAtMs = 0;
  let report: HolderStatus["report"];
  const bridge = openBridge({
    carrier: openCarrier(options.carriers[holder], "listen"),
    localName: "semi-offline-risk",
    peerName: holder,
    session: options.bridges.towards(holder),
    onMessage: async (bytes) => {
      const opened = open(trust, bytes, ["signing.answered.v1", "signing.vetoed.v1", "holder.reported.v1"]);
      // A holder speaks for itself only, on its own line.
      if (!opened.ok || opened.value.producer !== holder) {
        logger.error(
          { holder, refusal: opened.ok ? "another's seal" : opened.refusal },
          "what a holder sent is dropped",
        );
        return;
      }
      if (opened.value.type === "signing.answered.v1") return onAnswer(opened.value);
      if (opened.value.type === "signing.vetoed.v1") return onVeto(opened.value);
      await journals.hear(holder, opened.value.message);
      const wasLive = isLive(status(), options.requireIsolation);
      heardAtMs = Date.now();
      report = opened.value.message;
      if (!wasLive) onChange();
    },
    onStateChange: (state) => {
      logger.info({ holder, state }, "bridge to a holder");
      // What it said before it went away says nothing of now.
      if (state === "disconnected") report = undefined;
      if (state === "connected") connectedAtMs = Date.now();
      onChange();
    },
    onDiagnostic: (event) => logger.warn({ holder, event }, "bridge to a holder"),
  });
  const status = (): HolderStatus => {
    return { holder, connected: bridge.state === "connected", heardAtMs, report, alarm: journals.alarmOf(holder) };
  };
  return { holder, bridge, status, connectedAtMs: () => connectedAtMs };
}

function isLive({ connected, heardAtMs, report }: HolderStatus, requireIsolation: boolean): boolean {
  if (!connected || report?.state !== "serving" || Date.now() - heardAtMs > HEARD_WITHIN_MS) return false;
  return report.isolation.noIp || !requireIsolation;
}
