// An explicit-state model check of the conflict rule: every reachable state, breadth first, so that a violation comes with
// the shortest way there. Vault is bad throughout; either one holder is bad too, or semi-offline-risk itself.
import {
  answerOf,
  at,
  type Bug,
  type Candidate,
  EMPTY,
  independent,
  intentOf,
  jams,
  judgeAndRecord,
  type Memory,
  type Order,
  orderOf,
  settle,
  worthOf,
} from "./conflict-world.ts";

export type Enemy =
  /** Vault and holder c: c signs whatever there is and answers what it likes. */
  | "vault and a holder"
  /** Vault and semi-offline-risk, or one whose database was rolled back: any order, with any anchors. All holders honest. */
  | "vault and semi-offline-risk";

export type Scope = {
  readonly enemy: Enemy;
  readonly candidates: readonly Candidate[];
  readonly bug: Bug;
  readonly maxStates: number;
};

export type Found = {
  readonly states: number;
  readonly transitions: number;
  /** States in which two transactions for one withdrawal are complete, and conflict as they must. */
  readonly replaced: number;
  /** How often each kind of step was taken. */
  readonly steps: ReadonlyMap<string, number>;
  /** The steps to a violation; null when there is none in the scope. */
  readonly counterexample: readonly string[] | null;
  /** False when the limit of states was reached first. */
  readonly complete: boolean;
};

/** `orders` on the way are never taken away: each may be lost, late, repeated or overtaken. So may `answers`. */
type State = {
  readonly memory: string;
  /** Judged, not committed. */
  readonly open: string;
  readonly holders: readonly Holder[];
  readonly orders: readonly string[];
  readonly answers: readonly string[];
};

/** Records as text, in their order. `written` is the one that is not synced; `signed` what ever left, by task. */
type Holder = {
  readonly synced: readonly string[];
  readonly written: string;
  readonly unsafe: readonly string[];
  readonly signed: string;
};

type Step = { readonly kind: string; readonly what: string; readonly next: State };

export function checkConflictRule(scope: Scope): Found {
  const count = scope.enemy === "vault and a holder" ? 2 : 3;
  const start: State = {
    memory: JSON.stringify(EMPTY),
    open: "",
    holders: Array.from({ length: count }, () => ({ synced: [], written: "", unsafe: [], signed: "" })),
    orders: [],
    answers: [],
  };
  const cameFrom = new Map<string, readonly [from: string, what: string]>();
  const steps = new Map<string, number>();
  const queue: [key: string, state: State][] = [[keyOf(start), start]];
  cameFrom.set(keyOf(start), ["", ""]);
  const stepsFrom = createSteps(scope);
  let transitions = 0;
  let replaced = 0;
  for (let next = 0; next < queue.length; next += 1) {
    const [key, state] = at(queue, next);
    for (const step of stepsFrom(state)) {
      transitions += 1;
      const reached = keyOf(step.next);
      steps.set(step.kind, (steps.get(step.kind) ?? 0) + 1);
      if (cameFrom.has(reached)) continue;
      cameFrom.set(reached, [key, step.what]);
      const { violation, isReplaced } = completeIn(scope, step.next);
      if (isReplaced) replaced += 1;
      const result = { states: cameFrom.size, transitions, steps, replaced };
      if (violation !== null) {
        return { ...result, complete: false, counterexample: [...traceTo(reached, cameFrom), violation] };
      }
      if (cameFrom.size >= scope.maxStates) return { ...result, complete: false, counterexample: null };
      queue.push([reached, step.next]);
    }
  }
  return { states: cameFrom.size, transitions, steps, replaced, complete: true, counterexample: null };
}

/**
 * A violation is two transactions that can both be completed and both confirm, although both pay one withdrawal; or that can
 * both be completed and not both confirm, although they pay nobody in common: whoever has them completed keeps a payment away.
 */
function completeIn(
  { candidates, enemy }: Scope,
  { holders }: State,
): { readonly violation: string | null; readonly isReplaced: boolean } {
  const needed = enemy === "vault and a holder" ? 1 : 2;
  const complete = candidates.filter(
    (_, task) => holders.filter(({ signed }) => signed.includes(String(task))).length >= needed,
  );
  let isReplaced = false;
  for (const [index, one] of complete.entries()) {
    for (const other of complete.slice(index + 1)) {
      if (jams(one, other)) return { violation: `${nameOf(one)} can be jammed by ${nameOf(other)}`, isReplaced };
      const paid = [...one.pays].find((withdrawal) => other.pays.includes(withdrawal));
      if (paid === undefined) continue;
      const violation = `withdrawal ${paid} can be paid twice: by ${one.inputs} and by ${other.inputs}`;
      if (independent(one, other)) return { violation, isReplaced };
      isReplaced = true;
    }
  }
  return { violation: null, isReplaced };
}

const nameOf = ({ inputs, pays }: Candidate): string => `${inputs} for ${pays === "" ? "nobody" : pays}`;

function createSteps({ enemy, candidates, bug }: Scope): (state: State) => readonly Step[] {
  const tasks = candidates.map((_, task) => task);
  const memories = new Map<string, Memory>();
  const remember = <T>(cache: Map<string, T>, key: string, make: () => T): T => {
    const known = cache.get(key);
    if (known !== undefined) return known;
    const made = make();
    cache.set(key, made);
    return made;
  };
  const memoryOf = (text: string) => remember(memories, text, () => JSON.parse(text) as Memory);
  const judged = new Map<string, { readonly memory: string | null }>();
  const decided = new Map<string, ReturnType<typeof answerOf>>();
  return (state) => [
    ...(enemy === "vault and a holder" ? zoneSteps(state) : falseOrders(state)),
    ...state.holders.flatMap((_, holder) => holderSteps(state, holder)),
  ];

  /** Semi-offline-risk is honest; what it has not committed is lost when it crashes. */
  function zoneSteps(state: State): readonly Step[] {
    const memory = memoryOf(state.memory);
    const found: Step[] = [];
    const go = (kind: string, what: string, change: Partial<State>) =>
      found.push({ kind, what, next: { ...state, ...change } });
    if (state.open !== "") {
      go("commit", "semi-offline-risk commits", { memory: state.open, open: "" });
      go("zone crashed", "semi-offline-risk crashes before it commits", { open: "" });
    }
    for (const task of tasks) {
      const status = memory.states[task] ?? "new";
      if (status === "new" && state.open === "") {
        const { memory: after } = remember(judged, `${task}|${state.memory}`, () => {
          const made = judgeAndRecord(candidates, task, memory, bug);
          return { memory: made === null ? null : JSON.stringify(made) };
        });
        if (after !== null) go("judged", `vault sends task ${task}, which is found good`, { open: after });
        if (after !== null && bug === "ordered before the commit") {
          const sent = orderText(orderOf(candidates, task, memoryOf(after)), 0);
          go("ordered", `${sent} is out before the commit`, { open: after, orders: added(state.orders, sent) });
        }
      }
      if (status !== "ordered" || state.open !== "") continue;
      for (const holder of [0, 1, 2]) {
        const name = `${task}${holder}`;
        if (memory.asked[name] === undefined) {
          const asked = JSON.stringify({ ...memory, asked: sorted({ ...memory.asked, [name]: "-" }) });
          const sent = orderText(orderOf(candidates, task, memory), holder);
          go("ordered", `holder ${"abc"[holder]} is ordered to sign task ${task}`, {
            memory: asked,
            orders: added(state.orders, sent),
          });
          continue;
        }
        if (memory.asked[name] !== "-") continue;
        // The bad one answers what it likes; of the others any answer that they ever gave may arrive first.
        const answers =
          holder === 2
            ? ["signatures", "refusal"]
            : state.answers.filter((a) => a.startsWith(name)).map((a) => a.slice(2));
        for (const answer of answers) {
          const said = worthOf(answer as Parameters<typeof worthOf>[0]);
          const heard = JSON.stringify({ ...memory, asked: sorted({ ...memory.asked, [name]: said }) });
          go("answer heard", `semi-offline-risk hears of ${"abc"[holder]} about task ${task}: ${said}`, {
            memory: heard,
          });
        }
      }
      const settled = settle(candidates, task, memory);
      if (settled !== null)
        go("settled", `semi-offline-risk is done with task ${task}`, { memory: JSON.stringify(settled) });
    }
    return found;
  }

  /** Semi-offline-risk in enemy hands orders anything of anybody, under any anchors that a transaction has. */
  function falseOrders(state: State): readonly Step[] {
    return tasks.flatMap((task) => {
      const { inputs, pays } = at(candidates, task);
      const namings = [...pays].reduce<readonly string[]>(
        (named, _) => named.flatMap((done) => [...inputs].map((one) => done + one)),
        [""],
      );
      return namings.flatMap((anchors) =>
        state.holders.flatMap((_, holder) => {
          const sent = orderText({ task, anchors }, holder);
          if (state.orders.includes(sent)) return [];
          return [
            {
              kind: "ordered",
              what: `holder ${"abc"[holder]} is ordered to sign task ${task} under ${anchors}`,
              next: { ...state, orders: added(state.orders, sent) },
            },
          ];
        }),
      );
    });
  }

  function holderSteps(state: State, index: number): readonly Step[] {
    const holder = at(state.holders, index);
    const name = "abc"[index] ?? "";
    const found: Step[] = [];
    const go = (kind: string, what: string, change: Partial<Holder>, answer = "") => {
      const holders = state.holders.map((old, other) => (other === index ? { ...old, ...change } : old));
      const answers = answer === "" || enemy !== "vault and a holder" ? state.answers : added(state.answers, answer);
      found.push({ kind, what: `holder ${name} ${what}`, next: { ...state, holders, answers } });
    };
    const journal = [...holder.synced, ...holder.unsafe];
    if (holder.written !== "") {
      const [task = ""] = holder.written;
      const isRefusal = holder.written.endsWith("!");
      const synced = [...holder.synced, holder.written];
      const said = isRefusal ? `${task}${index}refusal` : `${task}${index}signatures`;
      const signed = isRefusal ? holder.signed : withTask(holder.signed, task);
      go(
        "synced",
        `syncs its record of task ${task} and ${isRefusal ? "refuses" : "signs"}`,
        { synced, written: "", signed },
        said,
      );
      go("record lost", "crashes, and what it wrote is lost", { written: "", ...afterRestart(holder.synced) });
      go("record kept", "crashes, and what it wrote is there all the same", { written: "", ...afterRestart(synced) });
      return found;
    }
    if (holder.unsafe.length > 0) {
      go("record lost", "crashes, and what was not synced is lost", { unsafe: [], ...afterRestart(holder.synced) });
    }
    if (bug === "journal forgotten at a restart" && holder.synced.length > 0)
      go("restarted", "restarts", afterRestart(holder.synced));
    for (const sent of state.orders) {
      if (sent[0] !== String(index)) continue;
      const order = { task: Number(sent[1]), anchors: sent.slice(2) };
      for (const passes of [true, false]) {
        const answer = remember(decided, `${sent}|${passes}|${journal.join(",")}`, () => {
          const records = journal.map((text) =>
            text.endsWith("!")
              ? { taskId: text[0] ?? "", refused: "CAP" }
              : intentOf(candidates, { task: Number(text[0]), anchors: text.slice(1) }),
          );
          return answerOf(records, intentOf(candidates, order), passes, bug);
        });
        const label = `${order.task}${index}`;
        const record = `${order.task}${order.anchors}`;
        const refusal = `${order.task}!`;
        if (answer === "first" && bug === "journal not synced before the signature") {
          go(
            "signed",
            `signs task ${order.task} before it syncs`,
            { unsafe: [...holder.unsafe, record], signed: withTask(holder.signed, String(order.task)) },
            `${label}signatures`,
          );
        } else if (answer === "first")
          go("written", `writes task ${order.task} under ${order.anchors}`, { written: record });
        else if (answer === "again") go("signed again", `signs task ${order.task} again`, {}, `${label}signatures`);
        else if (answer === "refused, signed before")
          go("refused", `refuses task ${order.task}, which it signed before`, {}, `${label}refusal-signed-before`);
        else if (journal.includes(refusal) || bug === "refusal not kept" || bug === "refusal hides a signature")
          go("refused", `refuses task ${order.task}`, {}, `${label}refusal`);
        else go("written", `writes that it refuses task ${order.task}`, { written: refusal });
      }
    }
    return found;
  }

  function afterRestart(synced: readonly string[]): Partial<Holder> {
    return { synced: bug === "journal forgotten at a restart" ? [] : synced };
  }
}

const orderText = ({ task, anchors }: Order, holder: number): string => `${holder}${task}${anchors}`;

function added(items: readonly string[], item: string): readonly string[] {
  return items.includes(item) ? items : [...items, item].toSorted();
}

function sorted<T>(record: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(record).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

function withTask(tasks: string, task: string): string {
  return tasks.includes(task) ? tasks : [...tasks, task].toSorted().join("");
}

function keyOf({ memory, open, holders, orders, answers }: State): string {
  const of = holders.map(
    ({ synced, written, unsafe, signed }) => `${synced.join(",")};${written};${unsafe.join(",")};${signed}`,
  );
  return `${numberOf(memory)}|${numberOf(open)}|${of.join("/")}|${orders.join(",")}|${answers.join(",")}`;
}

const numbers = new Map<string, number>();

/** A short name for a long text, so that millions of keys fit into memory. */
function numberOf(text: string): number {
  const known = numbers.get(text);
  if (known !== undefined) return known;
  numbers.set(text, numbers.size);
  return numbers.size - 1;
}

function traceTo(end: string, cameFrom: ReadonlyMap<string, readonly [string, string]>): readonly string[] {
  const trace: string[] = [];
  for (let key = end; key !== ""; ) {
    const [from, what] = cameFrom.get(key) ?? ["", ""];
    if (what !== "") trace.unshift(what);
    key = from;
  }
  return trace;
}
