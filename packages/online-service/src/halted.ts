// What a service does on a database that was set back: it says so, says what to do, and waits for a person.
import { createHttpServer, problem, z } from "@sluice/http";
import type { Lifecycle } from "@sluice/runtime";
import type { Standing } from "./high-water.ts";
import { refuseOtherOrigins } from "./same-origin.ts";

type SetBack = Extract<Standing, { readonly kind: "set-back" }>;

/**
 * Serves the internal address with a readiness that names the fault, until an operator posts the mark that is shown:
 * `POST /recovery {"mark":"…"}`. Resolves then, with the address free again; never when the process is stopped.
 */
export async function waitForOperator(
  { logger, onStop }: Lifecycle,
  at: { readonly host: string; readonly port: number },
  { mark, highest, sinceMs }: SetBack,
): Promise<void> {
  const since = new Date(sinceMs).toISOString();
  const detail =
    `DATABASE_SET_BACK: this is an older copy: its mark is ${mark}, and ${highest} was published. It was last written at ` +
    `${since}. Nothing is done on it. See "A database that was set back" in OPERATIONS, then POST /recovery {"mark":"${highest}"}.`;
  logger.error({ mark: String(mark), highest: String(highest), since }, `ALARM: ${detail}`);
  let told: () => void = () => undefined;
  const waiting = new Promise<void>((resolve) => {
    told = resolve;
  });
  const http = await createHttpServer({
    logger,
    ready: async () => [{ name: "database", ok: false, detail }],
    metricsText: async () => "# TYPE sluice_database_set_back_info gauge\nsluice_database_set_back_info 1\n",
  });
  refuseOtherOrigins(http);
  const body = z.strictObject({ mark: z.string() });
  http.post("/recovery", { schema: { body } }, async (request, reply) => {
    if (request.body.mark !== String(highest)) {
      throw problem({ status: 409, code: "MARK_OTHER", title: "Another mark is shown", detail });
    }
    reply.raw.once("finish", told);
    return reply.status(202).send({ recovering: true, since });
  });
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await http.close();
    isOpen = false;
  };
  onStop("internal HTTP of a halted service", close);
  const address = await http.listen(at);
  logger.warn({ address, httpPort: Number(new URL(address).port) }, "halted: internal HTTP waits for an operator");
  await waiting;
  await close();
  logger.warn({ since }, "an operator has said to go on from this copy");
}
