// The route by which an exchange's backend tells what happens in its accounts.
import { ok } from "@sluice/core";
import { type RouteGroup, signed } from "@sluice/gate";
import { signalsAnswerSchema, signalsSchema } from "@sluice/signals";
import { keepSignals } from "./told.ts";

/** A thousand signals, each with all its fields. */
const BODY_LIMIT_BYTES = 1024 * 1024;

export function signalRoutes({ now }: { readonly now: () => number }): RouteGroup {
  return ({ server, asks, answered }) => {
    server.post(
      "/v1/signals",
      {
        bodyLimit: BODY_LIMIT_BYTES,
        preValidation: asks("signals"),
        schema: {
          operationId: "tellSignals",
          summary: "Tell what happened in accounts",
          description: TELLING,
          body: signalsSchema,
          response: { 200: signalsAnswerSchema },
          ...signed("signals", { 403: ["ACCOUNT_NOT_PERMITTED"], 422: ["SIGNAL_IN_FUTURE"] }),
        },
      },
      async (request) =>
        answered(request, async (tx, { key }) => {
          const kept = await keepSignals(tx, key, request.body.signals, now());
          return kept.ok ? ok({ signals: kept.value }) : kept;
        }),
    );
  };
}

const TELLING = `Log-ins, changed credentials, deposits, gains and balances, 1 to 1,000 at once. Late, repeated and in any order they
come to the same. Each has an id of the backend's own for its account; told again, word for word, it is known, and with another
content it is a conflict, which changes nothing.`;
