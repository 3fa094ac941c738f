// A task of a mebibyte on 115,200 baud: news overtakes it, nobody falls silent, and a cut costs no more than what was under way.
import { expect, test } from "vitest";
import { MAX_MESSAGE_BYTES, type Priority } from "../src/message-frame.ts";
import { type SlowEnd, SlowLine } from "./slow-line.ts";

const BAUD = 115_200;
/** What a serial carrier asks for at once: a third of a second. */
const CHUNK_BYTES = 4_096;
const TASK = Buffer.alloc(MAX_MESSAGE_BYTES, "a task of a mebibyte;");
const NEWS = Buffer.alloc(2_000, "news of a holder;");
const NEWS_EVERY_MS = 2_000;
/** Sealing, headers, acknowledgements and stuffing. */
const OVERHEAD = 1.06;
/** As much as the window may hold. */
const UNDER_WAY_BYTES = 32 * 2_048;

interface Outcome {
  readonly seconds: number;
  readonly newsSent: number;
  readonly slowestNewsMs: number;
  readonly silences: number;
  readonly retransmissions: number;
}

function cross(newsAs: Priority): Outcome {
  const line = new SlowLine(BAUD, CHUNK_BYTES);
  line.send(line.left, "ordinary", TASK);
  let newsSent = 0;
  let nextMs = NEWS_EVERY_MS;
  const newsSettled = (): readonly number[] =>
    [line.left, line.right].flatMap(({ settled }) =>
      settled.filter(({ message }) => message.bytes.length === NEWS.length).map(({ afterMs }) => afterMs),
    );
  const isDone = (): boolean =>
    line.left.settled.some(({ message }) => message.bytes.length === TASK.length) && newsSettled().length === newsSent;
  let isLate = false;
  line.runUntil(() => {
    if (line.right.arrived > 0 && line.left.settled.some(({ message }) => message.bytes.length === TASK.length))
      isLate = true;
    if (!isLate && line.nowMs >= nextMs) {
      nextMs += NEWS_EVERY_MS;
      for (const end of [line.left, line.right]) line.send(end, newsAs, NEWS);
      newsSent += 2;
    }
    return isDone();
  }, 400_000);
  return {
    seconds: line.nowMs / 1_000,
    newsSent,
    slowestNewsMs: Math.max(...newsSettled()),
    silences: line.left.silences + line.right.silences,
    retransmissions: line.left.endpoint.counts().retransmissions + line.right.endpoint.counts().retransmissions,
  };
}

test("news overtakes a task of a mebibyte, both ways, and nobody falls silent", () => {
  const urgent = cross("urgent");
  process.stdout.write(`slow line, ${BAUD} baud: ${JSON.stringify(urgent)}\n`);
  expect(urgent.newsSent).toBeGreaterThan(80);
  expect(urgent.silences).toBe(0);
  // Simulated time: a chunk in the carrier, the news itself, and its acceptance on the way back.
  expect(urgent.slowestNewsMs).toBeLessThan(2_000);
  // Of some 600 frames; a line on which every frame went twice would be no proof.
  expect(urgent.retransmissions).toBeLessThan(30);
});

test("control: as an ordinary message the same news waits for the task", () => {
  const ordinary = cross("ordinary");
  process.stdout.write(`slow line, news not urgent: ${JSON.stringify(ordinary)}\n`);
  expect(ordinary.slowestNewsMs).toBeGreaterThan(60_000);
  expect(ordinary.silences).toBe(0);
});

/**
 * A frame takes over two seconds here, longer than the first wait for its acknowledgement, so some go twice: it is slow
 * and it works.
 */
test("a line of 9,600 baud stays up on heartbeats alone, and brings a task over", () => {
  const line = new SlowLine(9_600, 2_200);
  line.runUntil(() => line.left.endpoint.isUp && line.right.endpoint.isUp, 10_000);
  const sent = line.left.sentBytes;
  line.runUntil(() => line.nowMs > 30_000, 40_000);
  expect(line.left.sentBytes).toBeGreaterThan(sent);
  line.send(line.left, "ordinary", TASK.subarray(0, 30_000));
  line.runUntil(() => line.left.settled.length === 1, 150_000);
  expect(line.left.silences + line.right.silences).toBe(0);
});

/** Crosses with one interruption in the middle; gives the bytes that were sent after it. */
function crossInterrupted(interrupt: (line: SlowLine) => void): { readonly before: number; readonly after: number } {
  const line = new SlowLine(BAUD, CHUNK_BYTES);
  const { left }: { readonly left: SlowEnd } = line;
  line.send(left, "ordinary", TASK);
  line.runUntil(() => left.sentBytes > MAX_MESSAGE_BYTES / 2, 100_000);
  const before = left.sentBytes;
  line.cut();
  const resumeAtMs = line.nowMs + 1_000;
  line.runUntil(() => line.nowMs >= resumeAtMs, 2_000);
  interrupt(line);
  line.connect();
  line.runUntil(() => left.settled.length === 1, 200_000);
  expect(line.right.arrived).toBe(1);
  return { before, after: left.sentBytes - before };
}

test("after a cut a task goes on where it was", () => {
  const { before, after } = crossInterrupted(() => {});
  process.stdout.write(`cut in the middle of ${TASK.length} bytes: ${before} sent before, ${after} after\n`);
  expect(before + after).toBeLessThan(TASK.length * OVERHEAD + UNDER_WAY_BYTES);
  expect(after).toBeLessThan(TASK.length * 0.6);
});

test("control: a peer that restarted has forgotten its half, so all of it goes again", () => {
  const { after } = crossInterrupted((line) => line.restart(line.right, []));
  expect(after).toBeGreaterThan(TASK.length);
});
