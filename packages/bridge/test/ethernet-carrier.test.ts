// What is particular to raw Ethernet: an interface that goes down, packets that are not for us, and silence towards IP.
import { closeSync, writeSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ethernetCarrier } from "../src/ethernet.ts";
import { encodePacket } from "../src/ethernet-packet.ts";
import { loadLibc } from "../src/libc.ts";
import { ethernet } from "./media/ethernet.ts";
import { type Cable, ip, layCable, type Side } from "./media/veth.ts";
import { type Watched, watchCarrier } from "./watched-carrier.ts";

const reason = await ethernet.unavailable();
if (reason !== undefined) process.stdout.write(`skipped: ${reason}\n`);
const on = test.skipIf(reason !== undefined);
const STRANGER = "02:00:00:00:00:99";

let cable: Cable;
let watched: Watched[] = [];
beforeEach(async () => {
  await loadLibc();
  if (reason === undefined) cable = layCable();
});
afterEach(async () => {
  await Promise.all(watched.map(({ carrier }) => carrier.close()));
  watched = [];
  if (reason === undefined) cable.end();
});

function watch(side: Side, peer?: string): Watched {
  const known = peer === undefined ? {} : { peer };
  const one = watchCarrier(ethernetCarrier({ interface: side, openSocket: cable.openSocket(side), ...known }));
  watched.push(one);
  return one;
}

on("an interface that goes down ends the connection, has its code, and is used again once it is up", async () => {
  const [left, right] = [watch("left"), watch("right")];
  await Promise.all([left.until("connected"), right.until("connected")]);
  cable.inside("left", () => ip("link", "set", "left", "down"));
  await left.until("closed");
  await left.until("failed ENETDOWN");
  cable.inside("left", () => ip("link", "set", "left", "up"));
  await left.until("connected", 2);
  left.connections[1]?.write(Buffer.from("up again"));
  await right.untilReceived("up again".length);
  expect(right.received().toString()).toBe("up again");
});

on("packets of another kind, shape, destination or source leave no byte behind", async () => {
  const libc = await loadLibc();
  const own = cable.openSocket("left")(libc, "left");
  closeSync(own.descriptor);
  const sender = cable.openSocket("right")(libc, "right");
  const left = watch("left", sender.address);
  await left.until("connected");
  const good = { source: sender.address, destination: own.address, payload: Buffer.from("good") };
  const altered = (at: number, value: number): Buffer => {
    const packet = encodePacket(good);
    packet[at] = value;
    return packet;
  };
  const wrong = [
    encodePacket({ ...good, source: STRANGER }),
    encodePacket({ ...good, destination: STRANGER }),
    encodePacket({ ...good, source: own.address }),
    altered(14, 0),
    altered(16, 2),
    altered(17, 1),
    altered(18, 0xff),
    encodePacket(good).subarray(0, 18),
  ];
  for (const packet of wrong) writeSync(sender.descriptor, packet);
  // A line is in order, so once this has come all that was before it has been looked at.
  writeSync(sender.descriptor, encodePacket(good));
  closeSync(sender.descriptor);
  await left.untilReceived(4);
  process.stdout.write(
    `ethernet: ${wrong.length} wrong packets sent, ${left.received().length - 4} bytes of them taken\n`,
  );
  expect(left.received().toString()).toBe("good");
  expect(left.log).toEqual(["connected", "turned away"]);
});
