// sluice zone waiting, release, veto: what waits for people, and what a person says to it, signed with the person's key.
import type { Json, JsonObject } from "@sluice/console";
import { type Decision, signDecision } from "@sluice/second-opinion";
import { askConsole } from "../ask-console.ts";
import { type Command, requiredText, type Values } from "../command.ts";
import { readPrivateKey } from "./bundle-files.ts";

const CONSOLE = "--console PATH   semi-offline-risk's console socket";
/** A list of what waits is longer than most answers. */
const LIMITS = { headBytes: 262_144 };

export const zoneWaiting: Command = {
  name: "zone waiting",
  summary: "lists what waits for a deliberate time or for a person, as semi-offline-risk reads it from the bytes",
  usage: [CONSOLE],
  options: { console: { type: "string" } },
  run: (values) =>
    askConsole(requiredText(values, "console"), "waiting", {}, new Uint8Array(0), describeWaiting, LIMITS),
};

export const zoneRelease: Command = decision("release", "releases one transaction of one task: without it, it waits");
export const zoneVeto: Command = decision("veto", "refuses what waits in a task, for good");

function decision(kind: Decision["kind"], summary: string): Command {
  return {
    name: `zone ${kind}`,
    summary,
    usage: [
      CONSOLE,
      "--task ID   as `sluice zone waiting` lists it",
      "--transaction ID   the transaction that you looked at",
      "--person NAME   yours, as the bundle has it",
      "--key FILE   your private key (PEM)",
      ...(kind === "veto" ? ["--reason TEXT   why, for the record"] : []),
    ],
    options: {
      console: { type: "string" },
      task: { type: "string" },
      transaction: { type: "string" },
      person: { type: "string" },
      key: { type: "string" },
      ...(kind === "veto" ? { reason: { type: "string" as const } } : {}),
    },
    run: (values) => decide(kind, values),
  };
}

function decide(kind: Decision["kind"], values: Values) {
  const taskId = requiredText(values, "task");
  const transactionId = requiredText(values, "transaction");
  const person = requiredText(values, "person");
  const said = { kind, taskId, transactionId, person };
  const signature = signDecision(said, readPrivateKey(requiredText(values, "key")));
  const { reason = "" } = values;
  const input = { taskId, transactionId, person, ...(kind === "veto" ? { reason: String(reason) } : {}) };
  return askConsole(requiredText(values, "console"), kind, input, signature, () => [
    `${person} has ${kind === "release" ? "released" : "vetoed"} ${taskId}`,
  ]);
}

function describeWaiting({ tasks }: JsonObject): readonly string[] {
  if (!Array.isArray(tasks) || tasks.length === 0) return ["nothing waits"];
  return tasks.flatMap((task: Json) => (isObject(task) ? describeTask(task) : []));
}

function describeTask({ taskId, transactionId, dueAtMs, payments }: JsonObject): readonly string[] {
  const until = new Date(Number(dueAtMs)).toISOString();
  const list = Array.isArray(payments) ? payments.filter(isObject) : [];
  return [
    `${String(taskId)}: transaction ${String(transactionId)}, judged again by ${until}`,
    ...list.map(({ withdrawalId, account, amountSat, address, needsRelease, vetoedBy }) => {
      const what = `  ${String(withdrawalId)}: ${String(amountSat)} satoshi for ${String(account)} to ${String(address)}`;
      const said = typeof vetoedBy === "string" ? `; vetoed by ${vetoedBy}` : "";
      return `${what}${needsRelease === true ? "; needs a release" : ""}${said}`;
    }),
  ];
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
