// What this service said is said once more, because a person knows that somebody lost it: a topic, or a reader's database.
import { type MessageType, TOPICS } from "@sluice/contracts";
import { type HttpServer, z } from "@sluice/http";
import { redrive } from "@sluice/messaging";
import type { OnlineService } from "./open.ts";

const body = z.strictObject({
  topic: z.string().refine((name): name is MessageType => TOPICS.some((topic) => topic === name), "is a topic"),
  since: z.iso.datetime({ offset: true, error: "is a time such as 2026-01-31T12:00:00Z" }),
  by: z.string().min(1).max(64),
});

/** `POST /outbox/redrive`; answers with how many messages go out again, none if this service says nothing on that topic. */
export function answerRedrive(http: HttpServer, { pool, life }: Pick<OnlineService, "pool" | "life">): void {
  http.post("/outbox/redrive", { schema: { body } }, async ({ body: { topic, since, by } }) => {
    const messages = await redrive(pool, topic, new Date(since));
    life.logger.warn({ topic, since, by, messages }, "what was published is published again by hand");
    return { topic, since, messages };
  });
}
