// How the parts that every online service stands on are.
import { setTimeout as delay } from "node:timers/promises";
import type { Dependency } from "@sluice/http";
import type { Consumer, Relay } from "@sluice/messaging";
import type { Pool } from "@sluice/postgres";

// Sooner than whoever asks for readiness gives up, so that a silent server is named.
const ANSWER_WITHIN_MS = 2_000;

export async function postgresHealth(pool: Pool): Promise<Dependency> {
  const answered = pool.query("select 1").then(
    () => ({ ok: true, detail: "answers" }),
    (error: unknown) => ({ ok: false, detail: error instanceof Error ? error.message : String(error) }),
  );
  const late = { ok: false, detail: `no answer in ${ANSWER_WITHIN_MS} ms` };
  return { name: "postgres", ...(await Promise.race([answered, delay(ANSWER_WITHIN_MS, late, { ref: false })])) };
}

export function messagingHealth(relay: Relay, consumer: Consumer): readonly Dependency[] {
  const relayState = relay.state();
  const consumerState = consumer.state();
  return [
    { name: "outbox relay", ok: relayState === "relaying" || relayState === "standby", detail: relayState },
    { name: "consumer", ok: consumerState === "running", detail: consumerState },
  ];
}
