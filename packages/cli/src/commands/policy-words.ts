// A policy in plain words, and what is different between two of them. Pure.
import type { PolicyFile } from "@sluice/online-rules";

/** What it means, one line for each thing. */
export function wordsOf(policy: PolicyFile): readonly string[] {
  const { newDestination, behaviour, approvalTiers, labels, shadow, reopening, allowList, fees, screening } = policy;
  const rules = Object.entries(behaviour).filter(([name, rule]) => rule !== undefined && !NO_RULES.includes(name));
  const byTier = Map.groupBy(labels, ({ tier }) => tier);
  const waits = "approvals" in newDestination ? people(newDestination.approvals) : time(newDestination.delayMs);
  return [
    `no withdrawal is larger than ${policy.maxAmountMinor}`,
    ...policy.accountWindows.map((window) => `an account within ${time(window.windowMs)}: ${bounds(window)}`),
    ...behaviour.windows.map((window) => `${OVER[window.over]} within ${time(window.windowMs)}: ${bounds(window)}`),
    `above ${newDestination.aboveMinor}, a new destination waits for ${waits}`,
    ...approvalTiers.map(
      ({ aboveMinor, approvals }) => `above ${aboveMinor}, what is held waits for ${people(approvals)}`,
    ),
    ...rules.map(([name, rule]) => `asked: ${name} ${JSON.stringify(flat(rule))}`),
    `labels of its own: ${["white", "grey", "black"].map((tier) => `${byTier.get(tier as "white")?.length ?? 0} ${tier}`).join(", ")}`,
    `while labels are not known: ${"approvals" in screening.unknown ? people(screening.unknown.approvals) : time(screening.unknown.delayMs)}`,
    `a new entry of an allow-list counts after ${time(allowList.activationMs)}`,
    `a suspension is lifted by ${people(reopening.people)} and ${Object.keys(reopening.checklist).length} answers of each`,
    `fees are paid by the ${fees.BTC.payer}`,
    shadow.length === 0 ? "no rule is in shadow" : `only noted (in shadow): ${shadow.join(", ")}`,
  ];
}

const NO_RULES = ["windows", "reference"];
const OVER: Readonly<Record<string, string>> = {
  ...{ account: "an account, over all assets", destination: "a destination", device: "a device", ip: "an IP address" },
  ...{ asset: "an asset, over all accounts", all: "everything together" },
};

function bounds({ windowMs: _, over: __, ...most }: { readonly windowMs: number; readonly over?: string }): string {
  return Object.entries(most)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(", ");
}

function people(count: number): string {
  return count === 1 ? "one person" : `${count} people`;
}

/** Whole units where there are such. */
function time(ms: number): string {
  for (const [unit, length] of [
    ["days", 86_400_000],
    ["hours", 3_600_000],
    ["minutes", 60_000],
    ["seconds", 1_000],
  ] as const) {
    if (ms >= length && ms % length === 0) return `${ms / length} ${unit}`;
  }
  return `${ms} ms`;
}

/** Every field whose value differs, with what later code fills in: "- " as it is, "+ " as it would be. */
export function differences(from: PolicyFile, to: PolicyFile): readonly string[] {
  const [before, after] = [flat(named(from)), flat(named(to))];
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
  return fields.flatMap((field) => {
    if (before[field] === after[field]) return [];
    return [
      ...(field in before ? [`- ${field}: ${before[field]}`] : []),
      ...(field in after ? [`+ ${field}: ${after[field]}`] : []),
    ];
  });
}

/** Labels are known by their addresses, wherever they stand. */
function named({ labels, ...rest }: PolicyFile): object {
  return { ...rest, labels: Object.fromEntries(labels.map(({ address, ...label }) => [address, label])) };
}

function flat(value: unknown, path = ""): Readonly<Record<string, string>> {
  if (typeof value !== "object" || value === null) return value === undefined ? {} : { [path]: String(value) };
  const entries = Object.entries(value);
  if (entries.length === 0) return { [path]: "none" };
  return Object.assign({}, ...entries.map(([name, one]) => flat(one, path === "" ? name : `${path}.${name}`)));
}
