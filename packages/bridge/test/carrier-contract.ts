// What every carrier promises, whatever moves the bytes: one list of expectations for all media.
import { readdirSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import type { Carrier } from "../src/carrier.ts";
import { randomFrom } from "./generator.ts";
import type { Medium, MediumKind } from "./media/index.ts";
import { type Watched, watchCarrier } from "./watched-carrier.ts";

const BYTES = 300_000;
const LARGE_PIECE = 70_000;

export interface Trial {
  readonly medium: Medium;
  readonly peerGone: MediumKind["peerGone"];
  readonly watch: (carrier: Carrier) => Watched;
  readonly connect: () => Promise<readonly [Watched, Watched]>;
}

export const PROMISES: { readonly name: string; readonly keep: (trial: Trial) => Promise<void> }[] = [];

/** Tries one promise on a medium of its own, and leaves nothing open. */
export async function tryPromise(kind: MediumKind, keep: (trial: Trial) => Promise<void>): Promise<void> {
  const medium = await kind.open();
  const watched: Watched[] = [];
  const watch: Trial["watch"] = (carrier) => {
    const one = watchCarrier(carrier);
    watched.push(one);
    return one;
  };
  const connect: Trial["connect"] = async () => {
    const [left, right] = [watch(medium.left()), watch(medium.right())];
    await Promise.all([left.until("connected"), right.until("connected")]);
    return [left, right];
  };
  try {
    await keep({ medium, peerGone: kind.peerGone, watch, connect });
  } finally {
    await Promise.all(watched.map(({ carrier }) => carrier.close()));
    await medium.end();
  }
}

function promise(name: string, keep: (trial: Trial) => Promise<void>): void {
  PROMISES.push({ name, keep });
}

promise("connects when left starts first", (on) => startFirst(on, "left"));

promise("connects when right starts first", (on) => startFirst(on, "right"));

promise("moves bytes both ways at once, whole and in order, however they are cut into pieces", async ({ connect }) => {
  const [left, right] = await connect();
  const random = randomFrom(7);
  const [down, up] = [pattern(1), pattern(2)];
  await Promise.all([left.send(down, () => 1 + random.below(5_000)), right.send(up, () => 1 + random.below(5_000))]);
  await Promise.all([right.untilReceived(BYTES), left.untilReceived(BYTES)]);
  expect(right.received().equals(down)).toBe(true);
  expect(left.received().equals(up)).toBe(true);
});

promise("says when it has enough, and when it can take more", async ({ connect }) => {
  const [left, right] = await connect();
  const waits = await left.send(pattern(3), () => LARGE_PIECE);
  expect(waits).toBeGreaterThan(0);
  await right.untilReceived(BYTES);
  expect(right.received().equals(pattern(3))).toBe(true);
});

promise(
  "the peer's going is noticed where the medium can tell, and its coming back is enough",
  async ({ medium, peerGone, watch, connect }) => {
    const [left, right] = await connect();
    await right.carrier.close();
    if (peerGone === "noticed on the next write") left.connections[0]?.write(Buffer.from("?"));
    if (peerGone !== "left to the link") await left.until("closed");
    const again = watch(medium.right());
    await again.until("connected");
    await left.until("connected", peerGone === "left to the link" ? 1 : 2);
    await exchange(left, again);
    expect(left.log.includes("closed")).toBe(peerGone !== "left to the link");
  },
);

promise("a connection that is ended here comes again, and works", async ({ peerGone, connect }) => {
  const [left, right] = await connect();
  left.connections[0]?.close();
  await left.until("closed");
  if (peerGone === "noticed on the next write") right.connections[0]?.write(Buffer.from("?"));
  await left.until("connected", 2);
  if (peerGone !== "left to the link") await right.until("connected", 2);
  await exchange(left, right);
});

promise("a third is kept out where the medium can tell, and disturbs nobody", async ({ medium, watch, connect }) => {
  const [left, right] = await connect();
  await exchange(left, right);
  if (medium.third !== undefined) {
    const third = medium.third.come();
    const reporter = third === undefined || medium.third.reportedBy === "left" ? left : watch(third);
    if (third !== undefined && reporter === left) watch(third);
    await reporter.until(medium.third.line);
  }
  await exchange(left, right);
  expect(left.log).not.toContain("closed");
});

promise("what hinders it has a stable code, and is tried again", async ({ medium, watch }) => {
  for (const { what, carrier, code } of medium.failures) {
    const hindered = watch(carrier());
    await hindered.until(`failed ${code}`, 2);
    expect(new Set(hindered.log), what).toEqual(new Set([`failed ${code}`]));
  }
});

promise("closing ends everything: no event and no descriptor is left", async ({ connect }) => {
  const before = openDescriptors();
  const [left, right] = await connect();
  await exchange(left, right);
  await Promise.all([left.carrier.close(), right.carrier.close()]);
  const logs = [[...left.log], [...right.log]];
  expect(logs.map((log) => log.at(-1))).toEqual(["closed", "closed"]);
  for (const log of logs)
    expect(log.filter((line) => line === "closed").length).toBe(log.filter((line) => line === "connected").length);
  expect(openDescriptors()).toBe(before);
  await pause(50);
  expect([left.log, right.log]).toEqual(logs);
});

promise("closing before anything happened leaves nothing", async ({ medium, watch }) => {
  const before = openDescriptors();
  const [left, right] = [watch(medium.left()), watch(medium.right())];
  await Promise.all([left.carrier.close(), right.carrier.close()]);
  expect(left.log.filter((line) => line === "connected").length).toBe(
    left.log.filter((line) => line === "closed").length,
  );
  expect(openDescriptors()).toBe(before);
});

async function startFirst({ medium, watch }: Trial, first: "left" | "right"): Promise<void> {
  const early = watch(medium[first]());
  await pause(30);
  const late = watch(medium[first === "left" ? "right" : "left"]());
  await Promise.all([early.until("connected"), late.until("connected")]);
}

/** A word each way, whatever came before it. */
async function exchange(left: Watched, right: Watched): Promise<void> {
  const [down, up] = [Buffer.from(`down ${exchanged}`), Buffer.from(`up ${exchanged++}`)];
  const [hadLeft, hadRight] = [left.received().length, right.received().length];
  left.connections.at(-1)?.write(down);
  await right.untilReceived(hadRight + down.length);
  right.connections.at(-1)?.write(up);
  await left.untilReceived(hadLeft + up.length);
  expect(right.received().subarray(-down.length).equals(down)).toBe(true);
  expect(left.received().subarray(-up.length).equals(up)).toBe(true);
}

let exchanged = 0;

function pattern(seed: number): Buffer {
  const bytes = Buffer.alloc(BYTES);
  const random = randomFrom(seed);
  for (let at = 0; at + 4 <= BYTES; at += 4) bytes.writeUInt32BE(random.below(2 ** 32), at);
  return bytes;
}

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}
