// For tests: what Kafka would find out by itself, only sooner.

import { once } from "node:events";
import { connect } from "node:net";
import { createBus, kafkaOf } from "./bus.ts";

/**
 * Takes every member out of a consumer group. For after a kill: the next process gets the partitions now, and not when the
 * session of the dead one has ended, which is tried by itself in crash.test.ts. One broker only, which is every group's coordinator.
 */
export async function endSessions(brokers: readonly string[], group: string): Promise<void> {
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const admin = kafkaOf(createBus({ brokers, clientId: "test", logger: silent })).admin();
  await admin.connect();
  try {
    const { groups } = await admin.describeGroups([group]);
    for (const { memberId } of groups.flatMap(({ members }) => members)) await leaveGroup(brokers, group, memberId);
  } finally {
    await admin.disconnect();
  }
}

/** LeaveGroup, version 0 (Kafka protocol, API key 13): whoever names a member may say that it leaves. */
async function leaveGroup([broker = ""]: readonly string[], group: string, member: string): Promise<void> {
  const { hostname: host, port } = new URL(`kafka://${broker}`);
  const socket = connect({ host, port: Number(port) });
  const header = Buffer.from([0, 13, 0, 0, 0, 0, 0, 1]);
  const body = Buffer.concat([header, text("test"), text(group), text(member)]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  socket.write(Buffer.concat([length, body]));
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  // Length, correlation id, error; a member that is gone already (25) is as good.
  const error = answer.readInt16BE(8);
  if (error !== 0 && error !== 25) throw new Error(`Kafka did not take ${member} out of ${group}: error ${error}`);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  const length = Buffer.alloc(2);
  length.writeInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
