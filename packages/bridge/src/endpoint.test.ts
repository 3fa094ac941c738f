// The endpoint against peers that do not keep to the protocol: nothing throws, and nothing grows past its limit.
import fc from "fast-check";
import { expect, test } from "vitest";
import { toyHandshakes } from "../test/toy-session.ts";
import { Endpoint, type EndpointEvent, type EndpointOptions } from "./endpoint.ts";
import { encodeFrame, FrameDecoder, MAX_WIRE_BYTES } from "./frame.ts";
import { Link } from "./link.ts";
import {
  encodeFragment,
  encodeStatus,
  MAX_FRAGMENT_BYTES,
  MAX_MESSAGE_BYTES,
  MAX_URGENT_MESSAGE_BYTES,
  MESSAGE_COST_BYTES,
  type Priority,
} from "./message-frame.ts";

const RECEIVE_BYTES = MAX_MESSAGE_BYTES + MESSAGE_COST_BYTES;
const LINK = {
  windowFrames: 32,
  heartbeatMs: 1_000,
  silenceMs: 5_000,
  initialRetransmitMs: 500,
  minRetransmitMs: 50,
  maxRetransmitMs: 5_000,
  rekeyFrames: 1_000_000,
  rekeyMs: 600_000,
  freeAttempts: 5,
  attemptMinMs: 1_000,
  attemptMaxMs: 30_000,
};
let handshakes = 0n;
const between = (localName: string, peerName: string) => ({
  localName,
  peerName,
  handshakes: toyHandshakes({ localName, peerName, bits64: () => ++handshakes }),
});
const OPTIONS: EndpointOptions = {
  pendingMessages: 10,
  pendingBytes: MAX_MESSAGE_BYTES,
  receiveBytes: RECEIVE_BYTES,
  urgentPendingMessages: 10,
  urgentPendingBytes: MAX_URGENT_MESSAGE_BYTES,
  urgentReceiveBytes: MAX_URGENT_MESSAGE_BYTES + MESSAGE_COST_BYTES,
  link: { ...LINK, ...between("left", "right") },
};

interface Plain {
  readonly bytes: Uint8Array;
  readonly priority: Priority;
}

/** A peer that speaks the link properly and puts whatever it likes into it. */
class Hostile {
  readonly endpoint = new Endpoint<Plain>(OPTIONS, 11n);
  readonly #link = new Link({ ...LINK, ...between("right", "left"), bootId: 22n });
  readonly #decoder = new FrameDecoder();
  readonly #scratch = new Uint8Array(MAX_WIRE_BYTES * 4);

  constructor() {
    this.endpoint.connected(0);
    this.#link.connected(0);
    this.exchange();
  }

  send(body: Uint8Array): readonly EndpointEvent<Plain>[] {
    this.#link.send(body);
    return this.exchange();
  }

  exchange(): readonly EndpointEvent<Plain>[] {
    const events: EndpointEvent<Plain>[] = [];
    for (let quiet = false; !quiet; ) {
      quiet = true;
      for (let frame = this.#link.nextFrame(0); frame !== undefined; frame = this.#link.nextFrame(0)) {
        quiet = false;
        events.push(...this.endpoint.receive(encodeFrame(frame), 0));
      }
      for (
        let length = this.endpoint.write(this.#scratch, 0);
        length > 0;
        length = this.endpoint.write(this.#scratch, 0)
      ) {
        quiet = false;
        this.#decoder.push(this.#scratch.subarray(0, length), (body) => void this.#link.receive(body, 0));
      }
    }
    return events;
  }
}

const fragment = (
  number: number,
  totalBytes: number,
  offset: number,
  length: number,
  priority: Priority = "ordinary",
): Uint8Array => encodeFragment(priority, { number, totalBytes, offset, bytes: new Uint8Array(length) });

const status = (accepted: number, grantedBytes: number, priority: Priority = "ordinary"): Uint8Array =>
  encodeStatus(priority, { accepted, grantedBytes });

test.each([
  { fault: "over the maximum", bodies: [fragment(1, MAX_MESSAGE_BYTES + 1, 0, 10)] },
  { fault: "over the maximum", bodies: [fragment(1, MAX_URGENT_MESSAGE_BYTES + 1, 0, 10, "urgent")] },
  { fault: "came where 1 was due", bodies: [fragment(2, 10, 0, 10)] },
  { fault: "came where 2 was due", bodies: [fragment(1, 10, 0, 10), fragment(1, 10, 0, 10)] },
  { fault: "offset 5 came where 0", bodies: [fragment(1, 10, 5, 5)] },
  { fault: "offset 0 came where 5", bodies: [fragment(1, 10, 0, 5), fragment(1, 10, 0, 5)] },
  { fault: "became one of 11", bodies: [fragment(1, 10, 0, 5), fragment(1, 11, 5, 5)] },
  { fault: "went on to 11", bodies: [fragment(1, 10, 0, 5), fragment(1, 10, 5, 6)] },
  { fault: "carried nothing", bodies: [fragment(1, 10, 0, 0)] },
  { fault: "accepted what was not sent", bodies: [status(1, 0)] },
  {
    fault: "took back room",
    bodies: [status(0, 9), status(0, 8)],
  },
  { fault: "neither a fragment nor a status", bodies: [Uint8Array.of(1, 2, 3)] },
])("a peer that breaks the protocol is told so: $fault", ({ fault, bodies }) => {
  const hostile = new Hostile();
  const events = bodies.flatMap((body) => hostile.send(body));
  expect(events.filter((event) => event.kind === "violation")).toEqual([
    { kind: "violation", detail: expect.stringContaining(fault) },
  ]);
});

test("a peer cannot send more than it was granted", () => {
  const hostile = new Hostile();
  let violation: EndpointEvent<Plain> | undefined;
  let greatest = 0;
  for (let number = 1; violation === undefined && number < 5_000; number++) {
    violation = hostile
      .send(fragment(number, MAX_FRAGMENT_BYTES, 0, MAX_FRAGMENT_BYTES))
      .find((event) => event.kind === "violation");
    greatest = Math.max(greatest, hostile.endpoint.messages.receivedBytes);
  }
  expect(violation).toMatchObject({ detail: expect.stringContaining("more than it was granted") });
  expect(greatest).toBeLessThanOrEqual(RECEIVE_BYTES);
  expect(greatest).toBeGreaterThan(RECEIVE_BYTES / 2);
});

test("nothing after a violation is believed, and a new life begins clean", () => {
  const hostile = new Hostile();
  hostile.send(Uint8Array.of(1));
  expect(hostile.send(fragment(1, 3, 0, 3))).toEqual([]);
  hostile.endpoint.disconnected();
  hostile.endpoint.beginLife(12n);
  const other = new Endpoint<Plain>({ ...OPTIONS, link: { ...LINK, ...between("right", "left") } }, 23n);
  hostile.endpoint.offer({ bytes: Uint8Array.of(5), priority: "ordinary" });
  expect(exchange(hostile.endpoint, other).filter((event) => event.kind === "arrived")).toHaveLength(1);
});

test("arbitrary message bodies never throw and never hold more than the limit", () => {
  let violations = 0;
  const count = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.nat(0xffff_ffff));
  const priority = fc.constantFrom<Priority>("ordinary", "urgent");
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 60, size: "max" }),
    fc
      .tuple(count, count, count, fc.nat(50), priority)
      .map(([number, total, offset, length, one]) => fragment(number, total, offset, length, one)),
    fc.tuple(count, count, priority).map(([accepted, grantedBytes, one]) => status(accepted, grantedBytes, one)),
  );
  fc.assert(
    fc.property(fc.array(body, { maxLength: 6 }), (bodies) => {
      const hostile = new Hostile();
      for (const one of bodies) if (hostile.send(one).some((event) => event.kind === "violation")) violations++;
      expect(hostile.endpoint.messages.receivedBytes).toBeLessThanOrEqual(RECEIVE_BYTES + OPTIONS.urgentReceiveBytes);
    }),
    { numRuns: 2_000 },
  );
  expect(violations).toBeGreaterThan(500);
});

test("arbitrary frames with a good checksum never throw", () => {
  const { endpoint } = new Hostile();
  const kind = fc.tuple(
    fc.constantFrom(0, 1, 2),
    fc.constantFrom(0, 1, 2, 3, 4),
    fc.uint8Array({ maxLength: 80, size: "max" }),
  );
  fc.assert(
    fc.property(kind, ([version, type, rest]) => {
      endpoint.connected(0);
      endpoint.receive(encodeFrame(Uint8Array.of(version, type, ...rest)), 0);
    }),
    { numRuns: 10_000 },
  );
  const { malformed, stale } = endpoint.counts();
  expect(malformed + stale).toBeGreaterThan(2_000);
});

function exchange(a: Endpoint<Plain>, b: Endpoint<Plain>): readonly EndpointEvent<Plain>[] {
  const scratch = new Uint8Array(MAX_WIRE_BYTES * 4);
  const events: EndpointEvent<Plain>[] = [];
  a.connected(0);
  b.connected(0);
  for (let quiet = false; !quiet; ) {
    quiet = true;
    for (const [from, to] of [[a, b] as const, [b, a] as const]) {
      const length = from.write(scratch, 0);
      if (length > 0) quiet = false;
      events.push(...to.receive(scratch.slice(0, length), 0));
    }
  }
  return events;
}
