// The routes of allow-lists. What lets money go somewhere takes a while to count; what stops it counts at once.
import type { Policies } from "@sluice/active-policy";
import { type BitcoinNetwork, parseAddress } from "@sluice/chains";
import {
  allowedDestinationSchema,
  allowListChangeSchema,
  allowListSchema,
  destinationListSchema,
  destinationsQuerySchema,
  newDestinationSchema,
} from "@sluice/client/api";
import { idSchema } from "@sluice/contracts";
import { ok, type Result } from "@sluice/core";
import { type ApiKey, type ApiRefusal, type Door, type RouteGroup, refuse, refuseFields, signed } from "@sluice/gate";
import { z } from "zod";
import {
  addEntry,
  type Entry,
  type ListOwner,
  listEntries,
  readEnforcement,
  removeEntry,
  setEnforcement,
} from "./store.ts";

export type DestinationOptions = {
  readonly network: BitcoinNetwork;
  readonly policies: Pick<Policies, "active">;
  readonly now: () => number;
};

/** So many on one list. */
const MOST_ENTRIES = 10_000;

export function destinationRoutes(options: DestinationOptions): RouteGroup {
  return (door) => {
    enforcement(door, options);
    for (const list of LISTS) entries(door, options, list);
  };
}

const address = z.string().min(1).max(128);

type List = {
  readonly path: string;
  readonly name: string;
  readonly of: string;
  readonly parameters: { readonly account?: typeof idSchema };
};

const LISTS: readonly List[] = [
  { path: "/v1/accounts/:account/destinations", name: "", of: "an account", parameters: { account: idSchema } },
  { path: "/v1/destinations", name: "Shared", of: "all accounts", parameters: {} },
];

const ADDRESSES = ["ADDRESS_MALFORMED", "ADDRESS_CHECKSUM", "ADDRESS_WRONG_NETWORK", "ADDRESS_UNSUPPORTED"];
const NOT_PERMITTED = { 403: ["ACCOUNT_NOT_PERMITTED"] };

function entries({ server, asks, answered }: Door, options: DestinationOptions, list: List): void {
  const { network, policies, now } = options;
  const { path, name, of } = list;

  server.get(
    path,
    {
      preValidation: asks("destinations"),
      schema: {
        ...{ operationId: `list${name}Destinations`, summary: `Where money of ${of} may go, newest first` },
        params: z.object(list.parameters),
        querystring: destinationsQuerySchema,
        response: { 200: destinationListSchema },
        ...signed("destinations", NOT_PERMITTED),
      },
    },
    async (request) =>
      answered(request, async (tx, { key }) => {
        const owner = ownerOf(request.params);
        if (!mayChange(key, owner)) return notPermitted();
        const { limit, cursor } = request.query;
        const found = await listEntries(tx, owner, { cursor, limit: limit + 1 });
        const page = found.slice(0, limit);
        const nextCursor = found.length > page.length ? String(page.at(-1)?.id) : null;
        return ok({ destinations: page.map((entry) => entryOf(entry, now())), nextCursor });
      }),
  );

  server.post(
    path,
    {
      preValidation: asks("destinations"),
      schema: {
        ...{ operationId: `allow${name}Destination`, summary: `Let money of ${of} go somewhere, after a while` },
        description: ALLOWING,
        params: z.object(list.parameters),
        body: newDestinationSchema,
        response: { 200: allowedDestinationSchema },
        ...signed("destinations", { ...NOT_PERMITTED, 409: ["LIST_FULL"], 422: ADDRESSES }),
      },
    },
    async (request) =>
      answered(request, async (tx, { key }) => {
        const owner = ownerOf(request.params);
        if (!mayChange(key, owner)) return notPermitted();
        const destination = destinationOf(network, request.body.address, "address");
        if (!destination.ok) return destination;
        const nowMs = now();
        const { policy } = await policies.active(tx);
        const times = { addedAtMs: nowMs, activeFromMs: nowMs + policy.allowList.activationMs };
        const entry = { ...destination.value, label: request.body.label ?? "", addedBy: key.keyId, ...times };
        const added = await addEntry(tx, owner, entry, MOST_ENTRIES);
        return added === undefined
          ? refuse(409, "LIST_FULL", `a list has at most ${MOST_ENTRIES} destinations`)
          : ok(entryOf(added, nowMs));
      }),
  );

  server.delete(
    `${path}/:address`,
    {
      preValidation: asks("destinations"),
      schema: {
        ...{ operationId: `remove${name}Destination`, summary: `Let money of ${of} go there no more, at once` },
        params: z.object({ ...list.parameters, address }),
        response: { 200: z.object({ removed: z.boolean().describe("False when it was not on the list.") }) },
        ...signed("destinations", { ...NOT_PERMITTED, 422: ADDRESSES }),
      },
    },
    async (request) =>
      answered(request, async (tx, { key }) => {
        const owner = ownerOf(request.params);
        if (!mayChange(key, owner)) return notPermitted();
        const destination = destinationOf(network, request.params.address, "path.address");
        if (!destination.ok) return destination;
        return ok({ removed: await removeEntry(tx, owner, destination.value.scriptPubKey, key.keyId, now()) });
      }),
  );
}

function enforcement({ server, asks, answered }: Door, { policies, now }: DestinationOptions): void {
  const path = "/v1/accounts/:account/allow-list";
  const params = z.object({ account: idSchema });

  server.get(
    path,
    {
      preValidation: asks("destinations"),
      schema: {
        ...{ operationId: "getAllowList", summary: "Whether money of an account may only go to listed destinations" },
        ...{ params, response: { 200: allowListSchema } },
        ...signed("destinations", NOT_PERMITTED),
      },
    },
    async (request) =>
      answered(request, async (tx, { key }) => {
        if (!mayChange(key, request.params.account)) return notPermitted();
        return ok(await readEnforcement(tx, request.params.account, now()));
      }),
  );

  server.put(
    path,
    {
      preValidation: asks("destinations"),
      schema: {
        ...{
          operationId: "enforceAllowList",
          summary: "Let money of an account only go to listed destinations, or not",
        },
        description: ENFORCING,
        ...{ params, body: allowListChangeSchema, response: { 200: allowListSchema } },
        ...signed("destinations", NOT_PERMITTED),
      },
    },
    async (request) =>
      answered(request, async (tx, { key }) => {
        if (!mayChange(key, request.params.account)) return notPermitted();
        const nowMs = now();
        const { policy } = await policies.active(tx);
        const when = { by: key.keyId, nowMs, offFromMs: nowMs + policy.allowList.activationMs };
        await setEnforcement(tx, request.params.account, request.body.isEnforced, when);
        return ok(await readEnforcement(tx, request.params.account, nowMs));
      }),
  );
}

const ALLOWING = `It counts after the delay that the policy has for it (activeFromMs), so that whoever steals a key cannot use an entry of its own at
once. Adding what is listed changes nothing, and its time stays.`;
const ENFORCING = `Switching it on counts at once; switching it off counts after the same delay as a new destination (enforcedUntilMs).`;

/** Of a route whose parameters are read by its schema. */
function ownerOf({ account: owner }: { readonly account?: unknown }): ListOwner {
  return typeof owner === "string" ? owner : null;
}

/** The list for all accounts is for keys that see all accounts. */
function mayChange({ accounts }: ApiKey, owner: ListOwner): boolean {
  return accounts === null || (owner !== null && accounts.includes(owner));
}

function notPermitted() {
  return refuse(403, "ACCOUNT_NOT_PERMITTED", "this key may not ask about this account's destinations");
}

type Destination = { readonly address: string; readonly scriptPubKey: Uint8Array };

function destinationOf(network: BitcoinNetwork, text: string, field: string): Result<Destination, ApiRefusal> {
  const parsed = parseAddress(network, text);
  if (parsed.ok) return ok({ address: text, scriptPubKey: parsed.value.scriptPubKey });
  return refuseFields(422, [{ field, rule: parsed.refusal.detail, code: parsed.refusal.code }]);
}

function entryOf({ id: _, ...entry }: Entry, nowMs: number) {
  return { ...entry, isActive: entry.activeFromMs <= nowMs };
}
