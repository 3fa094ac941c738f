// sluice suspend, suspensions, reopen: one person stops something; two, each with an answer to everything on the checklist, let it go on.
import { createInterface } from "node:readline/promises";
import { type SluiceClient, SUSPENDABLE, type Suspend, type Suspension } from "@sluice/client";
import { type Command, type Outcome, requiredText, UsageError, type Values } from "../command.ts";
import { askApi, CALLER, CALLER_OPTIONS } from "./ask-api.ts";

const TEXT = { type: "string" } as const;

export const suspend: Command = {
  name: "suspend",
  summary: "stops an account, a destination, an asset, a wallet or everything, at once; what is stopped waits",
  usage: [
    "KIND [VALUE]   account, destination, asset, wallet or all; all has no value",
    ...CALLER,
    "--reason TEXT   why",
  ],
  options: { ...CALLER_OPTIONS, reason: TEXT },
  positionals: ["kind", "value"],
  run: (values) => {
    const what = readWhat(values);
    return askApi(values, (client) => client.suspend(what), describe);
  },
};

export const suspensions: Command = {
  name: "suspensions",
  summary: "lists what is suspended, since when, by whom and why, and who has said that it may go on",
  usage: CALLER,
  options: CALLER_OPTIONS,
  run: (values) =>
    askApi(
      values,
      async (client) => ({ suspensions: await client.listSuspensions() }),
      ({ suspensions: all }) => (all.length === 0 ? ["nothing is suspended"] : all.flatMap(describe)),
    ),
};

export const reopen: Command = {
  name: "reopen",
  summary: "says that what was suspended may go on: asks every item of the checklist; with the last person it goes on",
  usage: [
    "ID   as `sluice suspensions` lists it",
    ...CALLER,
    "--answer ITEM=TEXT   instead of being asked; once for each item",
  ],
  options: { ...CALLER_OPTIONS, answer: { type: "string", multiple: true } },
  positionals: ["id"],
  run: (values, say) => {
    const id = requiredText(values, "id");
    const given = readAnswers(values);
    return refusable(askApi(values, (client) => answerAll(client, id, given, say), describe));
  },
};

function readWhat(values: Values): Suspend {
  const kind = SUSPENDABLE.find((each) => each === values["kind"]);
  if (kind === undefined) throw new UsageError(`KIND is one of ${SUSPENDABLE.join(", ")}`);
  const reason = requiredText(values, "reason");
  const { value } = values;
  if (kind === "all") {
    if (value !== undefined) throw new UsageError("all has no VALUE");
    return { kind, reason };
  }
  if (typeof value !== "string" || value === "") throw new UsageError(`VALUE is needed: which ${kind}`);
  return { kind, value, reason };
}

function readAnswers(values: Values): ReadonlyMap<string, string> {
  const list = Array.isArray(values["answer"]) ? values["answer"] : [];
  return new Map(
    list.map((each) => {
      const [item = "", ...rest] = String(each).split("=");
      if (item === "" || rest.length === 0) throw new UsageError("--answer is ITEM=TEXT");
      return [item, rest.join("=")] as const;
    }),
  );
}

class NotSuspended extends Error {
  override readonly name = "NotSuspended";
}

async function answerAll(
  client: SluiceClient,
  id: string,
  given: ReadonlyMap<string, string>,
  say: (line: string) => void,
): Promise<Suspension> {
  const found = (await client.listSuspensions()).find((each) => each.id === id);
  if (found === undefined) throw new NotSuspended(`no suspension ${id} stands, as far as your key may see`);
  for (const line of describe(found)) say(line);
  const answers: Record<string, string> = Object.fromEntries(given);
  const open = Object.entries(found.reopening.checklist).filter(([item]) => !given.has(item));
  if (open.length > 0) {
    const terminal = createInterface({ input: process.stdin });
    // Line by line, so that none is lost when they come faster than they are asked for.
    const lines = terminal[Symbol.asyncIterator]();
    try {
      for (const [item, question] of open) {
        say(`${item}: ${question}`);
        const { value, done } = await lines.next();
        if (done === true) throw new UsageError(`${item} has no answer`);
        answers[item] = String(value).trim();
      }
    } finally {
      terminal.close();
    }
  }
  return client.reopen(id, answers);
}

async function refusable(asked: Promise<Outcome>): Promise<Outcome> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof NotSuspended)) throw error;
    return { kind: "refused", faults: [{ code: "SUSPENSION_UNKNOWN", message: error.message }] };
  }
}

function describe({ id, kind, value, reason, by, atMs, reopenedAtMs, reopening }: Suspension): readonly string[] {
  const what = kind === "all" ? "everything" : `${kind} ${value}`;
  const since = `${new Date(atMs).toISOString()} by ${by}: ${reason}`;
  const { required, said } = reopening;
  const words = said.map((word) => `  ${word.by} says that it may go on`);
  if (reopenedAtMs !== null) return [`${id}: ${what} goes on; it was suspended ${since}`, ...words];
  return [
    `${id}: ${what} is suspended since ${since}`,
    ...words,
    `  ${said.length} of ${required} people have said so`,
  ];
}
