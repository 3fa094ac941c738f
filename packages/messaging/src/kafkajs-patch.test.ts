// Our patch of kafkajs is in place: a connection that nothing waits for sets no timer, and what waits is not forgotten.
import { createRequire } from "node:module";
import { expect, it, onTestFinished } from "vitest";

type Queue = {
  readonly checkPendingRequests: () => void;
  readonly push: (request: object) => void;
  readonly maybeThrottle: (ms: number) => void;
  readonly fulfillRequest: (response: object) => void;
  readonly destroy: () => void;
  readonly throttleCheckTimeoutId: object | null;
};
type QueueClass = new (options: object) => Queue;

const RequestQueue = createRequire(import.meta.url)("kafkajs/src/network/requestQueue/index.js") as QueueClass;

function open(maxInFlightRequests: number | null) {
  const sent: number[] = [];
  const queue = new RequestQueue({
    ...{ maxInFlightRequests, requestTimeout: 1_000, enforceRequestTimeout: false, clientId: "test", broker: "test" },
    logger: { debug: () => undefined, warn: () => undefined },
  });
  onTestFinished(() => queue.destroy());
  const push = (correlationId: number): void =>
    queue.push({
      entry: { correlationId, resolve: () => undefined, reject: () => undefined },
      expectResponse: true,
      sendRequest: () => sent.push(correlationId),
    });
  return { queue, sent, push };
}

it("an idle connection sets no timer", () => {
  const { queue, sent, push } = open(null);
  push(1);
  queue.fulfillRequest({ correlationId: 1, payload: {}, size: 0 });
  queue.checkPendingRequests();
  expect([sent, queue.throttleCheckTimeoutId]).toEqual([[1], null]);
});

it("what waits for its turn goes with the answer before it", () => {
  const { queue, sent, push } = open(1);
  push(1);
  push(2);
  expect(sent).toEqual([1]);
  expect(queue.throttleCheckTimeoutId).not.toBeNull();
  queue.fulfillRequest({ correlationId: 1, payload: {}, size: 0 });
  expect(sent).toEqual([1, 2]);
});

it("what the broker throttles goes when that is over, also when nothing waited when it began", async () => {
  const { queue, sent, push } = open(null);
  queue.maybeThrottle(30);
  expect(queue.throttleCheckTimeoutId).toBeNull();
  push(1);
  expect(sent).toEqual([]);
  await expect.poll(() => sent).toEqual([1]);
});
