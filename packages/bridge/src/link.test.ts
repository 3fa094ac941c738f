// The link, one situation at a time; test/link-simulation.test.ts puts them together at random.

import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { keyOf, sessionBetween } from "../test/sessions.ts";
import type { BridgeSession } from "./identity.ts";
import { Link, type LinkEvent, type LinkOptions } from "./link.ts";
import { encodeHello, PROTOCOL_VERSION, parseLinkFrame } from "./link-frame.ts";
import { noiseHandshakes } from "./noise-session.ts";

const OPTIONS: Omit<LinkOptions, "localName" | "peerName" | "bootId" | "handshakes"> = {
  windowFrames: 8,
  heartbeatMs: 1_000,
  silenceMs: 3_000,
  initialRetransmitMs: 400,
  minRetransmitMs: 50,
  maxRetransmitMs: 2_000,
  rekeyFrames: 1_000,
  rekeyMs: 600_000,
  freeAttempts: 5,
  attemptMinMs: 1_000,
  attemptMaxMs: 8_000,
};

function end(bootId: bigint, names: { readonly localName: string; readonly peerName: string }, options: Changes): Link {
  const session = { ...sessionBetween(names.localName, names.peerName), ...options.session };
  const handshakes = noiseHandshakes({ ...names, ...session, randomBytes });
  return new Link({ ...OPTIONS, ...names, bootId, handshakes, ...options.link });
}

interface Changes {
  readonly link?: Partial<LinkOptions>;
  readonly session?: Partial<BridgeSession>;
}

/** The initiator. */
function left(bootId = 11n, options: Changes = {}): Link {
  return end(bootId, { localName: "left", peerName: "right" }, options);
}

/** The responder. */
function right(bootId = 22n, options: Changes = {}): Link {
  return end(bootId, { localName: "right", peerName: "left" }, options);
}

/** Everything that `link` wants to put on the wire now. */
function framesOf(link: Link, nowMs: number): readonly Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let frame = link.nextFrame(nowMs); frame !== undefined; frame = link.nextFrame(nowMs)) frames.push(frame);
  return frames;
}

/** Carries frames to and fro until both are quiet; gives what each reported. */
function settle(
  a: Link,
  b: Link,
  nowMs: number,
): { readonly a: readonly LinkEvent[]; readonly b: readonly LinkEvent[] } {
  const events = { a: [] as LinkEvent[], b: [] as LinkEvent[] };
  for (;;) {
    const fromA = framesOf(a, nowMs);
    const fromB = framesOf(b, nowMs);
    if (fromA.length + fromB.length === 0) return events;
    for (const frame of fromA) events.b.push(...b.receive(frame, nowMs));
    for (const frame of fromB) events.a.push(...a.receive(frame, nowMs));
  }
}

function connect(a: Link, b: Link, nowMs: number): ReturnType<typeof settle> {
  a.connected(nowMs);
  b.connected(nowMs);
  return settle(a, b, nowMs);
}

function deliveries(events: readonly LinkEvent[]): readonly number[] {
  return events.flatMap((event) => (event.kind === "delivered" ? [...event.body] : []));
}

test("two ends greet each other once and then are up", () => {
  const [a, b] = [left(), right()];
  const events = connect(a, b, 0);
  const established: LinkEvent = { kind: "established", fresh: true, peerRestarted: false };
  expect(events).toEqual({ a: [established], b: [established] });
  expect([a.isUp, b.isUp, a.canSend(), b.canSend()]).toEqual([true, true, true, true]);
});

test("a lost greeting is repeated", () => {
  const [a, b] = [left(), right()];
  a.connected(0);
  b.connected(0);
  framesOf(a, 0);
  framesOf(b, 0);
  expect(settle(a, b, 399)).toEqual({ a: [], b: [] });
  expect(a.dueAtMs()).toBe(400);
  settle(a, b, 400);
  expect([a.isUp, b.isUp]).toEqual([true, true]);
});

test("data goes both ways once and in order, and the acknowledgement rides along", () => {
  const [a, b] = [left(), right()];
  connect(a, b, 0);
  for (const content of [1, 2, 3]) a.send(Uint8Array.of(content));
  b.send(Uint8Array.of(9));
  const events = settle(a, b, 1);
  expect([deliveries(events.b), deliveries(events.a)]).toEqual([[1, 2, 3], [9]]);
  expect(framesOf(a, 400)).toEqual([]);
});

test("the window holds the sender back until the peer has acknowledged", () => {
  const [a, b] = [left(), right()];
  connect(a, b, 0);
  for (let i = 0; i < 8; i++) a.send(Uint8Array.of(i));
  expect(a.canSend()).toBe(false);
  expect(() => a.send(Uint8Array.of(8))).toThrow();
  settle(a, b, 1);
  expect(a.canSend()).toBe(true);
});

test("a frame that comes twice is delivered once, counted, and acknowledged again", () => {
  const [a, b] = [left(), right()];
  connect(a, b, 0);
  a.send(Uint8Array.of(5));
  const [frame] = framesOf(a, 1);
  if (frame === undefined) throw new Error("a frame was due");
  expect(deliveries(b.receive(frame, 1))).toEqual([5]);
  expect(framesOf(b, 1)).toHaveLength(1);
  expect(deliveries(b.receive(frame, 2))).toEqual([]);
  expect(b.counts().duplicates).toBe(1);
  expect(framesOf(b, 2)).toHaveLength(1);
});

test("a cut keeps the epoch: what was not acknowledged comes after the reconnect, what was does not", () => {
  const [a, b] = [left(), right()];
  connect(a, b, 0);
  for (const content of [1, 2, 3]) a.send(Uint8Array.of(content));
  const [first] = framesOf(a, 1);
  if (first === undefined) throw new Error("a frame was due");
  expect(deliveries(b.receive(first, 1))).toEqual([1]);
  a.disconnected();
  b.disconnected();
  expect([a.isUp, a.canSend(), a.nextFrame(2), a.dueAtMs()]).toEqual([
    false,
    false,
    undefined,
    Number.POSITIVE_INFINITY,
  ]);
  const events = connect(a, b, 3);
  expect(events.b[0]).toEqual({ kind: "established", fresh: false, peerRestarted: false });
  expect(deliveries(events.b)).toEqual([2, 3]);
});

test("a peer with a new boot id begins a new epoch, and frames of the old one are refused", () => {
  const [a, b] = [left(), right()];
  connect(a, b, 0);
  b.send(Uint8Array.of(7));
  const old = framesOf(b, 1);
  a.disconnected();
  const restarted = right(33n);
  const events = connect(a, restarted, 2);
  expect(events.a).toEqual([{ kind: "established", fresh: true, peerRestarted: true }]);
  for (const frame of old) expect(a.receive(frame, 3)).toEqual([]);
  expect(a.counts()).toMatchObject({ peerRestarts: 1, stale: 1 });
  restarted.send(Uint8Array.of(8));
  expect(deliveries(settle(a, restarted, 4).a)).toEqual([8]);
});

test("a peer that restarts behind an unbroken connection is noticed as well, whichever end it is", () => {
  const [a, b] = [left(), right()];
  connect(a, b, 0);
  const restartedRight = right(33n);
  restartedRight.connected(1_500);
  expect(settle(a, restartedRight, 1_500).a).toEqual([{ kind: "established", fresh: true, peerRestarted: true }]);
  const restartedLeft = left(44n);
  restartedLeft.connected(1_501);
  expect(settle(restartedLeft, restartedRight, 1_501).b).toEqual([
    { kind: "established", fresh: true, peerRestarted: true },
  ]);
  expect([restartedLeft.isUp, restartedRight.isUp]).toEqual([true, true]);
});

test("an older life of the peer that is still running is refused once a newer one took its place", () => {
  const [a, older] = [left(), right()];
  connect(a, older, 0);
  a.disconnected();
  older.disconnected();
  connect(a, right(33n), 1);
  a.disconnected();
  const events = connect(a, older, 2);
  expect(events.a).toEqual([
    { kind: "refused", code: "PEER_SUPERSEDED", detail: "an older process of the peer is still running" },
  ]);
});

test("a wrong name either way round and a wrong version are refused with their codes", () => {
  const link = (localName: string, peerName: string): Link => end(1n, { localName, peerName }, {});
  for (const [wrong, peer] of [
    [link("stranger", "left"), left()],
    [link("right", "zebra"), left()],
    [link("right", "zebra"), right()],
  ] as const) {
    const [refusal] = connect(wrong, peer, 0).b;
    expect(refusal).toMatchObject({ kind: "refused", code: "PEER_NAME_WRONG" });
    expect(peer.isUp).toBe(false);
  }
  const foreign = encodeHello({ step: "invitation", localName: "right", peerName: "left" });
  foreign[0] = PROTOCOL_VERSION + 1;
  const a = left();
  a.connected(0);
  expect(a.receive(foreign, 0)).toMatchObject([{ kind: "refused", code: "PEER_VERSION_UNSUPPORTED" }]);
});

test("an own frame reflected by the line is refused, not believed", () => {
  const a = left();
  a.connected(0);
  const [hello] = framesOf(a, 0);
  if (hello === undefined) throw new Error("a hello was due");
  expect(a.receive(hello, 0)).toMatchObject([{ kind: "refused", code: "PEER_NAME_WRONG" }]);
});

test("a quiet link sends heartbeats, and one that hears nothing believable is silent", () => {
  const [a, b] = [left(), right()];
  connect(a, b, 0);
  expect(a.dueAtMs()).toBe(1_000);
  expect(framesOf(a, 999)).toEqual([]);
  const [heartbeat] = framesOf(a, 1_000);
  expect(parseLinkFrame(heartbeat ?? new Uint8Array(0)).kind).toBe("ack");
  b.receive(heartbeat ?? new Uint8Array(0), 1_000);
  b.receive(Uint8Array.of(PROTOCOL_VERSION, 77), 3_500);
  expect([b.isSilent(3_999), b.isSilent(4_000)]).toEqual([false, true]);
  expect(b.counts().malformed).toBe(1);
});

test("a greeting that is never answered is silent too", () => {
  const a = left();
  a.connected(0);
  expect([a.isSilent(2_999), a.isSilent(3_000)]).toEqual([false, true]);
});

test("a frame that was altered on the way is dropped, counted, and comes again", () => {
  const [a, b] = [left(), right()];
  connect(a, b, 0);
  a.send(Uint8Array.of(6));
  const [frame] = framesOf(a, 1);
  for (let byte = 2; frame !== undefined && byte < frame.length; byte++) {
    const altered = Uint8Array.from(frame);
    altered[byte] = (altered[byte] as number) ^ 1;
    expect(b.receive(altered, 1)).toEqual([]);
  }
  const { unopened, stale, malformed } = b.counts();
  // Of the 49 bytes behind version and kind, eight name the session and four the length; of a count two bits are too many.
  expect([unopened + stale + malformed, b.isUp]).toEqual([49, true]);
  expect(unopened).toBeGreaterThan(30);
  expect(deliveries(settle(a, b, 1_000).b)).toEqual([6]);
});

test("what is repeated is the very bytes that went out first, although more was received in between", () => {
  const [a, b] = [left(), right()];
  connect(a, b, 0);
  a.send(Uint8Array.of(1));
  const [first] = framesOf(a, 1);
  b.send(Uint8Array.of(2));
  for (const frame of framesOf(b, 2)) a.receive(frame, 2);
  const again = framesOf(a, 700).filter((frame) => parseLinkFrame(frame).kind === "data");
  expect(again).toEqual([first]);
  expect(a.counts().retransmissions).toBe(1);
});

test("a confirmation that is lost is repeated, from either end", () => {
  for (const lost of ["initiator", "responder"] as const) {
    const [a, b] = [left(), right()];
    a.connected(0);
    b.connected(0);
    let dropped = 0;
    for (let turn = 0; turn < 6; turn++) {
      for (const [from, to, name] of [[a, b, "initiator"] as const, [b, a, "responder"] as const]) {
        for (const frame of framesOf(from, turn)) {
          const isConfirmation = parseLinkFrame(frame).kind === "confirm";
          if (isConfirmation && name === lost && dropped++ === 0) continue;
          to.receive(frame, turn);
        }
      }
    }
    expect([dropped, a.isUp && b.isUp]).toEqual([1, false]);
    settle(a, b, 500);
    expect([a.isUp, b.isUp]).toEqual([true, true]);
  }
});

describe("new keys", () => {
  const QUICK = { rekeyFrames: 20, rekeyMs: 60_000 };

  test("are made after so many frames, and what is under way arrives once and in order", () => {
    const [a, b] = [left(11n, { link: QUICK }), right(22n, { link: QUICK })];
    connect(a, b, 0);
    const received: number[] = [];
    for (let content = 0; content < 200; content++) {
      const nowMs = 1 + 10 * content;
      if (a.canSend()) a.send(Uint8Array.of(content));
      const { b: events } = settle(a, b, nowMs);
      received.push(...deliveries(events));
      expect(events.filter(({ kind }) => kind === "established")).toEqual([]);
    }
    expect(received).toEqual(Array.from({ length: 200 }, (_, content) => content));
    const { rekeys, sessions } = a.counts();
    expect(rekeys).toBeGreaterThan(10);
    expect([sessions, b.counts().rekeys]).toEqual([rekeys + 1, rekeys]);
  });

  test("are made after so long, and frames of the old ones are not believed any more", () => {
    const [a, b] = [left(), right()];
    connect(a, b, 0);
    a.send(Uint8Array.of(5));
    const old = framesOf(a, 599_000);
    expect(old.length).toBeGreaterThan(0);
    for (let nowMs = 599_500; nowMs < 602_000; nowMs += 100) settle(a, b, nowMs);
    expect([a.counts().rekeys, b.counts().rekeys]).toEqual([1, 1]);
    const { stale } = b.counts();
    for (const frame of old) expect(b.receive(frame, 602_000)).toEqual([]);
    expect(b.counts().stale).toBe(stale + old.length);
  });

  test("that cannot be had end the old ones at twice the limit: nothing more is sent under them", () => {
    const a = left(11n, { link: { ...QUICK, silenceMs: 600_000 } });
    const b = right();
    connect(a, b, 0);
    const kinds = new Set<string>();
    let frames = 0;
    for (let nowMs = 1; nowMs < 100_000; nowMs += 1_000) {
      const wasUp = a.isUp;
      for (const frame of framesOf(a, nowMs)) {
        const { kind } = parseLinkFrame(frame);
        if (!wasUp) kinds.add(kind);
        if (kind !== "hello") frames++;
      }
    }
    expect([a.isUp, a.canSend(), [...kinds]]).toEqual([false, false, ["hello"]]);
    expect(frames).toBeLessThanOrEqual(2 * QUICK.rekeyFrames);
  });
});

describe("handshakes that come to nothing", () => {
  test("are answered ever more rarely, and a confirmed one is worth a new start", () => {
    const stranger = (): Link => left(99n, { session: { key: keyOf("stranger") } });
    const b = right();
    let computed = 0;
    for (let nowMs = 0; nowMs < 60_000; nowMs += 100) {
      const a = stranger();
      a.connected(nowMs);
      b.connected(nowMs);
      const before = b.counts().unauthenticated;
      for (const frame of framesOf(a, nowMs)) b.receive(frame, nowMs);
      computed += b.counts().unauthenticated - before;
    }
    // Five at once, then after 1, 2, 4, 8, 8, … seconds.
    expect(computed).toBeLessThanOrEqual(15);
    expect(b.counts().throttled).toBeGreaterThan(500);
    b.connected(70_000);
    const honest = left();
    connect(honest, b, 70_000);
    expect([honest.isUp, b.isUp]).toEqual([true, true]);
    for (let nowMs = 80_000; nowMs < 80_400; nowMs += 100) {
      connect(honest, b, nowMs);
      expect(b.isUp).toBe(true);
    }
  });

  test("end a connection that is not proved, and never one that is", () => {
    const [a, b] = [left(), right()];
    connect(a, b, 0);
    const stranger = left(99n, { session: { key: keyOf("stranger") } });
    stranger.connected(1);
    const questions = framesOf(stranger, 1);
    for (const frame of questions) expect(b.receive(frame, 1)).toEqual([]);
    expect([b.isUp, b.counts().unauthenticated]).toEqual([true, questions.length]);
    a.send(Uint8Array.of(3));
    expect(deliveries(settle(a, b, 2).b)).toEqual([3]);
    const alone = right();
    alone.connected(2);
    expect(questions.flatMap((frame) => alone.receive(frame, 2))).toMatchObject([
      { kind: "refused", code: "PEER_UNAUTHENTICATED" },
    ]);
  });

  test("make the peer doubtful: silence after one is told apart from silence alone", () => {
    const [a, b] = [left(), right()];
    a.connected(0);
    b.connected(0);
    expect(b.isPeerDoubtful).toBe(false);
    for (const frame of framesOf(a, 0)) b.receive(frame, 0);
    expect([b.isPeerDoubtful, b.isSilent(3_000), b.isUp]).toEqual([true, true, false]);
  });
});

test("frames played again do not keep a connection alive", () => {
  const [a, b] = [left(), right()];
  connect(a, b, 0);
  a.send(Uint8Array.of(1));
  const recorded = [...framesOf(a, 100), ...framesOf(a, 1_200)];
  expect(recorded.length).toBeGreaterThanOrEqual(2);
  for (const frame of recorded) b.receive(frame, 1_200);
  for (let nowMs = 1_300; nowMs < 5_000; nowMs += 100) for (const frame of recorded) b.receive(frame, nowMs);
  expect([b.isSilent(4_199), b.isSilent(4_200)]).toEqual([false, true]);
  expect(b.counts().duplicates).toBeGreaterThan(50);
});
