// A relay in a process of its own, which a test kills at a crash point; its orders come through standard input.

import { text } from "node:stream/consumers";
import { createPool } from "@sluice/postgres";
import { createBus, startRelay } from "../src/index.ts";
import { type Invitation, silentLogger } from "./messages.ts";

export type RelayOrders = {
  readonly invitation: Invitation;
};

const { invitation } = JSON.parse(await text(process.stdin)) as RelayOrders;
const pool = createPool({ url: invitation.databaseUrl, applicationName: "relay-process" });
const relay = await startRelay({
  bus: createBus({ ...invitation, clientId: "relay-process", logger: silentLogger }),
  pool,
  logger: silentLogger,
  pollMs: 100,
});
process.once("SIGTERM", async () => {
  await relay.stop();
  await pool.end();
});
// Whoever started this process may stop it from now on.
process.stdout.write("ready\n");
