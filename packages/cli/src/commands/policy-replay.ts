// sluice policy replay: what a policy would have changed over the last withdrawals, asked page by page. Nothing is changed.
import type { Replay, Replayed, ReplayedVerdict, SluiceClient } from "@sluice/client";
import type { JsonObject } from "@sluice/console";
import { type Command, type Outcome, requiredText, UsageError } from "../command.ts";
import { ask, CALLER, CALLER_OPTIONS, readPolicy, refusedPolicy } from "./policy-calls.ts";

const MOST = 100_000;

export const policyReplay: Command = {
  name: "policy replay",
  summary: "what a policy would have changed over the last withdrawals; changes nothing",
  usage: [
    "FILE   the policy, as YAML or JSON",
    ...CALLER,
    `--last N   so many withdrawals, at most ${MOST}; 1000 if not given`,
  ],
  positionals: ["file"],
  options: { ...CALLER_OPTIONS, last: { type: "string" } },
  run: async (values, say) => {
    const last = Number(values["last"] ?? "1000");
    if (!Number.isSafeInteger(last) || last < 1 || last > MOST) throw new UsageError(`--last is from 1 to ${MOST}`);
    const read = await readPolicy(requiredText(values, "file"));
    if (!read.ok) return refusedPolicy(read.faults);
    return ask(values, async (client) => outcomeOf(await replayAll(client, read.value.text, last, say)));
  },
};

type Whole = {
  readonly active: Replay["active"];
  readonly candidate: Replay["candidate"];
  readonly pages: readonly Replay[];
};

/** Null when another version became active meanwhile: half of it would be about something else. */
async function replayAll(
  client: SluiceClient,
  text: string,
  last: number,
  say: (line: string) => void,
): Promise<Whole | null> {
  const pages: Replay[] = [];
  let left = last;
  let cursor: string | null = null;
  do {
    const page: Replay = await client.replayPolicy(text, {
      limit: Math.min(PAGE, left),
      ...(cursor === null ? {} : { cursor }),
    });
    const [first = page] = pages;
    if (page.active.version !== first.active.version) return null;
    pages.push(page);
    left -= page.withdrawals;
    cursor = page.nextCursor;
    if (pages.length % 10 === 0) say(`${last - left} of at most ${last} withdrawals replayed`);
  } while (left > 0 && cursor !== null);
  const [{ active, candidate }] = pages as [Replay];
  return { active, candidate, pages };
}

const PAGE = 50;

/** What nobody can know any more, or does not ask. */
export const REPLAY_LIMITS: readonly string[] = [
  "each withdrawal is asked by itself, with the history as it was: what the candidate would have held is not taken out of later windows",
  "only the first and the last judgement of each withdrawal are replayed; what people approved or cancelled is not",
  "of the address labels the one that decided then is known, not all that the store held; the policy's own labels are the candidate's",
  "alarms, suspensions and allow-lists are as they were noted: other zone times and activation delays would have acted earlier",
  "what was being stored in the very moment of a judgement may or may not have been seen by it; limits that are held together are exact",
  "fees are quoted at the receipt and are not replayed",
];

function outcomeOf(whole: Whole | null): Outcome {
  if (whole === null) {
    const message = "another version became active meanwhile; replay again, against that";
    return { kind: "refused", faults: [{ code: "POLICY_CHANGED", message }] };
  }
  const { active, candidate, pages } = whole;
  const sum = (of: (page: Replay) => number) => pages.reduce((total, page) => total + of(page), 0);
  const changes = pages
    .flatMap((page) => page.changes)
    .filter(({ rules, unknown }) => rules.length > 0 || unknown.length > 0);
  const notReproduced = pages.flatMap((page) => page.notReproduced);
  const counts = {
    ...{ withdrawals: sum((page) => page.withdrawals), judgements: sum((page) => page.judgements) },
    ...{ notJudged: sum((page) => page.notJudged), controlled: sum((page) => page.controlled) },
  };
  const json = {
    active,
    candidate,
    ...counts,
    totals: totalsOf(pages),
    rules: rulesOf(changes),
    changes,
    notReproduced,
    limits: REPLAY_LIMITS,
  };
  return { kind: "done", lines: linesOf(json), json: JSON.parse(JSON.stringify(json)) as JsonObject };
}

type Total = {
  readonly asset: string;
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly amount: string;
};

function totalsOf(pages: readonly Replay[]): readonly Total[] {
  const totals = new Map<string, Total>();
  for (const { asset, from, to, count, amount } of pages.flatMap((page) => page.totals)) {
    const key = `${asset} ${from} ${to}`;
    const known = totals.get(key) ?? { asset, from, to, count: 0, amount: "0" };
    totals.set(key, { ...known, count: known.count + count, amount: `${BigInt(known.amount) + BigInt(amount)}` });
  }
  return [...totals.values()];
}

function rulesOf(changes: readonly Replayed[]): Readonly<Record<string, number>> {
  const rules = changes.flatMap((change) => change.rules.map(({ rule }) => rule));
  return Object.fromEntries([...Map.groupBy(rules, (rule) => rule)].map(([rule, some]) => [rule, some.length]));
}

type Told = {
  readonly active: Replay["active"];
  readonly withdrawals: number;
  readonly judgements: number;
  readonly notJudged: number;
  readonly controlled: number;
  readonly totals: readonly Total[];
  readonly rules: Readonly<Record<string, number>>;
  readonly changes: readonly Replayed[];
  readonly notReproduced: Replay["notReproduced"];
  readonly limits: readonly string[];
};

function linesOf(told: Told): readonly string[] {
  const { active, withdrawals, judgements, notJudged, controlled, totals, rules, changes, notReproduced, limits } =
    told;
  return [
    `${withdrawals} withdrawals, ${judgements} judgements, against version ${active.version}${notJudged === 0 ? "" : `; ${notJudged} not judged yet`}`,
    ...totals.map(
      ({ asset, from, to, count, amount }) =>
        `  ${from} -> ${to}: ${count} withdrawals, ${amount} minor units of ${asset}`,
    ),
    ...Object.entries(rules).map(([rule, count]) => `  ${rule}: ${count} judgements say something else`),
    ...changes.map(lineOf),
    `control: version ${active.version} makes ${controlled - notReproduced.length} of its own ${controlled} judgements again`,
    ...notReproduced.map(
      ({ id, judgement, rules: some }) => `  not again: ${id}, ${judgement} judgement: ${some.join(", ")}`,
    ),
    "what a replay does not know:",
    ...limits.map((limit) => `  ${limit}`),
  ];
}

function lineOf({ id, judgement, amount, asset, active, candidate, rules, unknown }: Replayed): string {
  const why = rules.map(({ rule, reason }) => `${rule}: ${reason}`).join(" ");
  const codes = unknown.length === 0 ? "" : ` (not known: ${unknown.join(", ")})`;
  return `${id} (${judgement}, ${amount} ${asset}): ${wordsOf(active)} -> ${wordsOf(candidate)}. ${why}${codes}`;
}

function wordsOf({ kind, approvals, untilMs }: ReplayedVerdict): string {
  if (approvals !== undefined) return `${kind} for ${approvals}`;
  return untilMs === undefined ? kind : `${kind} until ${new Date(untilMs).toISOString()}`;
}
