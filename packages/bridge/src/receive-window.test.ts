// The receiving window: order, repeats and the edge.
import { expect, test } from "vitest";
import { ReceiveWindow } from "./receive-window.ts";

const body = (content: number): Uint8Array => Uint8Array.of(content);

test("frames in order are handed on one by one", () => {
  const window = new ReceiveWindow(4);
  expect(window.accept(0, body(0))).toEqual({ kind: "next", bodies: [body(0)] });
  expect(window.accept(1, body(1))).toEqual({ kind: "next", bodies: [body(1)] });
  expect(window.expected).toBe(2);
});

test("early frames wait for the gap, are told selectively, and then come in order", () => {
  const window = new ReceiveWindow(8);
  expect(window.accept(3, body(3))).toEqual({ kind: "early" });
  expect(window.accept(1, body(1))).toEqual({ kind: "early" });
  expect([window.expected, window.selective]).toEqual([0, 0b101]);
  expect(window.accept(0, body(0))).toEqual({ kind: "next", bodies: [body(0), body(1)] });
  expect([window.expected, window.selective]).toEqual([2, 0b1]);
  expect(window.accept(2, body(2))).toEqual({ kind: "next", bodies: [body(2), body(3)] });
  expect([window.expected, window.selective]).toEqual([4, 0]);
});

test("a repeat is a duplicate whether it was handed on or still waits", () => {
  const window = new ReceiveWindow(8);
  window.accept(0, body(0));
  window.accept(2, body(2));
  expect(window.accept(0, body(9))).toEqual({ kind: "duplicate" });
  expect(window.accept(2, body(9))).toEqual({ kind: "duplicate" });
  expect(window.accept(1, body(1))).toEqual({ kind: "next", bodies: [body(1), body(2)] });
});

test("an early frame is kept as a copy, since what it lay in is used again", () => {
  const window = new ReceiveWindow(8);
  const lying = Buffer.of(1);
  window.accept(1, lying);
  lying[0] = 9;
  expect(window.accept(0, body(0))).toEqual({ kind: "next", bodies: [body(0), body(1)] });
});

test("a frame at the window's edge is taken, one beyond it is not", () => {
  const window = new ReceiveWindow(33);
  expect(window.accept(32, body(32))).toEqual({ kind: "early" });
  expect(window.selective).toBe(0x8000_0000);
  expect(window.accept(33, body(33))).toEqual({ kind: "outside" });
});

test("a new epoch forgets everything", () => {
  const window = new ReceiveWindow(8);
  window.accept(0, body(0));
  window.accept(2, body(2));
  window.reset();
  expect([window.expected, window.selective]).toEqual([0, 0]);
  expect(window.accept(0, body(5))).toEqual({ kind: "next", bodies: [body(5)] });
});
