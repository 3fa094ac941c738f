// The same line with everything on it: frames, link, Noise, messages, acceptance by the application.
import { type BridgeOptions, type BridgeSession, type Carrier, openBridge } from "@sluice/bridge";
import { type EndResult, PLAN, type What } from "./bridge-plan.ts";

/** The far end: sends each message back, or only accepts it. */
export function serveBridge(carrier: Carrier, session: BridgeSession, what: What): void {
  const bridge = openBridge({
    carrier,
    session,
    localName: "far",
    peerName: "near",
    onMessage: async (bytes) => {
      if (what === "round trips") bridge.send(bytes).catch(() => {});
    },
  });
}

export async function measureBridge(carrier: Carrier, session: BridgeSession, what: What): Promise<EndResult> {
  let arrived = (): void => {};
  const onMessage: BridgeOptions["onMessage"] = async () => arrived();
  const bridge = openBridge({ carrier, session, localName: "near", peerName: "far", onMessage });
  const message = Buffer.alloc(PLAN.roundTripBytes, 1);
  // Also waits until both ends have met.
  for (let done = 0; done < PLAN.warmUp; done++) await bridge.send(message);

  if (what === "round trips") {
    const us: number[] = [];
    for (let done = 0; done < PLAN.roundTrips + PLAN.warmUp; done++) {
      const begun = performance.now();
      const back = new Promise<void>((resolve) => (arrived = resolve));
      bridge.send(message).catch(() => {});
      await back;
      if (done >= PLAN.warmUp) us.push((performance.now() - begun) * 1_000);
    }
    return { what, us };
  }
  const large = Buffer.alloc(PLAN.messageBytes, 7);
  const begun = performance.now();
  await Promise.all(Array.from({ length: PLAN.messages }, () => bridge.send(large)));
  const megabytesPerSecond = (PLAN.messages * PLAN.messageBytes) / (performance.now() - begun) / 1_000;
  return { what, megabytesPerSecond, lostBytes: 0 };
}
