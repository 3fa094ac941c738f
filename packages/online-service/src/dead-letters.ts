// A poison message waits for a person, who looks at it here, and has it retried or discards it.
import { type HttpServer, problem, z } from "@sluice/http";
import { discardDeadLetter, type Handlers, listDeadLetters, retryDeadLetter } from "@sluice/messaging";
import type { OnlineService } from "./open.ts";

const idSchema = z.object({ id: z.string().regex(/^[0-9]{1,18}$/, "is the number of a dead letter") });

export function answerDeadLetters(http: HttpServer, { pool, trust, life }: OnlineService, handlers: Handlers): void {
  const { logger } = life;

  http.get("/dead-letters", async () => {
    const letters = await listDeadLetters(pool);
    return {
      deadLetters: letters.map(({ envelope, id, offset, ...letter }) => ({
        ...letter,
        id: String(id),
        offset: String(offset),
        envelopeBytes: envelope.length,
      })),
    };
  });

  http.post("/dead-letters/:id/retry", { schema: { params: idSchema } }, async ({ params: { id } }) => {
    const retried = await retryDeadLetter(pool, BigInt(id), { trust, handlers });
    logger.info({ deadLetter: id, retried }, "a dead letter was retried by hand");
    if (retried.ok) return { id, resolution: retried.resolution };
    const status = retried.code === "DEAD_LETTER_UNKNOWN" ? 404 : 409;
    throw problem({ status, code: retried.code, title: "The dead letter was not resolved", detail: retried.reason });
  });

  http.post("/dead-letters/:id/discard", { schema: { params: idSchema } }, async ({ params: { id } }) => {
    const discarded = await discardDeadLetter(pool, BigInt(id));
    logger.info({ deadLetter: id, discarded }, "a dead letter was discarded by hand");
    if (discarded) return { id, resolution: "discarded" };
    const title = "No such dead letter waits";
    throw problem({ status: 404, code: "DEAD_LETTER_UNKNOWN", title, detail: `There is no open dead letter ${id}.` });
  });
}
