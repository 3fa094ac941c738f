// The outgoing queue: its bounds, its fragments, and what an acceptance and a new epoch do to it.
import { expect, test } from "vitest";
import { MAX_FRAGMENT_BYTES, MAX_MESSAGE_BYTES, MESSAGE_COST_BYTES, parseMessageFrame } from "./message-frame.ts";
import { Outgoing } from "./outgoing.ts";

const LIMITS = { messageBytes: MAX_MESSAGE_BYTES, pendingMessages: 3, pendingBytes: 2 * MAX_MESSAGE_BYTES };
const AMPLE = 1_000_000_000;

function outgoing(): Outgoing<{ readonly bytes: Uint8Array }> {
  return new Outgoing("ordinary", LIMITS);
}

function letter(length: number): { readonly bytes: Uint8Array } {
  return { bytes: new Uint8Array(length) };
}

/** Number, offset and length of each fragment that may go now. */
function fragments(queue: Outgoing<{ readonly bytes: Uint8Array }>): readonly (readonly number[])[] {
  const list: number[][] = [];
  for (let body = queue.nextBody(); body !== undefined; body = queue.nextBody()) {
    const frame = parseMessageFrame(body);
    if (frame.kind === "fragment")
      list.push([frame.fragment.number, frame.fragment.offset, frame.fragment.bytes.length]);
  }
  return list;
}

test("refuses what is too large and what is too much, each with its code", () => {
  const queue = outgoing();
  expect(queue.offer(letter(MAX_MESSAGE_BYTES + 1))).toBe("BRIDGE_MESSAGE_TOO_LARGE");
  expect(queue.offer(letter(MAX_MESSAGE_BYTES))).toBeUndefined();
  expect(queue.offer(letter(MAX_MESSAGE_BYTES))).toBeUndefined();
  expect(queue.offer(letter(1))).toBe("BRIDGE_QUEUE_FULL");
  expect(queue.offer(letter(0))).toBeUndefined();
  expect(queue.offer(letter(0))).toBe("BRIDGE_QUEUE_FULL");
  expect([queue.pendingMessages, queue.pendingBytes]).toEqual([3, 2 * MAX_MESSAGE_BYTES]);
});

test("sends nothing before the peer has granted room, and no more than it granted", () => {
  const queue = outgoing();
  queue.offer(letter(MAX_FRAGMENT_BYTES));
  queue.offer(letter(10));
  expect(fragments(queue)).toEqual([]);
  queue.receive({ accepted: 0, grantedBytes: MAX_FRAGMENT_BYTES + MESSAGE_COST_BYTES });
  expect(fragments(queue)).toEqual([[1, 0, MAX_FRAGMENT_BYTES]]);
  queue.receive({ accepted: 0, grantedBytes: MAX_FRAGMENT_BYTES + 2 * MESSAGE_COST_BYTES + 10 });
  expect(fragments(queue)).toEqual([[2, 0, 10]]);
});

test("cuts a message into fragments that fill their frames; an empty message is one fragment", () => {
  const queue = outgoing();
  queue.receive({ accepted: 0, grantedBytes: AMPLE });
  queue.offer(letter(2 * MAX_FRAGMENT_BYTES + 1));
  queue.offer(letter(0));
  expect(fragments(queue)).toEqual([
    [1, 0, MAX_FRAGMENT_BYTES],
    [1, MAX_FRAGMENT_BYTES, MAX_FRAGMENT_BYTES],
    [1, 2 * MAX_FRAGMENT_BYTES, 1],
    [2, 0, 0],
  ]);
});

test("gives back accepted messages in order and frees their room", () => {
  const queue = outgoing();
  queue.receive({ accepted: 0, grantedBytes: AMPLE });
  const letters = [letter(1), letter(2), letter(3)];
  for (const one of letters) queue.offer(one);
  fragments(queue);
  expect(queue.receive({ accepted: 2, grantedBytes: AMPLE })).toEqual(letters.slice(0, 2));
  expect([queue.pendingMessages, queue.pendingBytes, queue.pending]).toEqual([1, 3, [letters[2]]]);
});

test("a status that cannot be true is refused", () => {
  const queue = outgoing();
  queue.receive({ accepted: 0, grantedBytes: AMPLE });
  queue.offer(letter(1));
  expect(queue.receive({ accepted: 1, grantedBytes: AMPLE })).toBeUndefined();
  fragments(queue);
  expect(queue.receive({ accepted: 2, grantedBytes: AMPLE })).toBeUndefined();
  expect(queue.receive({ accepted: 0, grantedBytes: AMPLE - 1 })).toBeUndefined();
  expect(queue.receive({ accepted: 1, grantedBytes: AMPLE })).toHaveLength(1);
  expect(queue.receive({ accepted: 0, grantedBytes: AMPLE })).toBeUndefined();
});

test("a new epoch sends everything unaccepted again, numbered from 1, once it is granted room", () => {
  const queue = outgoing();
  queue.receive({ accepted: 0, grantedBytes: AMPLE });
  for (const length of [1, 2, 3]) queue.offer(letter(length));
  fragments(queue);
  queue.receive({ accepted: 1, grantedBytes: AMPLE });
  queue.restart();
  expect(fragments(queue)).toEqual([]);
  queue.receive({ accepted: 0, grantedBytes: AMPLE });
  expect(fragments(queue)).toEqual([
    [1, 0, 2],
    [2, 0, 3],
  ]);
});

test("once abandoned it is empty, and what the peer still says of it is ignored", () => {
  const queue = outgoing();
  queue.receive({ accepted: 0, grantedBytes: AMPLE });
  queue.offer(letter(1));
  fragments(queue);
  expect(queue.abandon()).toHaveLength(1);
  expect(queue.receive({ accepted: 1, grantedBytes: AMPLE })).toEqual([]);
  expect([queue.pendingMessages, queue.pendingBytes]).toEqual([0, 0]);
});
