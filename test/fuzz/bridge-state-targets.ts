// Fuzz targets for the bridge's state machines: whatever a peer sends, nothing is thrown and nothing grows past its bound.
import { Endpoint, type EndpointOptions } from "../../packages/bridge/src/endpoint.ts";
import { encodeFrame, FrameDecoder, MAX_FRAME_BODY_BYTES, MAX_WIRE_BYTES } from "../../packages/bridge/src/frame.ts";
import type { LinkOptions } from "../../packages/bridge/src/link.ts";
import { encodeFragment, encodeStatus, type Priority } from "../../packages/bridge/src/message-frame.ts";
import { MessageStreams, type Sendable, type StreamLimits } from "../../packages/bridge/src/message-streams.ts";
import {
  HANDSHAKE_BYTES,
  type Handshakes,
  SESSION_OVERHEAD_BYTES,
  type Session,
} from "../../packages/bridge/src/session.ts";
import { must, type Target } from "./fuzz-target.ts";

const LIMITS: StreamLimits = {
  pendingMessages: 8,
  pendingBytes: 20_000,
  receiveBytes: 20_000,
  urgentPendingMessages: 8,
  urgentPendingBytes: 10_000,
  urgentReceiveBytes: 10_000,
};
const WINDOW_FRAMES = 32;
/** The queues, the rooms, two messages of the maximum set aside, both windows, the decoder. */
const MESSAGE_BYTES_AT_MOST = 60_000 + 1_048_576 + 262_144;
const HELD_BYTES_AT_MOST = MESSAGE_BYTES_AT_MOST + 3 * WINDOW_FRAMES * MAX_FRAME_BODY_BYTES + FrameDecoder.HELD_BYTES;

/** Reassembly and flow control, behind the session: an input is a row of bodies, each behind its length (u16). */
export function messagesTarget(create = () => new MessageStreams<Sendable>(LIMITS)): Target {
  const whole = (priority: Priority, number: number, content: string): Uint8Array =>
    encodeFragment(priority, { number, totalBytes: content.length, offset: 0, bytes: Buffer.from(content) });
  const part = (number: number, offset: number): Uint8Array =>
    encodeFragment("ordinary", { number, totalBytes: 900, offset, bytes: Buffer.alloc(300, number) });
  return {
    name: "messages",
    share: 9_000,
    seeds: [
      rowOf([whole("ordinary", 1, "one"), whole("urgent", 1, "news"), whole("ordinary", 2, "two")]),
      rowOf([part(1, 0), whole("urgent", 1, "in between"), part(1, 300), part(1, 600), whole("ordinary", 2, "")]),
      rowOf([
        encodeStatus("ordinary", { accepted: 0, grantedBytes: 9_000 }),
        encodeStatus("urgent", { accepted: 0, grantedBytes: 9_000 }),
      ]),
      rowOf([
        encodeStatus("ordinary", { accepted: 0, grantedBytes: 9_000 }),
        encodeStatus("ordinary", { accepted: 1, grantedBytes: 9_300 }),
      ]),
    ],
    run: (bytes) => {
      const messages = create();
      for (const priority of ["ordinary", "urgent"] as const) messages.offer({ priority, bytes: Buffer.alloc(700, 1) });
      let arrived = 0;
      for (const body of itemsOf(bytes)) {
        while (messages.nextBody() !== undefined);
        for (const event of messages.receive(body)) {
          if (event.kind === "violation") return `violation, ${event.detail.replace(/\d+/g, "N").slice(0, 24)}`;
          if (event.kind === "arrived" && ++arrived % 2 === 0) messages.release(event.message);
        }
        must(
          messages.receivedBytes <= LIMITS.receiveBytes + LIMITS.urgentReceiveBytes,
          "what has arrived is within its room",
        );
        must(messages.heldBytes <= MESSAGE_BYTES_AT_MOST, "what lies here is within its bound");
      }
      return arrived > 0 ? "accepted" : "nothing whole";
    },
  };
}

/** The link and all above it, with a session that believes everything: an input is a row of frames, each behind its length. */
export function linkTarget(): Target {
  const seeds = recorded().map((frames) => rowOf(frames));
  return {
    name: "link",
    share: 3_000,
    seeds,
    run: (bytes) =>
      runEndpoint((endpoint) =>
        itemsOf(bytes).flatMap((frame) => exchange(endpoint, encodeFrame(frame.subarray(0, MAX_FRAME_BODY_BYTES)))),
      ),
  };
}

/** A whole end from the wire up: an input is what the line carries. */
export function bridgeStreamTarget(): Target {
  const seeds = recorded().map((frames) => Buffer.concat(frames.map(encodeFrame)));
  return {
    name: "whole end",
    share: 2_500,
    seeds,
    // In small pieces, so that the end speaks in between as it does on a line.
    run: (bytes) =>
      runEndpoint((endpoint) => {
        const pieces = Math.min(32, Math.ceil(bytes.length / PIECE_BYTES));
        const upTo = (piece: number): number => (piece === 32 ? bytes.length : piece * PIECE_BYTES);
        return Array.from({ length: pieces }, (_, at) => bytes.subarray(at * PIECE_BYTES, upTo(at + 1))).flatMap(
          (piece) => exchange(endpoint, piece),
        );
      }),
  };
}

const PIECE_BYTES = 64;

type End = Endpoint<Sendable>;
type Events = ReturnType<End["receive"]>;

function runEndpoint(feed: (endpoint: End) => Events): string {
  const endpoint = createEnd("right", "left", 22n);
  endpoint.connected(0);
  endpoint.offer({ priority: "ordinary", bytes: Buffer.alloc(5_000, 2) });
  const events = feed(endpoint);
  must(endpoint.heldBytes <= HELD_BYTES_AT_MOST, "what lies here is within its bound");
  must(
    endpoint.messages.receivedBytes <= LIMITS.receiveBytes + LIMITS.urgentReceiveBytes,
    "what has arrived is within its room",
  );
  const last = events.findLast(({ kind }) => kind === "refused" || kind === "violation");
  if (last?.kind === "refused") return last.code;
  if (last?.kind === "violation") return `violation, ${last.detail.replace(/\d+/g, "N").slice(0, 24)}`;
  if (events.some(({ kind }) => kind === "arrived")) return "accepted";
  return endpoint.isUp ? "up, nothing whole" : "not up";
}

/** Feeds bytes, and lets the end say what it has to say to them. */
function exchange(endpoint: End, bytes: Uint8Array): Events {
  const events = endpoint.receive(bytes, 1);
  const scratch = new Uint8Array(4 * MAX_WIRE_BYTES);
  for (let turn = 0; turn < 8 && endpoint.write(scratch, 1) > 0; turn++);
  return events;
}

/** What a good peer sends in two conversations, frame by frame. */
function recorded(): readonly (readonly Uint8Array[])[] {
  return [
    ["first", "second"],
    ["x".repeat(4_000), "news"],
  ].map((contents) => {
    const left = createEnd("left", "right", 11n);
    const right = createEnd("right", "left", 22n);
    const frames: Uint8Array[] = [];
    const decoder = new FrameDecoder();
    const scratch = new Uint8Array(4 * MAX_WIRE_BYTES);
    left.connected(0);
    right.connected(0);
    contents.forEach((content, index) => {
      left.offer({ priority: index === 0 ? "ordinary" : "urgent", bytes: Buffer.from(content) });
    });
    for (let quiet = 0; quiet < 2; quiet++) {
      for (let length = left.write(scratch, 1); length > 0; length = left.write(scratch, 1)) {
        quiet = 0;
        const bytes = scratch.slice(0, length);
        decoder.push(bytes, (body) => frames.push(Uint8Array.from(body)));
        right.receive(bytes, 1);
      }
      for (let length = right.write(scratch, 1); length > 0; length = right.write(scratch, 1)) {
        quiet = 0;
        left.receive(scratch.slice(0, length), 1);
      }
    }
    must(frames.length > 3, "two good ends have something to say");
    return frames;
  });
}

function createEnd(localName: string, peerName: string, bootId: bigint): End {
  const link: Omit<LinkOptions, "bootId"> = {
    localName,
    peerName,
    handshakes: believingHandshakes(localName < peerName ? "initiator" : "responder"),
    windowFrames: WINDOW_FRAMES,
    heartbeatMs: 1_000,
    silenceMs: 5_000,
    initialRetransmitMs: 500,
    minRetransmitMs: 50,
    maxRetransmitMs: 5_000,
    rekeyFrames: 2 ** 20,
    rekeyMs: 600_000,
    freeAttempts: 1_000,
    attemptMinMs: 1,
    attemptMaxMs: 1,
  };
  const options: EndpointOptions = { ...LIMITS, link };
  return new Endpoint<Sendable>(options, bootId);
}

/** Takes every handshake and every frame for the peer's, so that inputs reach what an authentic enemy would reach. */
function believingHandshakes(role: Handshakes["role"]): Handshakes {
  const message = Buffer.alloc(HANDSHAKE_BYTES, 4);
  return {
    role,
    ask: () => ({ message, finish: believingSession }),
    answer: () => ({ message, session: believingSession() }),
  };
}

function believingSession(): Session {
  return {
    id: 7n,
    seal: (_number, _header, body) => Buffer.concat([body, Buffer.alloc(SESSION_OVERHEAD_BYTES)]),
    open: (_number, _header, sealed) =>
      sealed.length < SESSION_OVERHEAD_BYTES ? undefined : sealed.subarray(0, sealed.length - SESSION_OVERHEAD_BYTES),
    drop: () => {},
  };
}

function rowOf(items: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    items.flatMap((item) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(item.length);
      return [length, item];
    }),
  );
}

function itemsOf(bytes: Uint8Array): readonly Uint8Array[] {
  const items: Uint8Array[] = [];
  for (let at = 0; at + 2 <= bytes.length && items.length < 100; ) {
    const length = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    items.push(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return items;
}
