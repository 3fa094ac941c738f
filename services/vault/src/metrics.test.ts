// Readiness tells stuck from connected: a zone that takes nothing for longer than the deadline is no ready zone.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bridge, openBridge, unixConnector, unixListener } from "@sluice/bridge";
import { testBridgeSession } from "@sluice/bridge/testing";
import { expect, it, onTestFinished } from "vitest";
import { bridgeReadiness } from "./metrics.ts";

it("is ready while messages are in time, not while one is overdue, and again once it was accepted", async () => {
  const folder = mkdtempSync(join(tmpdir(), "readiness-"));
  const path = join(folder, "bridge.sock");
  const released = Promise.withResolvers<void>();
  const overdue = Promise.withResolvers<void>();
  const zone: Bridge = openBridge({
    carrier: unixListener(path),
    localName: "semi-offline-risk",
    peerName: "vault",
    session: testBridgeSession("semi-offline-risk", "vault"),
    onMessage: async (bytes) => {
      if (bytes.length > 1) await released.promise;
    },
  });
  const bridge = openBridge({
    carrier: unixConnector(path),
    localName: "vault",
    peerName: "semi-offline-risk",
    session: testBridgeSession("vault", "semi-offline-risk"),
    onMessage: async () => undefined,
    onDiagnostic: ({ code }) => {
      if (code === "MESSAGE_OVERDUE") overdue.resolve();
    },
  });
  onTestFinished(async () => {
    released.resolve();
    await Promise.all([bridge.close(), zone.close()]);
    rmSync(folder, { recursive: true });
  });
  expect(bridgeReadiness(bridge)).toEqual({ name: "bridge", ok: false, detail: "disconnected" });
  await bridge.send(Buffer.of(1));
  expect(bridgeReadiness(bridge)).toEqual({ name: "bridge", ok: true, detail: "connected" });
  const task = bridge.send(Buffer.of(1, 2), { deadlineMs: 50 });
  await overdue.promise;
  expect(bridgeReadiness(bridge)).toEqual({ name: "bridge", ok: false, detail: "connected, 1 messages overdue" });
  released.resolve();
  await task;
  expect(bridgeReadiness(bridge)).toEqual({ name: "bridge", ok: true, detail: "connected" });
});
