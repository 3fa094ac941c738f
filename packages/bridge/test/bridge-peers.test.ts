// Who may connect to a bridge, and what becomes of those who may not, on a real Unix-domain socket.
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { encodeFrame, FrameDecoder } from "../src/frame.ts";
import { Link } from "../src/link.ts";
import { encodeHello, PROTOCOL_VERSION } from "../src/link-frame.ts";
import { noiseHandshakes } from "../src/noise-session.ts";
import { type BridgeFixture, bytesOf, diagnosticOf, startFixture, text } from "./bridge-fixture.ts";
import { keyOf, sessionBetween } from "./sessions.ts";

const QUICK = { heartbeatMs: 50, silenceMs: 200 };

let fixture: BridgeFixture;

beforeEach(() => {
  fixture = startFixture();
});

afterEach(() => fixture.end());

test.each([
  { fault: "another name", names: { localName: "stranger", peerName: "left" } },
  { fault: "a peer it does not find here", names: { localName: "right", peerName: "vault" } },
])("a peer with $fault is refused with its code", async ({ names }) => {
  const refused = diagnosticOf("PEER_NAME_WRONG");
  const left = fixture.bridge("left", { onDiagnostic: refused.onDiagnostic });
  const stranger = fixture.bridge("right", names);
  await refused.seen;
  expect([left.state, stranger.state, left.stats().messagesReceived]).toEqual(["disconnected", "disconnected", 0]);
  expect(left.stats().peersRefused).toBeGreaterThan(0);
});

test.each([
  { fault: "another key than the pinned one", changes: { key: keyOf("stranger") } },
  { fault: "a key of ours that we do not have", changes: { peerPublicKey: keyOf("stranger").publicKey } },
  { fault: "another network", changes: { network: "mainnet" } },
])("a peer with $fault is never connected, is reported, and its messages wait", async ({ changes }) => {
  const refused = diagnosticOf("PEER_UNAUTHENTICATED");
  const got: string[] = [];
  const left = fixture.bridge("left", { onMessage: async (bytes) => void got.push(text(bytes)) });
  const session = { ...sessionBetween("right", "left"), ...changes };
  const stranger = fixture.bridge("right", { session, onDiagnostic: refused.onDiagnostic });
  stranger.send(bytesOf("let me in")).catch(() => {});
  await refused.seen;
  expect([left.state, stranger.state, got, stranger.stats().pendingMessages]).toEqual([
    "disconnected",
    "disconnected",
    [],
    1,
  ]);
  while (left.stats().connectionsUnproven === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(left.stats()).toMatchObject({ sessions: 0, messagesReceived: 0 });
});

test("a peer of another version is refused with its code", async () => {
  const refused = diagnosticOf("PEER_VERSION_UNSUPPORTED");
  fixture.bridge("left", { onDiagnostic: refused.onDiagnostic });
  const hello = encodeHello({ step: "invitation", localName: "right", peerName: "left" });
  hello[0] = PROTOCOL_VERSION + 1;
  (await fixture.rawPeer()).write(encodeFrame(hello));
  await refused.seen;
});

test("a second peer is turned away and counted, and the first does not notice", async () => {
  const turnedAway = diagnosticOf("CONNECTION_TURNED_AWAY");
  const left = fixture.bridge("left", { onDiagnostic: turnedAway.onDiagnostic });
  const right = fixture.bridge("right");
  await right.send(bytesOf("first"));
  await fixture.rawPeer();
  await turnedAway.seen;
  await right.send(bytesOf("still here"));
  expect(left.stats()).toMatchObject({ connections: 1, connectionsTurnedAway: 1, messagesReceived: 2 });
});

test("a peer that says nothing is cut off, and the right one is served", async () => {
  const silent = diagnosticOf("PEER_SILENT");
  const left = fixture.bridge("left", { limits: QUICK, onDiagnostic: silent.onDiagnostic });
  await fixture.rawPeer();
  await silent.seen;
  const right = fixture.bridge("right", { limits: QUICK });
  await right.send(bytesOf("hello"));
  expect(left.stats().messagesReceived).toBe(1);
  expect(left.stats().silences).toBeGreaterThan(0);
});

test("a peer that talks noise is cut off too, and the noise is counted", async () => {
  const silent = diagnosticOf("PEER_SILENT");
  const left = fixture.bridge("left", { limits: QUICK, onDiagnostic: silent.onDiagnostic });
  const noise = await fixture.rawPeer();
  const talk = setInterval(() => noise.write(Buffer.from([1, 2, 3, 0, 200, 5, 0])), 10);
  await silent.seen;
  clearInterval(talk);
  expect(left.stats().framesDropped).toBeGreaterThan(5);
});

test("a peer that breaks the protocol is told apart, and both begin anew", async () => {
  const violated = diagnosticOf("PEER_VIOLATION");
  const got: string[] = [];
  const left = fixture.bridge("left", {
    onDiagnostic: violated.onDiagnostic,
    onMessage: async (bytes) => void got.push(text(bytes)),
  });
  speak(await fixture.rawPeer(), Uint8Array.of(9, 9, 9));
  await violated.seen;
  const right = fixture.bridge("right");
  await right.send(bytesOf("well behaved"));
  expect(got).toEqual(["well behaved"]);
  expect(left.stats().peerViolations).toBe(1);
});

/** Greets like a proper peer and then sends one body of its choice. */
function speak(socket: Socket, body: Uint8Array): void {
  const times = {
    heartbeatMs: 1_000,
    silenceMs: 5_000,
    initialRetransmitMs: 500,
    minRetransmitMs: 50,
    maxRetransmitMs: 5_000,
    rekeyFrames: 1_000,
    rekeyMs: 60_000,
    freeAttempts: 5,
    attemptMinMs: 1_000,
    attemptMaxMs: 30_000,
  };
  const names = { localName: "right", peerName: "left" };
  const link = new Link({
    ...times,
    ...names,
    bootId: 77n,
    handshakes: noiseHandshakes({ ...names, ...sessionBetween("right", "left"), randomBytes }),
    windowFrames: 32,
  });
  const decoder = new FrameDecoder();
  const flush = (): void => {
    for (let frame = link.nextFrame(performance.now()); frame !== undefined; frame = link.nextFrame(performance.now()))
      socket.write(encodeFrame(frame));
  };
  link.connected(performance.now());
  flush();
  socket.on("data", (bytes: Buffer) => {
    decoder.push(bytes, (frame) => {
      for (const event of link.receive(frame, performance.now())) if (event.kind === "established") link.send(body);
    });
    flush();
  });
}
