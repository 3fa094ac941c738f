// Handing messages to the application: order, redelivery after a rejection, and an end that waits for what is in hand.
import { expect, test } from "vitest";
import { Delivery, type DeliveryOptions } from "./delivery.ts";
import type { Arrived } from "./incoming.ts";

const message = (content: number): Arrived => ({ bytes: Uint8Array.of(content), priority: "ordinary", epoch: 1 });

function deliver(onMessage: DeliveryOptions["onMessage"]): {
  readonly delivery: Delivery;
  readonly accepted: number[];
  readonly rejected: unknown[];
  readonly all: (count: number) => Promise<void>;
} {
  const accepted: number[] = [];
  const rejected: unknown[] = [];
  let awaited = Number.POSITIVE_INFINITY;
  let reached = (): void => {};
  const delivery = new Delivery({
    onMessage,
    onAccepted: ({ bytes }) => {
      accepted.push(bytes[0] ?? 0);
      if (accepted.length >= awaited) reached();
    },
    onRejected: (rejection) => rejected.push(rejection),
    redeliveryMinMs: 1,
    redeliveryMaxMs: 4,
  });
  const all = (count: number): Promise<void> => {
    awaited = count;
    return new Promise((resolve) => {
      reached = resolve;
      if (accepted.length >= count) resolve();
    });
  };
  return { delivery, accepted, rejected, all };
}

test("one message is in hand at a time, and the order stays", async () => {
  let inHand = 0;
  let most = 0;
  const { delivery, accepted, all } = deliver(async () => {
    most = Math.max(most, ++inHand);
    await new Promise((resolve) => setImmediate(resolve));
    inHand--;
  });
  for (const content of [1, 2, 3]) delivery.push(message(content));
  await all(3);
  expect([accepted, most]).toEqual([[1, 2, 3], 1]);
});

test("a rejected message comes again, unchanged, with growing pauses, while the next ones wait", async () => {
  const handed: number[] = [];
  const failure = new Error("the database is away");
  const { delivery, accepted, rejected, all } = deliver(async (bytes) => {
    const content = bytes[0] ?? 0;
    bytes[0] = 99;
    handed.push(content);
    if (content === 1 && handed.length < 5) throw failure;
  });
  delivery.push(message(1));
  delivery.push(message(2));
  await all(2);
  expect(handed).toEqual([1, 1, 1, 1, 1, 2]);
  expect(accepted).toEqual([1, 2]);
  expect(rejected).toEqual([1, 2, 4, 4].map((retryInMs, index) => ({ error: failure, attempt: index + 1, retryInMs })));
});

test("an application that throws at once is one that rejects", async () => {
  let calls = 0;
  const { delivery, rejected, all } = deliver(() => {
    if (++calls === 1) throw new Error("not async");
    return Promise.resolve();
  });
  delivery.push(message(1));
  await all(1);
  expect(rejected).toHaveLength(1);
});

test("closing waits for the message in hand, whose acceptance counts, and hands on no more", async () => {
  let finish = (): void => {};
  const { delivery, accepted } = deliver(() => new Promise((resolve) => (finish = resolve)));
  delivery.push(message(1));
  delivery.push(message(2));
  let closed = false;
  const closing = delivery.close().then(() => (closed = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(closed).toBe(false);
  finish();
  await closing;
  delivery.push(message(3));
  expect(accepted).toEqual([1]);
});

test("closing during a pause does not wait for it", async () => {
  let rejections = 0;
  const delivery = new Delivery({
    onMessage: () => Promise.reject(new Error("never")),
    onAccepted: () => expect.fail("nothing was accepted"),
    onRejected: () => rejections++,
    redeliveryMinMs: 3_600_000,
    redeliveryMaxMs: 3_600_000,
  });
  delivery.push(message(1));
  await new Promise((resolve) => setImmediate(resolve));
  expect(rejections).toBe(1);
  await delivery.close();
});
