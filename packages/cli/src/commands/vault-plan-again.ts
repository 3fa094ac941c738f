// sluice vault plan-again: a person has vault plan again what waits for one.
import { type Command, type Outcome, requiredText, UsageError, type Values } from "../command.ts";

export const vaultPlanAgain: Command = {
  name: "vault plan-again",
  summary: "has a task that is stuck_for_person, or a withdrawal that was refused too often, planned again",
  usage: [
    "--vault URL   vault's internal HTTP",
    "--task ID   as vault's /tasks lists it; or",
    "--withdrawal ID   one that waits with REFUSED_TOO_OFTEN",
    "--by NAME   yours",
    "--reason TEXT   what you found, for the record",
  ],
  options: {
    ...{ vault: { type: "string" }, task: { type: "string" }, withdrawal: { type: "string" } },
    ...{ by: { type: "string" }, reason: { type: "string" } },
  },
  run: planAgain,
};

async function planAgain(values: Values): Promise<Outcome> {
  const { task, withdrawal } = values;
  if ((task === undefined) === (withdrawal === undefined)) throw new UsageError("--task or --withdrawal is needed");
  const [kind, id] = task === undefined ? ["withdrawals", String(withdrawal)] : ["tasks", String(task)];
  const url = new URL(`/${kind}/${encodeURIComponent(id)}/plan-again`, requiredText(values, "vault"));
  const body = JSON.stringify({ by: requiredText(values, "by"), reason: requiredText(values, "reason") });
  let answer: Response;
  try {
    answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: "unavailable", faults: [{ code: "UNREACHABLE", message }] };
  }
  const said = (await answer.json().catch(() => ({}))) as { readonly code?: string; readonly detail?: string };
  if (answer.ok) return { kind: "done", lines: [`${id} is planned again`], json: { id, plannedAgain: true } };
  const faults = [{ code: said.code ?? "ANSWER_MALFORMED", message: said.detail ?? `status ${answer.status}` }];
  return { kind: answer.status >= 500 ? "unavailable" : "refused", faults };
}
