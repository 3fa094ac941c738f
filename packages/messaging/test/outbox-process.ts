// What is done to an outbox by hand and by the hour, in a process of its own; its orders come through standard input.

import { text } from "node:stream/consumers";
import { createPool } from "@sluice/postgres";
import { pruneOutbox, redrive } from "../src/index.ts";
import { type Invitation, TYPE } from "./messages.ts";

const { invitation } = JSON.parse(await text(process.stdin)) as { readonly invitation: Invitation };
const pool = createPool({ url: invitation.databaseUrl, applicationName: "outbox-process" });
await redrive(pool, TYPE, new Date(0));
await pruneOutbox(pool, new Date(Date.now() + 60_000));
await pool.end();
