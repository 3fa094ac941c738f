// The routes of suspensions: one person with the scope suspend stops something, two with the scope reopen let it go on.
import type { Policies } from "@sluice/active-policy";
import { type BitcoinNetwork, parseAddress } from "@sluice/chains";
import {
  reopenSchema,
  type Suspend,
  type Suspension,
  suspendSchema,
  suspensionIdSchema,
  suspensionListSchema,
  suspensionSchema,
} from "@sluice/client/api";
import type { Sealer } from "@sluice/contracts";
import { ok, parseAsset, type Result } from "@sluice/core";
import {
  type ApiKey,
  type ApiKeys,
  type ApiRefusal,
  isSameHand,
  type RouteGroup,
  refuse,
  refuseFields,
  signed,
} from "@sluice/gate";
import type { Policy } from "@sluice/online-rules";
import { announce } from "@sluice/online-service";
import type { Transaction } from "@sluice/postgres";
import { z } from "zod";
import {
  findStanding,
  holdOff,
  insertSuspension,
  listSuspensions,
  markReopened,
  type Stored,
  saveWord,
  spellingsOf,
} from "./suspensions.ts";

export type SuspensionOptions = {
  readonly network: BitcoinNetwork;
  readonly policies: Pick<Policies, "active">;
  readonly sealer: Sealer;
  readonly apiKeys: ApiKeys;
  readonly now: () => number;
};

export function suspensionRoutes(options: SuspensionOptions): RouteGroup {
  return ({ server, asks, answered }) => {
    const one = { params: z.object({ id: suspensionIdSchema }) };
    server.post(
      "/v1/suspensions",
      {
        preValidation: asks("suspend"),
        schema: {
          ...{ operationId: "suspend", summary: "Suspend an account, a destination, an asset, a wallet or everything" },
          ...{ description: SUSPENDING, body: suspendSchema, response: { 200: suspensionSchema } },
          ...signed("suspend", { 403: ["ACCOUNT_NOT_PERMITTED"], 422: ["ADDRESS_MALFORMED", "ASSET_UNKNOWN"] }),
        },
      },
      async (request) => answered(request, (tx, { key }) => suspend(tx, options, key, request.body)),
    );
    server.get(
      "/v1/suspensions",
      {
        preValidation: asks("read"),
        schema: {
          ...{ operationId: "listSuspensions", summary: "What is suspended" },
          ...{ response: { 200: suspensionListSchema }, ...signed("read") },
        },
      },
      async (request) =>
        answered(request, async (tx, { key }) => {
          const standing = await listSuspensions(tx, "standing");
          const { policy } = await options.policies.active(tx);
          return ok({
            suspensions: standing.filter((each) => mayTouch(key, each)).map((each) => shown(policy, each)),
          });
        }),
    );
    server.post(
      "/v1/suspensions/:id/reopening",
      {
        preValidation: asks("reopen"),
        schema: {
          ...{ operationId: "reopen", summary: "Say that what was suspended may go on", description: REOPENING },
          ...{ ...one, body: reopenSchema, response: { 200: suspensionSchema } },
          ...signed("reopen", { 403: ["SAME_PERSON"], 404: ["SUSPENSION_UNKNOWN"], 422: ["CHECKLIST_INCOMPLETE"] }),
        },
      },
      async (request) =>
        answered(request, (tx, { key }) => reopen(tx, options, key, request.params.id, request.body.answers)),
    );
  };
}

type Answer = Promise<Result<Suspension, ApiRefusal>>;

async function suspend(tx: Transaction, options: SuspensionOptions, key: ApiKey, asked: Suspend): Answer {
  const { policies, sealer, now } = options;
  const value = comparedOf(options, asked);
  if (!value.ok) return value;
  const given = { kind: asked.kind, value: value.value, shown: "value" in asked ? asked.value : "" };
  if (!mayTouch(key, given)) return refuse(403, "ACCOUNT_NOT_PERMITTED", "this key may suspend its own accounts only");
  await holdOff(tx, "suspending");
  const atMs = now();
  const id = await insertSuspension(tx, { ...given, reason: asked.reason, by: key.keyId, atMs });
  const known = id ?? (await findStanding(tx, asked.kind, value.value));
  const standing = known === undefined ? undefined : await load(tx, known);
  if (standing === undefined) throw new Error(`a suspension of ${asked.kind} is stored and is not`);
  if (id !== undefined) await tell(tx, sealer, standing, { isStanding: true, saidBy: [key.keyId], atMs });
  return ok(shown((await policies.active(tx)).policy, standing));
}

async function reopen(
  tx: Transaction,
  { policies, sealer, apiKeys, now }: SuspensionOptions,
  key: ApiKey,
  id: string,
  answers: Readonly<Record<string, string>>,
): Answer {
  // Two who say it at once would each miss the other's word.
  await holdOff(tx, "suspending");
  const { policy } = await policies.active(tx);
  const stored = await load(tx, id);
  if (stored === undefined || !mayTouch(key, stored))
    return refuse(404, "SUSPENSION_UNKNOWN", `${id} is not known here`);
  if (stored.reopenedAtMs !== null) return ok(shown(policy, stored));
  const { checklist, people } = policy.reopening;
  const missing = Object.keys(checklist).filter((item) => answers[item] === undefined);
  const unknown = Object.keys(answers).filter((item) => checklist[item] === undefined);
  const faults = [
    ...missing.map((item) => ({
      field: `answers.${item}`,
      rule: `has to say: ${checklist[item]}`,
      code: "CHECKLIST_INCOMPLETE",
    })),
    ...unknown.map((item) => ({
      field: `answers.${item}`,
      rule: "is not on the checklist",
      code: "CHECKLIST_INCOMPLETE",
    })),
  ];
  const [first, ...rest] = faults;
  if (first !== undefined) return refuseFields(422, [first, ...rest]);
  if (stored.said.some(({ by }) => by !== key.keyId && isSameHand(apiKeys, by, key.keyId))) {
    return refuse(403, "SAME_PERSON", "this person has said so with another key");
  }
  const atMs = now();
  await saveWord(tx, id, { by: key.keyId, atMs, answers });
  const said = new Set([...stored.said.map(({ by }) => by), key.keyId]);
  if (said.size >= people) {
    await markReopened(tx, id, atMs);
    await tell(tx, sealer, stored, { isStanding: false, saidBy: [...said], atMs });
  }
  const after = await load(tx, id);
  if (after === undefined) throw new Error(`suspension ${id} is gone`);
  return ok(shown(policy, after));
}

async function load(tx: Transaction, id: string): Promise<Stored | undefined> {
  return (await listSuspensions(tx, id))[0];
}

type Said = { readonly isStanding: boolean; readonly saidBy: readonly string[]; readonly atMs: number };

/** Vault holds what is cleared and not signed; it compares accounts, and addresses as they were asked for. */
async function tell(
  tx: Transaction,
  sealer: Sealer,
  stored: Stored,
  { isStanding, saidBy, atMs }: Said,
): Promise<void> {
  const { id, kind, value, shown, reason } = stored;
  const about = { reason, saidBy, suspendedBy: stored.by, suspendedAtMs: stored.atMs };
  const spellings = kind === "destination" ? await spellingsOf(tx, Buffer.from(value, "hex")) : [];
  await announce(tx, sealer, "suspension.changed.v1", {
    id: `${id}/${isStanding ? "suspended" : "reopened"}`,
    key: id,
    occurredAtMs: atMs,
    message: {
      ...{ suspensionId: id, kind, values: [...new Set([shown, ...spellings])], isStanding, changedAtMs: atMs },
      ...about,
    },
  });
}

function comparedOf({ network }: SuspensionOptions, asked: Suspend): Result<string, ApiRefusal> {
  switch (asked.kind) {
    case "destination": {
      const parsed = parseAddress(network, asked.value);
      if (!parsed.ok)
        return refuseFields(422, [{ field: "value", rule: parsed.refusal.detail, code: parsed.refusal.code }]);
      return ok(Buffer.from(parsed.value.scriptPubKey).toString("hex"));
    }
    case "asset": {
      const parsed = parseAsset(asked.value);
      return parsed.ok
        ? parsed
        : refuseFields(422, [{ field: "value", rule: parsed.refusal.detail, code: parsed.refusal.code }]);
    }
    case "all":
      return ok("");
    default:
      return ok(asked.value);
  }
}

/** A key for some accounts stops and sees these, and nothing that others share. */
function mayTouch({ accounts }: ApiKey, { kind, value }: Pick<Stored, "kind" | "value">): boolean {
  return accounts === null || (kind === "account" && accounts.includes(value));
}

function shown(
  { reopening }: Policy,
  { id, kind, shown: value, reason, by, atMs, reopenedAtMs, said }: Stored,
): Suspension {
  const { people, checklist } = reopening;
  return { id, kind, value, reason, by, atMs, reopenedAtMs, reopening: { required: people, checklist, said } };
}

const SUSPENDING = `Takes effect at once on what is not cleared, and on what is cleared and not yet with the signers as soon as vault
has heard of it. Nothing is refused: it waits, in its state, and goes on after the reopening; until its clearance it may be cancelled.
Suspending what is suspended already changes nothing.`;
const REOPENING = `Each of the people answers every item of the policy's checklist in words. With the last of them it is reopened.`;
