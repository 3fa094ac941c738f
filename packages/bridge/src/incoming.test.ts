// Putting messages together: what is held, what is granted, and what a new epoch drops. Faults are in endpoint.test.ts.
import { expect, test } from "vitest";
import { Incoming } from "./incoming.ts";
import { MAX_MESSAGE_BYTES, MESSAGE_COST_BYTES, parseMessageFrame, type Status } from "./message-frame.ts";

const RECEIVE_BYTES = 10_000;

function told(incoming: Incoming): Status | undefined {
  const body = incoming.nextBody();
  const frame = body === undefined ? undefined : parseMessageFrame(body);
  return frame?.kind === "status" ? frame.status : undefined;
}

function granted(): Incoming {
  const incoming = new Incoming("ordinary", { messageBytes: MAX_MESSAGE_BYTES, receiveBytes: RECEIVE_BYTES });
  expect(told(incoming)).toEqual({ accepted: 0, grantedBytes: RECEIVE_BYTES });
  return incoming;
}

test("grants its room first, and says nothing twice", () => {
  const incoming = granted();
  expect(told(incoming)).toBeUndefined();
});

test("a message arrives with its last fragment, takes room until it is released, and is then told", () => {
  const incoming = granted();
  expect(incoming.receive({ number: 1, totalBytes: 5, offset: 0, bytes: Uint8Array.of(1, 2, 3) })).toEqual({
    kind: "incomplete",
  });
  const result = incoming.receive({ number: 1, totalBytes: 5, offset: 3, bytes: Uint8Array.of(4, 5) });
  if (result.kind !== "arrived") throw new Error("the message is whole");
  expect(result.message.bytes).toEqual(Uint8Array.of(1, 2, 3, 4, 5));
  expect(incoming.heldBytes).toBe(5 + MESSAGE_COST_BYTES);
  expect(told(incoming)).toBeUndefined();
  incoming.release(result.message);
  expect(incoming.heldBytes).toBe(0);
  expect(told(incoming)).toEqual({ accepted: 1, grantedBytes: RECEIVE_BYTES + 5 + MESSAGE_COST_BYTES });
});

test("a new epoch drops half a message, keeps whole ones, and counts their release for room only", () => {
  const incoming = granted();
  const whole = incoming.receive({ number: 1, totalBytes: 1, offset: 0, bytes: Uint8Array.of(1) });
  if (whole.kind !== "arrived") throw new Error("the message is whole");
  incoming.receive({ number: 2, totalBytes: 9, offset: 0, bytes: Uint8Array.of(1) });
  incoming.restart();
  expect(incoming.heldBytes).toBe(1 + MESSAGE_COST_BYTES);
  expect(told(incoming)).toEqual({ accepted: 0, grantedBytes: RECEIVE_BYTES - 1 - MESSAGE_COST_BYTES });
  incoming.release(whole.message);
  expect(told(incoming)).toEqual({ accepted: 0, grantedBytes: RECEIVE_BYTES });
  expect(incoming.receive({ number: 1, totalBytes: 0, offset: 0, bytes: new Uint8Array(0) }).kind).toBe("arrived");
});
