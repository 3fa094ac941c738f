// openBridge over a real Unix-domain socket: what a service sees of it.
import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type Bridge,
  type BridgeDiagnostic,
  type BridgeOptions,
  MAX_MESSAGE_BYTES,
  openBridge,
  unixListener,
} from "../src/index.ts";
import { type BridgeFixture, bytesOf, diagnosticOf, startFixture, text } from "./bridge-fixture.ts";
import { sessionBetween } from "./sessions.ts";

const QUICK = { heartbeatMs: 100, silenceMs: 1_000 };

let fixture: BridgeFixture;

beforeEach(() => {
  fixture = startFixture();
});

afterEach(() => fixture.end());

describe("sending", () => {
  test("messages go both ways, in order, and send resolves once the other application has accepted", async () => {
    const accepted: string[] = [];
    const left = fixture.bridge("left", { onMessage: async (bytes) => void accepted.push(`left ${text(bytes)}`) });
    const right = fixture.bridge("right", { onMessage: async (bytes) => void accepted.push(`right ${text(bytes)}`) });
    await left.send(bytesOf("one"));
    expect(accepted).toEqual(["right one"]);
    await Promise.all([
      left.send(bytesOf("two")),
      left.send(bytesOf("three")),
      right.send(bytesOf("four")),
      left.send(bytesOf("")),
    ]);
    expect(accepted.filter((line) => line.startsWith("right"))).toEqual([
      "right one",
      "right two",
      "right three",
      "right ",
    ]);
    expect(accepted.filter((line) => line.startsWith("left"))).toEqual(["left four"]);
    expect([left.state, right.state]).toEqual(["connected", "connected"]);
    expect(left.stats()).toMatchObject({
      messagesSent: 4,
      messagesReceived: 1,
      pendingMessages: 0,
      pendingBytes: 0,
      framesDropped: 0,
    });
  });

  test("a message of the maximum passes, one byte more is refused with its code and leaves nothing behind", async () => {
    const largest = Buffer.alloc(MAX_MESSAGE_BYTES, "sluice");
    const got: Uint8Array[] = [];
    const left = fixture.bridge("left");
    fixture.bridge("right", { onMessage: async (bytes) => void got.push(bytes) });
    await expect(left.send(new Uint8Array(MAX_MESSAGE_BYTES + 1))).rejects.toMatchObject({
      code: "BRIDGE_MESSAGE_TOO_LARGE",
    });
    expect(left.stats().pendingMessages).toBe(0);
    await left.send(largest);
    expect(got.map((bytes) => largest.equals(bytes))).toEqual([true]);
  });

  test("the caller may use its buffer again at once", async () => {
    const got: string[] = [];
    const left = fixture.bridge("left");
    fixture.bridge("right", { onMessage: async (bytes) => void got.push(text(bytes)) });
    const buffer = Buffer.from("before");
    const sent = left.send(buffer);
    buffer.write("after!");
    await sent;
    expect(got).toEqual(["before"]);
  });

  test("without a peer messages wait, up to the limit, and go once the peer is there", async () => {
    const got: string[] = [];
    const left = fixture.bridge("left", { limits: { pendingMessages: 2 } });
    const first = [left.send(bytesOf("one")), left.send(bytesOf("two"))];
    await expect(left.send(bytesOf("three"))).rejects.toMatchObject({ code: "BRIDGE_QUEUE_FULL" });
    expect([left.state, left.stats().pendingMessages, left.stats().pendingBytes]).toEqual(["disconnected", 2, 6]);
    fixture.bridge("right", { onMessage: async (bytes) => void got.push(text(bytes)) });
    await Promise.all(first);
    expect(got).toEqual(["one", "two"]);
    await left.send(bytesOf("three"));
  });

  test("bytes are limited as well as messages", async () => {
    const left = fixture.bridge("left", { limits: { pendingBytes: MAX_MESSAGE_BYTES } });
    const first = left.send(new Uint8Array(MAX_MESSAGE_BYTES));
    await expect(left.send(Uint8Array.of(1))).rejects.toMatchObject({ code: "BRIDGE_QUEUE_FULL" });
    fixture.bridge("right");
    await first;
  });
});

describe("receiving", () => {
  test("a rejected message comes again, in its place, and is counted", async () => {
    const got: string[] = [];
    const diagnostics: BridgeDiagnostic[] = [];
    const failure = new Error("the database is away");
    const left = fixture.bridge("left");
    const right = fixture.bridge("right", {
      limits: { redeliveryMinMs: 1 },
      onDiagnostic: (event) => diagnostics.push(event),
      onMessage: async (bytes) => {
        got.push(text(bytes));
        if (text(bytes) === "two" && got.length < 4) throw failure;
      },
    });
    await Promise.all(["one", "two", "three"].map((content) => left.send(bytesOf(content))));
    expect(got).toEqual(["one", "two", "two", "two", "three"]);
    expect(right.stats()).toMatchObject({ messagesReceived: 3, messagesRejected: 2 });
    expect(diagnostics.filter(({ code }) => code === "MESSAGE_REJECTED")).toEqual([
      { code: "MESSAGE_REJECTED", error: failure, attempt: 1, retryInMs: 1 },
      { code: "MESSAGE_REJECTED", error: failure, attempt: 2, retryInMs: 2 },
    ]);
  });

  test("an application that takes its time holds the sender back in bounded memory, and loses nothing", async () => {
    const receiveBytes = 2 * MAX_MESSAGE_BYTES;
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    let received = 0;
    const left = fixture.bridge("left");
    const right = fixture.bridge("right", {
      limits: { receiveBytes },
      onMessage: async () => {
        await released;
        received++;
      },
    });
    const sent = Array.from({ length: 100 }, () => left.send(new Uint8Array(100_000)));
    // Messages the other way still pass, so the line itself is not blocked; meanwhile the receiver has filled up.
    for (let i = 0; i < 200; i++) await right.send(bytesOf("status"));
    const { receivedBytesHeld } = right.stats();
    expect(receivedBytesHeld).toBeLessThanOrEqual(receiveBytes);
    expect(receivedBytesHeld).toBeGreaterThan(receiveBytes / 2);
    expect(received).toBe(0);
    release();
    await Promise.all(sent);
    expect([received, right.stats().receivedBytesHeld]).toEqual([100, 0]);
  });

  test("two applications that answer from within onMessage do not block each other", async () => {
    const answered: string[] = [];
    const left: Bridge = fixture.bridge("left", { onMessage: async (bytes) => void answered.push(text(bytes)) });
    const right: Bridge = fixture.bridge("right", {
      onMessage: async (bytes) => right.send(bytesOf(`answer to ${text(bytes)}`)),
    });
    await Promise.all(Array.from({ length: 50 }, (_, i) => left.send(bytesOf(String(i)))));
    expect(answered).toEqual(Array.from({ length: 50 }, (_, i) => `answer to ${i}`));
  });
});

describe("state and end", () => {
  test("heartbeats keep a quiet bridge connected", async () => {
    const states: string[] = [];
    const left = fixture.bridge("left", { limits: QUICK, onStateChange: (state) => states.push(state) });
    const right = fixture.bridge("right", { limits: QUICK });
    await right.send(bytesOf("one"));
    await new Promise((resolve) => setTimeout(resolve, 2 * QUICK.silenceMs));
    expect([states, left.stats().connections, right.stats().silences]).toEqual([["connected"], 1, 0]);
  });

  test("the state is told at each change", async () => {
    const states: string[] = [];
    let changed = (): void => {};
    const disconnected = new Promise<void>((resolve) => (changed = resolve));
    const left = fixture.bridge("left", {
      onStateChange: (state) => {
        states.push(state);
        if (state === "disconnected") changed();
      },
    });
    expect(left.state).toBe("disconnected");
    const right = fixture.bridge("right");
    await right.send(bytesOf("one"));
    await right.close();
    await disconnected;
    expect(states).toEqual(["connected", "disconnected"]);
  });

  test("closing waits for the message in hand, and the peer still learns that it was accepted", async () => {
    let begun = (): void => {};
    const handed = new Promise<void>((resolve) => (begun = resolve));
    let finish = (): void => {};
    const left = fixture.bridge("left");
    const right = fixture.bridge("right", {
      onMessage: () => {
        begun();
        return new Promise((resolve) => (finish = resolve));
      },
    });
    const sent = left.send(bytesOf("one"));
    await handed;
    const closing = right.close();
    finish();
    await Promise.all([sent, closing]);
    expect(right.stats().messagesReceived).toBe(1);
  });

  test("closing rejects what is pending with its code, refuses what comes later, and removes the socket", async () => {
    const left = fixture.bridge("left");
    const pending = left.send(bytesOf("one"));
    const rejected = expect(pending).rejects.toMatchObject({ code: "BRIDGE_CLOSED" });
    await Promise.all([left.close(), left.close()]);
    await rejected;
    await expect(left.send(bytesOf("two"))).rejects.toMatchObject({ code: "BRIDGE_CLOSED" });
    expect(existsSync(fixture.path)).toBe(false);
  });

  test("a peer opened anew in the same process gets what the earlier one had not accepted", async () => {
    const got: string[] = [];
    const restarted = diagnosticOf("PEER_RESTARTED");
    const left = fixture.bridge("left", { onDiagnostic: restarted.onDiagnostic });
    let begun = (): void => {};
    const handed = new Promise<void>((resolve) => (begun = resolve));
    const first = fixture.bridge("right", {
      onMessage: () => {
        begun();
        return Promise.reject(new Error("not now"));
      },
    });
    const sent = Promise.all([left.send(bytesOf("one")), left.send(bytesOf("two"))]);
    await handed;
    await first.close();
    fixture.bridge("right", { onMessage: async (bytes) => void got.push(text(bytes)) });
    await sent;
    await restarted.seen;
    expect(got).toEqual(["one", "two"]);
  });

  test("wrong options are refused at once, each fault named", () => {
    const carrier = unixListener(fixture.path);
    const names = { localName: "left", peerName: "right" };
    const session = sessionBetween("left", "right");
    const wrong = (options: Partial<BridgeOptions>) => () =>
      openBridge({ carrier, ...names, session, onMessage: async () => {}, ...options });
    expect(wrong({ localName: "Left" })).toThrow(/BRIDGE_OPTIONS_INVALID: names/);
    expect(wrong({ localName: "right" })).toThrow(/BRIDGE_OPTIONS_INVALID: the two names must differ/);
    expect(wrong({ limits: { pendingBytes: 5, heartbeatMs: 0.5 } })).toThrow(
      /heartbeatMs is not a positive whole number; pendingBytes is under 1048576/,
    );
    expect(existsSync(fixture.path)).toBe(false);
  });
});
