// The sending window: what goes out when, what an acknowledgement changes, and how long it waits before it repeats.
import { expect, test } from "vitest";
import { SendWindow } from "./send-window.ts";

const OPTIONS = { frames: 8, initialRetransmitMs: 400, minRetransmitMs: 50, maxRetransmitMs: 1_000 };
const body = Uint8Array.of(1);

function filled(count: number): SendWindow {
  const window = new SendWindow(OPTIONS);
  for (let i = 0; i < count; i++) window.add(body);
  return window;
}

function takeAll(window: SendWindow, nowMs: number): readonly number[] {
  const sequences: number[] = [];
  for (let flight = window.take(nowMs); flight !== undefined; flight = window.take(nowMs))
    sequences.push(flight.sequence);
  return sequences;
}

test("takes as many frames as the window has and no more", () => {
  const window = filled(8);
  expect(window.hasRoom()).toBe(false);
  expect(() => window.add(body)).toThrow("full");
  expect(takeAll(window, 0)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(window.acknowledge(1, 0, 10)).toBe(true);
  expect([window.hasRoom(), window.inFlight]).toEqual([true, 7]);
});

test("a selectively acknowledged frame behind a gap frees no room", () => {
  const window = filled(8);
  takeAll(window, 0);
  window.acknowledge(0, 0b1, 10);
  expect([window.hasRoom(), window.inFlight]).toEqual([false, 8]);
  window.acknowledge(1, 0, 20);
  expect([window.hasRoom(), window.inFlight]).toEqual([true, 6]);
});

test("repeats with doubling waits up to the maximum", () => {
  const window = filled(1);
  takeAll(window, 0);
  const sent: number[] = [];
  for (let now = 0; now < 5_000; now++) if (window.take(now) !== undefined) sent.push(now);
  expect(sent).toEqual([400, 1_200, 2_200, 3_200, 4_200]);
  expect(window.retransmissions).toBe(5);
});

test("waits according to the measured round trip, not under the minimum", () => {
  const window = filled(2);
  window.take(0);
  window.acknowledge(1, 0, 100);
  // First sample: 100 + 4 * 50 (RFC 6298, 2.2).
  window.take(200);
  expect(window.dueAtMs()).toBe(500);
  const quick = filled(2);
  quick.take(0);
  quick.acknowledge(1, 0, 1);
  quick.take(10);
  expect(quick.dueAtMs()).toBe(60);
});

test("a frame overtaken by three later ones is due at once", () => {
  const window = filled(5);
  takeAll(window, 0);
  window.acknowledge(0, 0b11, 10);
  expect(takeAll(window, 10)).toEqual([]);
  window.acknowledge(0, 0b111, 11);
  expect(takeAll(window, 11)).toEqual([0]);
  expect(takeAll(window, 12)).toEqual([]);
});

test("an acknowledgement of what was never sent changes nothing", () => {
  const window = filled(2);
  takeAll(window, 0);
  expect(window.acknowledge(3, 0, 5)).toBe(false);
  expect(window.inFlight).toBe(2);
});

test("an old acknowledgement takes nothing back", () => {
  const window = filled(4);
  takeAll(window, 0);
  window.acknowledge(3, 0, 5);
  expect(window.acknowledge(1, 0, 6)).toBe(true);
  expect(window.inFlight).toBe(1);
});

test("without keys everything unacknowledged is due at once and sealed anew; after a new epoch nothing is", () => {
  const window = filled(3);
  takeAll(window, 0);
  window.acknowledge(1, 0, 1);
  window.unseal();
  expect(takeAll(window, 2)).toEqual([1, 2]);
  window.reset();
  expect([takeAll(window, 10_000), window.nextSequence, window.dueAtMs()]).toEqual([[], 0, Number.POSITIVE_INFINITY]);
});
