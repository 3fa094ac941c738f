// A consumer in a process of its own, which a test kills at a named point; its orders come through standard input.

import { text } from "node:stream/consumers";
import { createTrust } from "@sluice/contracts";
import { createPool } from "@sluice/postgres";
import { type ConsumerCrashPoint, createBus, startConsumer } from "../src/index.ts";
import { type Invitation, recordingHandlers, silentLogger, TYPE } from "./messages.ts";

export type ConsumerOrders = {
  readonly invitation: Invitation;
  readonly group: string;
  /** Dies at the given occurrence of the point, counted from 1. */
  readonly dieAt: { readonly point: ConsumerCrashPoint; readonly occurrence: number } | null;
};

const { invitation, group, dieAt } = JSON.parse(await text(process.stdin)) as ConsumerOrders;
const pool = createPool({ url: invitation.databaseUrl, applicationName: "consumer-process" });
let occurrences = 0;
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
  crashPoint: (name) => {
    if (name !== dieAt?.point) return;
    occurrences += 1;
    if (occurrences === dieAt.occurrence) process.kill(process.pid, "SIGKILL");
  },
});
process.once("SIGTERM", async () => {
  await consumer.stop();
  await pool.end();
});
// Whoever started this process may stop it from now on.
process.stdout.write("ready\n");
