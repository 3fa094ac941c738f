// A relay in a process of its own, which a test kills at a named point; its orders come through standard input.

import { text } from "node:stream/consumers";
import { createPool } from "@sluice/postgres";
import { createBus, type RelayCrashPoint, startRelay } from "../src/index.ts";
import { type Invitation, silentLogger } from "./messages.ts";

export type RelayOrders = {
  readonly invitation: Invitation;
  readonly dieAt: { readonly point: RelayCrashPoint; readonly occurrence: number } | null;
};

const { invitation, dieAt } = JSON.parse(await text(process.stdin)) as RelayOrders;
const pool = createPool({ url: invitation.databaseUrl, applicationName: "relay-process" });
let occurrences = 0;
const relay = await startRelay({
  bus: createBus({ ...invitation, clientId: "relay-process", logger: silentLogger }),
  pool,
  logger: silentLogger,
  pollMs: 100,
  crashPoint: (name) => {
    if (name !== dieAt?.point) return;
    occurrences += 1;
    if (occurrences === dieAt.occurrence) process.kill(process.pid, "SIGKILL");
  },
});
process.once("SIGTERM", async () => {
  await relay.stop();
  await pool.end();
});
// Whoever started this process may stop it from now on.
process.stdout.write("ready\n");
