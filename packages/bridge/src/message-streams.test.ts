// Two streams over one link: which goes first, that neither stops the other, and that each keeps its order and its room.
import { expect, test } from "vitest";
import { MAX_FRAGMENT_BYTES, MAX_URGENT_MESSAGE_BYTES, type Priority, parseMessageFrame } from "./message-frame.ts";
import { MessageStreams, type Sendable } from "./message-streams.ts";

const LIMITS = {
  pendingMessages: 100,
  pendingBytes: 2_000_000,
  receiveBytes: 2_000_000,
  urgentPendingMessages: 100,
  urgentPendingBytes: 1_000_000,
  urgentReceiveBytes: 1_000_000,
};

const message = (priority: Priority, length: number): Sendable => ({ priority, bytes: new Uint8Array(length) });

/** Two ends that have granted each other their room. */
function twoEnds(): { readonly left: MessageStreams<Sendable>; readonly right: MessageStreams<Sendable> } {
  const [left, right] = [new MessageStreams<Sendable>(LIMITS), new MessageStreams<Sendable>(LIMITS)];
  for (const [from, to] of [[left, right] as const, [right, left] as const])
    for (let body = from.nextBody(); body !== undefined; body = from.nextBody()) to.receive(body);
  return { left, right };
}

/** What goes out next: the first letter of the priority, and whether the message ends there. */
function orderOf(streams: MessageStreams<Sendable>, fragments: number): string {
  let order = "";
  for (let at = 0; at < fragments; at++) {
    const body = streams.nextBody();
    const frame = body === undefined ? undefined : parseMessageFrame(body);
    if (frame?.kind === "fragment") order += frame.priority === "urgent" ? "u" : "o";
  }
  return order;
}

test("an urgent message goes between the fragments of an ordinary one, and both arrive whole", () => {
  const { left, right } = twoEnds();
  left.offer(message("ordinary", 3 * MAX_FRAGMENT_BYTES));
  const arrived: Priority[] = [];
  for (let sent = 0; sent < 4; sent++) {
    if (sent === 1) left.offer(message("urgent", 10));
    for (const event of right.receive(left.nextBody() ?? new Uint8Array(0)))
      if (event.kind === "arrived") arrived.push(event.message.priority);
  }
  expect(arrived).toEqual(["urgent", "ordinary"]);
});

test("urgent messages without end let every ninth fragment be an ordinary one", () => {
  const { left } = twoEnds();
  for (let number = 0; number < 50; number++) left.offer(message("urgent", 1));
  left.offer(message("ordinary", 2 * MAX_FRAGMENT_BYTES));
  expect(orderOf(left, 20)).toBe("uuuuuuuuouuuuuuuuouu");
});

test("a full stream leaves the other its room", () => {
  const { left, right } = twoEnds();
  while (left.offer(message("ordinary", 100_000)) === undefined);
  expect(left.offer(message("urgent", 5))).toBeUndefined();
  // The receiver's application takes no ordinary message; its room fills, and news still comes.
  let news = 0;
  for (let body = left.nextBody(); body !== undefined; body = left.nextBody()) {
    for (const event of right.receive(body))
      if (event.kind === "arrived" && event.message.priority === "urgent") news++;
  }
  expect([news, left.pendingMessages > 10]).toEqual([1, true]);
  expect(left.offer(message("urgent", 6))).toBeUndefined();
  expect(orderOf(left, 5)).toBe("u");
});

test("an urgent message has a maximum of its own", () => {
  const { left } = twoEnds();
  expect(left.offer(message("urgent", MAX_URGENT_MESSAGE_BYTES + 1))).toBe("BRIDGE_MESSAGE_TOO_LARGE");
  expect(left.offer(message("ordinary", MAX_URGENT_MESSAGE_BYTES + 1))).toBeUndefined();
});

test("what lies here is counted: queued, arrived, and set aside for a message that has begun", () => {
  const { left, right } = twoEnds();
  left.offer(message("ordinary", 10 * MAX_FRAGMENT_BYTES));
  expect(left.heldBytes).toBe(10 * MAX_FRAGMENT_BYTES);
  right.receive(left.nextBody() ?? new Uint8Array(0));
  expect(right.heldBytes).toBeGreaterThanOrEqual(10 * MAX_FRAGMENT_BYTES);
  expect(right.receivedBytes).toBeLessThan(2 * MAX_FRAGMENT_BYTES);
  expect(left.abandon()).toHaveLength(1);
  expect(left.heldBytes).toBe(0);
});
