// A holder that takes nothing: no more than so many orders wait for it here, and they reach it once it is there.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBridge, unixConnector } from "@sluice/bridge";
import { testBridgeSession } from "@sluice/bridge/testing";
import { createTrust, HOLDERS } from "@sluice/contracts";
import { expect, onTestFinished, test } from "vitest";
import { openHolders } from "../src/index.ts";

const [A] = HOLDERS;
const ORDERS = 200;
const WAIT_AT_MOST = 64;

test(`of ${ORDERS} orders for a holder that is away ${WAIT_AT_MOST} wait; the others stay on record and are sent again`, async () => {
  const folder = mkdtempSync(join(tmpdir(), "holders-"));
  const pathOf = (holder: string): string => join(folder, `${holder}.sock`);
  const nothing = () => undefined;
  const logger = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing, fatal: nothing };
  const holders = openHolders({
    bridges: { towards: (peer) => testBridgeSession("semi-offline-risk", peer) },
    carriers: Object.fromEntries(HOLDERS.map((holder) => [holder, { kind: "unix", path: pathOf(holder) }])) as never,
    trust: createTrust([]),
    requireIsolation: false,
    // No holder says anything here, so nothing is asked of it.
    journals: { alarmOf: () => "" } as never,
    logger: logger as never,
    onAnswer: async () => undefined,
    onVeto: async () => undefined,
    onChange: nothing,
  });
  onTestFinished(() => rmSync(folder, { recursive: true }));
  onTestFinished(() => holders.close());
  for (let number = 0; number < ORDERS; number += 1) holders.order(A, Buffer.from(`order ${number}`));

  const received: string[] = [];
  const all = Promise.withResolvers<void>();
  const bridge = openBridge({
    carrier: unixConnector(pathOf(A)),
    localName: A,
    peerName: "semi-offline-risk",
    session: testBridgeSession(A, "semi-offline-risk"),
    onMessage: async (bytes) => {
      received.push(Buffer.from(bytes).toString());
      if (Buffer.from(bytes).toString() === "the last") all.resolve();
    },
  });
  onTestFinished(() => bridge.close());
  while (received.length < WAIT_AT_MOST) await new Promise((resolve) => setTimeout(resolve, 5));
  holders.order(A, Buffer.from("the last"));
  await all.promise;
  const first = Array.from({ length: WAIT_AT_MOST }, (_, number) => `order ${number}`);
  expect(received).toEqual([...first, "the last"]);
});
