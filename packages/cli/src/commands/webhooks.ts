// sluice webhooks endpoints, deliveries, resend: how the backend's receivers are, each attempt at a webhook, and sending it again.
import type { Json, JsonObject } from "@sluice/console";
import { type Command, type Outcome, requiredText, UsageError, type Values } from "../command.ts";

const TEXT = { type: "string" } as const;
const WHERE = "--webhooks URL   the service's internal HTTP";

export const webhooksEndpoints: Command = {
  name: "webhooks endpoints",
  summary: "shows each endpoint's health, what waits for it and since when",
  usage: [WHERE],
  options: { webhooks: TEXT },
  run: (values) => ask(values, "/endpoints", undefined, ({ endpoints }) => listOf(endpoints).map(describeEndpoint)),
};

export const webhooksDeliveries: Command = {
  name: "webhooks deliveries",
  summary: "lists webhooks, the newest first, with every attempt and what was answered",
  usage: [
    WHERE,
    "--withdrawal ID   of one withdrawal only",
    "--endpoint NAME   to one endpoint only",
    "--state STATE   waiting, delivered or exhausted",
    "--limit N   at most so many; 100 if not given, 500 at most",
  ],
  options: { webhooks: TEXT, withdrawal: TEXT, endpoint: TEXT, state: TEXT, limit: TEXT },
  run: (values) => {
    const query = new URLSearchParams();
    for (const name of ["withdrawal", "endpoint", "state", "limit"]) {
      const value = values[name];
      if (typeof value === "string") query.set(name, value);
    }
    return ask(values, `/deliveries?${query}`, undefined, ({ deliveries }) =>
      listOf(deliveries).flatMap(describeDelivery),
    );
  },
};

export const webhooksResend: Command = {
  name: "webhooks resend",
  summary: "sends webhooks again, delivered ones too, under the same id: one, or a range of sequence numbers",
  usage: [
    "WHAT   a webhook's id, or FROM-TO, both included, as `sluice webhooks deliveries` lists them",
    WHERE,
    "--endpoint NAME   to which they go",
    "--series TIME   of the numbers; the newest if not given",
    "--by NAME   yours",
  ],
  options: { webhooks: TEXT, endpoint: TEXT, series: TEXT, by: TEXT },
  positionals: ["what"],
  run: (values) => {
    const what = requiredText(values, "what");
    const head = { endpoint: requiredText(values, "endpoint"), by: requiredText(values, "by") };
    const range = /^([1-9][0-9]{0,14})-([1-9][0-9]{0,14})$/.exec(what);
    const { series } = values;
    if (range === null && series !== undefined) throw new UsageError("--series is for FROM-TO");
    const numbers = { from: Number(range?.[1]), to: Number(range?.[2]), ...(series === undefined ? {} : { series }) };
    const body = range === null ? { ...head, id: what } : { ...head, ...numbers };
    return ask(values, "/resend", body, ({ endpoint, deliveries }) => [
      `${String(deliveries)} of ${String(endpoint)} are sent again`,
    ]);
  },
};

async function ask(
  values: Values,
  path: string,
  body: object | undefined,
  linesOf: (answer: JsonObject) => readonly string[],
): Promise<Outcome> {
  const url = new URL(path, requiredText(values, "webhooks"));
  const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  let answer: Response;
  try {
    answer = await fetch(url, body === undefined ? {} : post);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: "unavailable", faults: [{ code: "UNREACHABLE", message }] };
  }
  const said = (await answer.json().catch(() => ({}))) as JsonObject;
  if (answer.ok) return { kind: "done", lines: linesOf(said), json: said };
  const { code, detail } = said;
  const faults = [
    {
      code: typeof code === "string" ? code : "ANSWER_MALFORMED",
      message: typeof detail === "string" ? detail : `status ${answer.status}`,
    },
  ];
  return { kind: answer.status >= 500 ? "unavailable" : "refused", faults };
}

function describeEndpoint(endpoint: JsonObject): string {
  const { name, state, url, waiting, waitingSince, exhausted, failures, disabledBecause, lastSequence } = endpoint;
  const since = typeof waitingSince === "string" ? ` since ${waitingSince}` : "";
  const off = typeof disabledBecause === "string" ? ` (${disabledBecause})` : "";
  const tried = `${String(failures)} failures in a row, ${String(exhausted)} given up`;
  const where = typeof url === "string" ? url : "not in the file any more";
  return `${String(name)}: ${String(state)}${off}, ${String(waiting)} wait${since}, ${tried}, last number ${String(lastSequence)}; ${where}`;
}

function describeDelivery(delivery: JsonObject): readonly string[] {
  const { id, endpoint, sequence, withdrawalId, revision, type, state, attempts } = delivery;
  const what = `${String(type)} of ${String(withdrawalId)} revision ${String(revision)}`;
  return [
    `${String(id)}: ${String(endpoint)} ${String(sequence)}: ${what}: ${String(state)}`,
    ...listOf(attempts).map(({ number, startedAt, code, status, durationMs }) => {
      const came = code === null ? "on its way" : `${String(code)}${status === null ? "" : ` ${String(status)}`}`;
      return `  attempt ${String(number)} at ${String(startedAt)}: ${came}${durationMs === null ? "" : `, ${String(durationMs)} ms`}`;
    }),
  ];
}

function listOf(value: Json | undefined): readonly JsonObject[] {
  const isObject = (each: Json): each is JsonObject =>
    typeof each === "object" && each !== null && !Array.isArray(each);
  return Array.isArray(value) ? value.filter(isObject) : [];
}
