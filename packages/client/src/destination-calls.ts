// The calls about where money may go.
import { z } from "zod";
import { allowedDestinationSchema, allowListSchema, destinationListSchema } from "./api.ts";
import type { SluiceClient } from "./client.ts";
import { queryOf } from "./query.ts";
import type { Transport } from "./transport.ts";

type Calls = Pick<
  SluiceClient,
  "listDestinations" | "allowDestination" | "removeDestination" | "getAllowList" | "enforceAllowList"
>;

const removedSchema = z.object({ removed: z.boolean() });

export function destinationCalls(call: Transport["call"]): Calls {
  return {
    listDestinations: async (account, { signal, ...page } = {}) =>
      call({ method: "GET", path: listOf(account), query: queryOf(page), answer: destinationListSchema, signal }),
    allowDestination: async (account, { address, label }, { signal } = {}) => {
      const body = jsonOf({ address, label });
      return call({ method: "POST", path: listOf(account), body, answer: allowedDestinationSchema, signal });
    },
    removeDestination: async (account, address, { signal } = {}) => {
      const path = `${listOf(account)}/${encodeURIComponent(address)}`;
      return call({ method: "DELETE", path, answer: removedSchema, signal });
    },
    getAllowList: async (account, { signal } = {}) =>
      call({ method: "GET", path: `${pathOf(account)}/allow-list`, answer: allowListSchema, signal }),
    enforceAllowList: async (account, isEnforced, { signal } = {}) =>
      call({
        ...{ method: "PUT", path: `${pathOf(account)}/allow-list`, body: jsonOf({ isEnforced }) },
        ...{ answer: allowListSchema, signal },
      }),
  };
}

function listOf(account: string | null): string {
  return account === null ? "/v1/destinations" : `${pathOf(account)}/destinations`;
}

function pathOf(account: string): string {
  return `/v1/accounts/${encodeURIComponent(account)}`;
}

function jsonOf(value: object): Uint8Array<ArrayBuffer> {
  return Buffer.from(JSON.stringify(value), "utf8");
}
