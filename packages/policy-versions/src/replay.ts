// What a policy would have changed: a page of stored withdrawals judged again by it and by the active one. Nothing is written.
import type { ActivePolicy, Policies } from "@sluice/active-policy";
import type { BitcoinNetwork } from "@sluice/chains";
import type { Replay, Replayed } from "@sluice/client/api";
import { ok, type Result, type RiskVerdict } from "@sluice/core";
import { type ApiKey, type ApiRefusal, refuseFields } from "@sluice/gate";
import { Problem, SERVER_PROBLEMS } from "@sluice/http";
import { readPolicyText, type WrittenPolicy } from "@sluice/online-rules";
import { type Pool, type Transaction, transaction } from "@sluice/postgres";
import { fieldsOf, refusalOf } from "./commands.ts";
import { mayDecide } from "./decide-version.ts";
import { gatherThen } from "./facts-then.ts";
import { judgeAgain } from "./judge-again.ts";
import { type Judgement, listPast, type Past } from "./judgements.ts";

type Parts = { readonly pool: Pool; readonly network: BitcoinNetwork; readonly policies: Pick<Policies, "active"> };
type Page = { readonly cursor?: string | undefined; readonly limit: number };

export type Replaying = {
  readonly admit: (key: ApiKey, text: string) => Result<WrittenPolicy, ApiRefusal>;
  readonly page: (candidate: WrittenPolicy, page: Page) => Promise<Replay>;
};

export function createReplay({ pool, network, policies }: Parts): Replaying {
  let isBusy = false;
  return { admit, page };

  function admit(key: ApiKey, text: string): Result<WrittenPolicy, ApiRefusal> {
    const refused = refusalOf(mayDecide(key));
    if (refused !== null) return refused;
    const read = readPolicyText(text, network);
    return read.ok ? ok(read.value) : refuseFields(422, fieldsOf(read.faults));
  }

  /** Withdrawals that are judged now need the same processor: one page at a time. */
  async function page(candidate: WrittenPolicy, asked: Page): Promise<Replay> {
    if (isBusy) throw new Problem(SERVER_PROBLEMS.OVERLOADED);
    isBusy = true;
    try {
      return await transaction(pool, async (tx) => {
        await tx.query("set transaction isolation level repeatable read, read only");
        return replayPage(tx, await policies.active(tx), candidate, asked);
      });
    } finally {
      isBusy = false;
    }
  }
}

export async function replayPage(
  tx: Transaction,
  active: ActivePolicy,
  candidate: WrittenPolicy,
  { cursor, limit }: Page,
): Promise<Replay> {
  const found = await listPast(tx, { cursor, limit });
  const looked = found.slice(0, limit);
  const changes: Replayed[] = [];
  const notReproduced: { id: string; judgement: Judgement["which"]; rules: readonly string[] }[] = [];
  const totals = new Map<string, { asset: string; from: string; to: string; count: number; amount: bigint }>();
  let judgements = 0;
  let controlled = 0;
  for (const past of looked) {
    for (const judgement of past.judgements) {
      judgements += 1;
      const facts = await gatherThen(tx, past, judgement, [active.policy, candidate.policy]);
      const compared = judgeAgain(
        { policy: active.policy, facts: await facts.of(active.policy) },
        { policy: candidate.policy, facts: await facts.of(candidate.policy) },
        judgement.recorded,
      );
      if (judgement.which === "first") count(past, compared.active, compared.candidate);
      const unknown = facts.unknown(candidate.policy);
      if (compared.isChanged || compared.rules.length > 0 || unknown.length > 0) {
        changes.push({ ...replayedOf(past, judgement, compared), unknown });
      }
      if (judgement.policyVersion !== active.version) continue;
      controlled += 1;
      const { notReproduced: rules } = compared;
      if (rules.length > 0) notReproduced.push({ id: past.id, judgement: judgement.which, rules });
    }
  }
  const last = found.length > looked.length ? looked.at(-1) : undefined;
  return {
    ...{ active: { version: active.version, sha256: active.sha256 }, candidate: { sha256: candidate.sha256 } },
    ...{ withdrawals: looked.length, judgements, controlled, changes, notReproduced },
    notJudged: looked.filter((past) => past.judgements.length === 0).length,
    totals: [...totals.values()].map((total) => ({ ...total, amount: total.amount.toString() })),
    nextCursor: last === undefined ? null : String(last.number),
  };

  function count({ asset, amountMinor }: Past, { kind: from }: RiskVerdict, { kind: to }: RiskVerdict): void {
    const key = `${asset} ${from} ${to}`;
    const total = totals.get(key) ?? { asset, from, to, count: 0, amount: 0n };
    totals.set(key, { ...total, count: total.count + 1, amount: total.amount + amountMinor });
  }
}

function replayedOf(
  { id, account, asset, amountMinor }: Past,
  { which, nowMs, policyVersion, recorded }: Judgement,
  { active, candidate, rules }: ReturnType<typeof judgeAgain>,
): Omit<Replayed, "unknown"> {
  return {
    ...{ id, account, asset, amount: amountMinor.toString(), judgement: which, judgedAtMs: nowMs },
    ...{ judgedBy: policyVersion, recorded: strictestNoted([...recorded.values()].map(({ verdict }) => verdict)) },
    ...{ active, candidate, rules },
  };
}

const KINDS = ["reject", "hold", "delay", "clear"] as const;

function strictestNoted(verdicts: readonly string[]): Replayed["recorded"] {
  return KINDS.find((kind) => verdicts.includes(kind)) ?? "hold";
}
