// The link, one situation at a time; test/link-simulation.test.ts puts them together at random.
import { expect, test } from "vitest";
import { Link, type LinkEvent, type LinkOptions } from "./link.ts";
import { encodeHello, PROTOCOL_VERSION, parseLinkFrame } from "./link-frame.ts";
import { plainSession } from "./session.ts";

const OPTIONS: Omit<LinkOptions, "localName" | "peerName" | "bootId"> = {
  session: plainSession(),
  windowFrames: 8,
  heartbeatMs: 1_000,
  silenceMs: 3_000,
  initialRetransmitMs: 400,
  minRetransmitMs: 50,
  maxRetransmitMs: 2_000,
};

function left(bootId = 11n, options: Partial<LinkOptions> = {}): Link {
  return new Link({ ...OPTIONS, localName: "left", peerName: "right", bootId, ...options });
}

function right(bootId = 22n, options: Partial<LinkOptions> = {}): Link {
  return new Link({ ...OPTIONS, localName: "right", peerName: "left", bootId, ...options });
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

test("a peer that restarts behind an unbroken connection is noticed as well", () => {
  const [a, b] = [left(), right()];
  connect(a, b, 0);
  const restarted = right(33n);
  restarted.connected(1);
  expect(settle(a, restarted, 1).a).toEqual([{ kind: "established", fresh: true, peerRestarted: true }]);
  expect(restarted.isUp).toBe(true);
});

test("replaying a whole recorded greeting of an earlier life changes nothing", () => {
  const [a, b] = [left(), right()];
  a.connected(0);
  b.connected(0);
  const recorded: Uint8Array[] = [];
  for (let i = 0; i < 4; i++) {
    const frames = framesOf(b, 0);
    recorded.push(...frames);
    for (const frame of framesOf(a, 0)) b.receive(frame, 0);
    for (const frame of frames) a.receive(frame, 0);
  }
  a.disconnected();
  const restarted = right(33n);
  connect(a, restarted, 1);
  for (const frame of recorded) expect(a.receive(frame, 2)).toEqual([]);
  expect(recorded.length).toBeGreaterThan(1);
  expect(a.counts()).toMatchObject({ peerRestarts: 1, stale: recorded.length });
});

test("a delayed hello of a life that was never established does not replace the present one", () => {
  const [a, never] = [left(), right(44n)];
  a.connected(0);
  never.connected(0);
  for (const frame of framesOf(a, 0)) never.receive(frame, 0);
  const delayed = framesOf(never, 0);
  connect(a, right(), 1);
  for (const frame of delayed) expect(a.receive(frame, 2)).toEqual([]);
  expect([a.counts().peerRestarts, delayed.length]).toEqual([0, 1]);
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
  const cases = [
    { link: right(1n, { localName: "stranger" }), code: "PEER_NAME_WRONG" },
    { link: right(1n, { peerName: "somebody-else" }), code: "PEER_NAME_WRONG" },
  ];
  for (const { link, code } of cases) {
    const a = left();
    expect(connect(a, link, 0).a[0]).toMatchObject({ kind: "refused", code });
    expect(a.isUp).toBe(false);
  }
  const hello = {
    bootId: 1n,
    challenge: 1,
    heardBootId: 0n,
    heardChallenge: 0,
    wantsAnswer: true,
    localName: "right",
    peerName: "left",
  };
  const foreign = encodeHello(hello);
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

test("a frame that the session does not open is dropped, counted, and comes again", () => {
  let damaged = 0;
  const session = {
    ...plainSession(),
    open: ({ body }: { readonly body: Uint8Array }) => (damaged++ === 0 ? undefined : body),
  };
  const [a, b] = [left(), right(22n, { session })];
  connect(a, b, 0);
  a.send(Uint8Array.of(6));
  expect(deliveries(settle(a, b, 1).b)).toEqual([]);
  expect(b.counts().unopened).toBe(1);
  expect(deliveries(settle(a, b, 1_000).b)).toEqual([6]);
});
