// The calls by which people stop something and let it go on, and the look at addresses before.
import type { SluiceClient } from "./client.ts";
import { screeningSchema } from "./screening-shapes.ts";
import { suspensionListSchema, suspensionSchema } from "./suspension-shapes.ts";
import type { Transport } from "./transport.ts";

type Calls = Pick<SluiceClient, "suspend" | "listSuspensions" | "reopen" | "screenAddresses">;

export function stoppingCalls(call: Transport["call"]): Calls {
  return {
    suspend: async (what, { signal } = {}) =>
      call({ method: "POST", path: "/v1/suspensions", body: jsonOf(what), answer: suspensionSchema, signal }),
    listSuspensions: async ({ signal } = {}) =>
      (await call({ method: "GET", path: "/v1/suspensions", answer: suspensionListSchema, signal })).suspensions,
    reopen: async (id, answers, { signal } = {}) => {
      const path = `/v1/suspensions/${encodeURIComponent(id)}/reopening`;
      return call({ method: "POST", path, body: jsonOf({ answers }), answer: suspensionSchema, signal });
    },
    screenAddresses: async (addresses, { signal } = {}) =>
      call({ method: "POST", path: "/v1/screenings", body: jsonOf({ addresses }), answer: screeningSchema, signal }),
  };
}

function jsonOf(value: object): Uint8Array<ArrayBuffer> {
  return Buffer.from(JSON.stringify(value), "utf8");
}
