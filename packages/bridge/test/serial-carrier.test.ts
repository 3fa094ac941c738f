// What is particular to serial lines: how much they ask for at once, and a device that is pulled out and comes back.
import { afterEach, beforeEach, expect, test } from "vitest";
import type { CarrierConnection } from "../src/carrier.ts";
import { onewayCarrier } from "../src/oneway.ts";
import { serialCarrier } from "../src/serial.ts";
import { type Folder, makeFolder } from "./media/medium.ts";
import { joinPtys } from "./media/pty.ts";
import { serialLine } from "./media/serial-line.ts";
import { type Watched, watchCarrier } from "./watched-carrier.ts";

const reason = await serialLine.unavailable();
if (reason !== undefined) process.stdout.write(`skipped: ${reason}\n`);
const on = test.skipIf(reason !== undefined);

let folder: Folder;
let watched: Watched[] = [];
beforeEach(() => {
  folder = makeFolder();
});
afterEach(async () => {
  await Promise.all(watched.map(({ carrier }) => carrier.close()));
  watched = [];
  folder.end();
});

function watch(name: string, baud = 115_200): Watched {
  const one = watchCarrier(serialCarrier({ path: folder.path(name), baud, flow: "none" }));
  watched.push(one);
  return one;
}

on.each([
  [9_600, 320],
  [115_200, 3_840],
  [921_600, 30_720],
])("at %i baud it asks for %i bytes at once, a third of a second's worth", async (baud, bytes) => {
  const line = await joinPtys(folder.path("left"), folder.path("right"));
  const left = watch("left", baud);
  await left.until("connected");
  expect(left.connections[0]?.chunkBytes).toBe(bytes);
  line.pull();
});

on("a one-way line asks for what its way out asks for", async () => {
  const line = await joinPtys(folder.path("left"), folder.path("right"));
  const open = (name: string, baud: number) => serialCarrier({ path: folder.path(name), baud, flow: "none" });
  const pair = watchCarrier(onewayCarrier(open("right", 921_600), open("left", 115_200)));
  watched.push(pair);
  await pair.until("connected");
  const [connection] = pair.connections as readonly [CarrierConnection];
  expect(connection.chunkBytes).toBe(3_840);
  line.pull();
});

on("a device that is pulled out is noticed, missed by its code, and used again once it is back", async () => {
  const first = await joinPtys(folder.path("left"), folder.path("right"));
  const [left, right] = [watch("left"), watch("right")];
  await Promise.all([left.until("connected"), right.until("connected")]);
  first.pull();
  await Promise.all([left.until("closed"), right.until("closed")]);
  await Promise.all([left.until("failed ENOENT"), right.until("failed ENOENT")]);
  const second = await joinPtys(folder.path("left"), folder.path("right"));
  await Promise.all([left.until("connected", 2), right.until("connected", 2)]);
  left.connections[1]?.write(Buffer.from("back"));
  await right.untilReceived(4);
  expect(right.received().toString()).toBe("back");
  second.pull();
});
