// A consumer in a process of its own, which a test kills at a crash point; its orders come through standard input.

import { text } from "node:stream/consumers";
import { createTrust } from "@sluice/contracts";
import { createPool } from "@sluice/postgres";
import { createBus, startConsumer } from "../src/index.ts";
import { type Invitation, recordingHandlers, silentLogger, TYPE } from "./messages.ts";

export type ConsumerOrders = {
  readonly invitation: Invitation;
  readonly group: string;
};

const { invitation, group } = JSON.parse(await text(process.stdin)) as ConsumerOrders;
const pool = createPool({ url: invitation.databaseUrl, applicationName: "consumer-process" });
const consumer = await startConsumer({
  bus: createBus({ ...invitation, clientId: "consumer-process", logger: silentLogger }),
  pool,
  group,
  trust: createTrust(invitation.trust),
  topics: [TYPE],
  handlers: recordingHandlers,
  logger: silentLogger,
  // Longer than any test lasts: whoever comes after a killed process does not wait for its session.
  sessionTimeoutMs: 300_000,
});
process.once("SIGTERM", async () => {
  await consumer.stop();
  await pool.end();
});
// Whoever started this process may stop it from now on.
process.stdout.write("ready\n");
