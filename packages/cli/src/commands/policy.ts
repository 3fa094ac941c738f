// sluice policy check, propose, list, show, activate, withdraw: the policy as two people change it.
import { createInterface } from "node:readline/promises";
import type { ApiPolicyVersion } from "@sluice/client";
import type { JsonObject } from "@sluice/console";
import { type Command, type Outcome, requiredText, UsageError, type Values } from "../command.ts";
import { ask, CALLER, CALLER_OPTIONS, parsePolicy, readPolicy, refusedPolicy } from "./policy-calls.ts";
import { differences, wordsOf } from "./policy-words.ts";

const FILE = "FILE   the policy, as YAML or JSON";
const NUMBER = "N   the version";

export const policyCheck: Command = {
  name: "policy check",
  summary: "reads a policy as online-risk would, and says in plain words what it means",
  usage: [FILE, "--network NAME   checks that the addresses of its labels are of this network"],
  positionals: ["file"],
  options: { network: { type: "string" } },
  run: async (values) => {
    const { NETWORKS, readParsedPolicy } = await import("@sluice/online-rules");
    const read = await readPolicy(requiredText(values, "file"));
    if (!read.ok) return refusedPolicy(read.faults);
    const { sha256, file } = read.value;
    const network = NETWORKS.find((one) => one === values["network"]);
    if (values["network"] !== undefined && network === undefined)
      throw new UsageError(`--network is one of ${NETWORKS.join(", ")}`);
    const placed = network === undefined ? null : readParsedPolicy(read.value, network);
    if (placed?.ok === false) return refusedPolicy(placed.faults);
    const words = wordsOf(file);
    const isOpen = network === undefined && file.labels.length > 0;
    const open = isOpen ? ["the addresses of its labels were not checked: give --network"] : [];
    return {
      kind: "done",
      lines: [`sha256 ${sha256}`, ...words, ...open],
      json: { sha256, words: [...words], addressesChecked: !isOpen },
    };
  },
};

export const policyPropose: Command = {
  name: "policy propose",
  summary: "proposes a policy; it counts once another person has activated it",
  usage: [FILE, ...CALLER],
  positionals: ["file"],
  options: CALLER_OPTIONS,
  run: async (values) => {
    const read = await readPolicy(requiredText(values, "file"));
    if (!read.ok) return refusedPolicy(read.faults);
    return ask(values, async (client) => done([await client.proposePolicy(read.value.text)]));
  },
};

export const policyList: Command = {
  name: "policy list",
  summary: "lists the newest versions of the policy",
  usage: CALLER,
  options: CALLER_OPTIONS,
  run: (values) => ask(values, async (client) => done((await client.listPolicies()).policies)),
};

export const policyShow: Command = {
  name: "policy show",
  summary: "shows a version of the policy as it was written",
  usage: [NUMBER, ...CALLER],
  positionals: ["version"],
  options: CALLER_OPTIONS,
  run: (values) =>
    ask(values, async (client) => {
      const shown = await client.getPolicy(numberOf(values));
      return { kind: "done", lines: [lineOf(shown), ...shown.text.split("\n")], json: jsonOf(shown) };
    }),
};

export const policyActivate: Command = {
  name: "policy activate",
  summary: "makes a proposed policy count, at once and on every instance; by another person than the proposer",
  usage: [NUMBER, ...CALLER, "--sha256 HEX   of what you have read: answers the question that is asked otherwise"],
  positionals: ["version"],
  options: { ...CALLER_OPTIONS, sha256: { type: "string" } },
  run: (values, say) =>
    ask(values, async (client) => {
      const proposed = await client.getPolicy(numberOf(values));
      const listed = (await client.listPolicies({ limit: 200 })).policies.find(({ state }) => state === "active");
      const active = await client.getPolicy(listed?.version ?? proposed.basedOn ?? 1);
      const [from, to] = [await parsePolicy(active.text), await parsePolicy(proposed.text)];
      if (!to.ok) return refusedPolicy(to.faults);
      say(lineOf(proposed));
      say(`against version ${active.version}, which is ${active.state}:`);
      for (const line of from.ok ? differences(from.value.file, to.value.file) : ["  that one cannot be read here"])
        say(`  ${line}`);
      // What is shown is what was read here, not what the answer says of itself.
      const { sha256 } = to.value;
      const read = await confirmed(values, sha256);
      if (read !== sha256) return notConfirmed(sha256);
      return done([await client.activatePolicy(proposed.version, sha256)]);
    }),
};

export const policyWithdraw: Command = {
  name: "policy withdraw",
  summary: "takes a proposed policy back, for good",
  usage: [NUMBER, ...CALLER],
  positionals: ["version"],
  options: CALLER_OPTIONS,
  run: (values) => ask(values, async (client) => done([await client.withdrawPolicy(numberOf(values))])),
};

/** Resolves to the hash that the person confirms; null for no. */
async function confirmed(values: Values, sha256: string): Promise<string | null> {
  if (typeof values["sha256"] === "string") return values["sha256"];
  if (!process.stdin.isTTY) return null;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`activate ${sha256.slice(0, 12)}…? yes or no: `);
  terminal.close();
  return answer.trim() === "yes" ? sha256 : null;
}

function notConfirmed(sha256: string): Outcome {
  const message = `not activated; what was shown has --sha256 ${sha256}`;
  return { kind: "refused", faults: [{ code: "NOT_CONFIRMED", message }] };
}

function numberOf(values: Values): number {
  const version = Number(requiredText(values, "version"));
  if (!Number.isSafeInteger(version) || version < 1) throw new UsageError("the version is a number from 1");
  return version;
}

function done(versions: readonly ApiPolicyVersion[]): Outcome {
  return { kind: "done", lines: versions.map(lineOf), json: { policies: versions.map(jsonOf) } };
}

function lineOf({ version, state, sha256, proposedBy, person, proposedAtMs, decision }: ApiPolicyVersion): string {
  const at = (ms: number) => new Date(ms).toISOString();
  const whose = proposedBy === null ? "given at the first start" : `proposed by ${person} (${proposedBy})`;
  const isOwn = decision === null || decision.by === null;
  const decided = isOwn ? "" : `; ${decision.kind} by ${decision.person} (${decision.by}) at ${at(decision.atMs)}`;
  return `${version} ${state} ${sha256} ${whose} at ${at(proposedAtMs)}${decided}`;
}

function jsonOf(version: ApiPolicyVersion): JsonObject {
  return JSON.parse(JSON.stringify(version)) as JsonObject;
}
