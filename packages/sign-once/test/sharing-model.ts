// A second explicit-state model check, with a chain in it: may a coin that only a losing version spent pay others? Steps are
// coarser than in conflict-model.ts, where crashes and syncs are; here transactions confirm, and every state is asked what can
// still become of it.
import {
  answerOf,
  at,
  type Bug,
  type Candidate,
  EMPTY,
  independent,
  intentOf,
  judgeAndRecord,
  type Memory,
  type Order,
  orderOf,
  settle,
  worthOf,
} from "./conflict-world.ts";

export type SharingScope = {
  readonly candidates: readonly Candidate[];
  /**
   * "nobody": vault asks for what its conditions allow, and every holder is honest. A holder that is bad is c: it signs whatever
   * there is and answers what it likes. A bad zone orders anything under any anchors.
   */
  readonly enemy: "nobody" | "vault and a holder" | "vault and semi-offline-risk";
  /** By the place of a candidate, that of the one which has to be final before an honest vault asks for it. */
  readonly after?: Readonly<Record<number, number>>;
  readonly bug?: Bug;
  /** Answers may be lost, so that a holder has signed and the zone asks again. Many more states. */
  readonly lost?: boolean;
  /** Honest holders with caps of their own, which may refuse what another signs: a alone, or a and b. */
  readonly refusing?: "a" | "a and b";
};

export type Shared = {
  readonly states: number;
  readonly transitions: number;
  /** States in which transactions for different withdrawals that share a coin are complete. */
  readonly sharing: number;
  /** The steps to the first state that breaks what must hold, and how. */
  readonly violation: readonly string[] | null;
  /** Whether from each state that satisfies the first one that satisfies the second can be reached; else the way to one from which it cannot. */
  readonly canReach: (from: (chain: string) => boolean, to: (chain: string) => boolean) => readonly string[] | null;
};

/** `chain` has the confirmed tasks in the order of their places, `answers` is for a bad zone's holders: what each has on record. */
type State = { readonly memory: string; readonly journals: readonly string[]; readonly chain: string };
type Step = readonly [what: string, next: State];

export function checkSharing(scope: SharingScope): Shared {
  const start: State = { memory: JSON.stringify(EMPTY), journals: ["", "", ""], chain: "" };
  const states: State[] = [start];
  const numbers = new Map([[keyOf(start), 0]]);
  const cameFrom: (readonly [number, string])[] = [[-1, ""]];
  const before: number[][] = [[]];
  const stepsFrom = createSteps(scope);
  let transitions = 0;
  let sharing = 0;
  let violation: readonly string[] | null = null;
  const wayTo = (end: number): readonly string[] => {
    const way: string[] = [];
    for (let now = end; now > 0; now = at(cameFrom, now)[0]) way.unshift(at(cameFrom, now)[1]);
    return way;
  };
  for (let now = 0; now < states.length && violation === null; now += 1) {
    for (const [what, next] of stepsFrom(at(states, now))) {
      transitions += 1;
      const key = keyOf(next);
      const known = numbers.get(key);
      if (known !== undefined) {
        at(before, known).push(now);
        continue;
      }
      const number = states.length;
      numbers.set(key, number);
      states.push(next);
      cameFrom.push([now, what]);
      before.push([now]);
      const { fault, isShared } = judgeState(scope, next);
      if (isShared) sharing += 1;
      if (fault !== null) violation ??= [...wayTo(number), fault];
    }
  }
  return { states: states.length, transitions, sharing, violation, canReach };

  function canReach(from: (chain: string) => boolean, to: (chain: string) => boolean): readonly string[] | null {
    const good = states.map(({ chain }) => to(chain));
    const open = good.flatMap((isGood, number) => (isGood ? [number] : []));
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      for (const earlier of at(before, next)) {
        if (good[earlier] === true) continue;
        good[earlier] = true;
        open.push(earlier);
      }
    }
    const lost = states.findIndex(({ chain }, number) => from(chain) && good[number] !== true);
    return lost < 0 ? null : wayTo(lost);
  }
}

const HOLDERS = [0, 1, 2] as const;
const memories = new Map<string, Memory>();

function remember<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  return made;
}

const sorted = <T>(record: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
  Object.fromEntries(Object.entries(record).toSorted(([one], [other]) => (one < other ? -1 : 1)));

function memoryOf(text: string): Memory {
  return remember(memories, text, () => JSON.parse(text) as Memory);
}

const nameOf = ({ inputs, pays }: Candidate): string => `${inputs} for ${pays === "" ? "nobody" : pays}`;
const taskOf = (place: string | number) => String(place);
const recordsOf = (journal: string): readonly string[] => (journal === "" ? [] : journal.split(","));
const hasSigned = (journal: string, task: number): boolean =>
  recordsOf(journal).some((record) => record.startsWith(taskOf(task)) && !record.endsWith("!"));

function isComplete({ enemy }: SharingScope, { journals }: State, task: number): boolean {
  const signed = HOLDERS.filter((holder) => hasSigned(journals[holder] ?? "", task)).length;
  return signed >= (enemy === "vault and a holder" ? 1 : 2);
}

/**
 * What must hold: nothing that pays one withdrawal can be completed beside another that can confirm as well; the chain pays nobody
 * twice; and what is shared by transactions for different withdrawals is an anchor of none, and spared by a version of one side.
 */
function judgeState(scope: SharingScope, state: State): { readonly fault: string | null; readonly isShared: boolean } {
  const { candidates, enemy } = scope;
  const tasks = candidates.flatMap((_, task) => (isComplete(scope, state, task) ? [task] : []));
  const complete = tasks.map((task) => at(candidates, task));
  const paid = [...state.chain].flatMap((task) => [...at(candidates, Number(task)).pays]);
  const twice = paid.find((id, place) => paid.indexOf(id) !== place);
  if (twice !== undefined) return { fault: `withdrawal ${twice} is paid twice on the chain`, isShared: false };
  const { payments } = memoryOf(state.memory);
  let isShared = false;
  for (const [place, one] of complete.entries()) {
    for (const other of complete.slice(place + 1)) {
      const common = [...one.inputs].filter((outpoint) => other.inputs.includes(outpoint));
      const pair = `${nameOf(one)} and ${nameOf(other)}`;
      const isSame = [...one.pays].some((id) => other.pays.includes(id));
      if (isSame && independent(one, other)) return { fault: `${pair} can both confirm`, isShared };
      if (isSame || common.length === 0) continue;
      isShared = true;
      const anchors = [...(one.pays + other.pays)].flatMap((id) => payments[id]?.anchor ?? []);
      // A bad zone names anchors as it likes; that something is left to spend is what holders keep even then.
      const takesAll = [one, other].some(({ inputs }) => inputs.length === common.length);
      const isAnchor =
        enemy === "vault and semi-offline-risk" ? takesAll : common.some((each) => anchors.includes(each));
      if (isAnchor || one.pays === "" || other.pays === "") return { fault: `${pair} share an anchor`, isShared };
      if (enemy === "vault and semi-offline-risk") continue;
      const versionsOf = ({ pays }: Candidate) =>
        complete.filter((each) => [...pays].every((id) => each.pays.includes(id)));
      const spares = (each: Candidate) =>
        common.every((outpoint) => versionsOf(each).some(({ inputs }) => !inputs.includes(outpoint)));
      if (!spares(one) && !spares(other)) return { fault: `${pair} share what no version does without`, isShared };
    }
  }
  return { fault: null, isShared };
}

function createSteps(scope: SharingScope): (state: State) => readonly Step[] {
  const { candidates, enemy, after = {}, bug = "none", lost = enemy === "nobody", refusing = "a" } = scope;
  const tasks = candidates.map((_, task) => task);
  const judged = new Map<string, string | null>();
  const decided = new Map<string, { readonly said: string; readonly after: string }>();
  const texts = new Map<string, string>();
  return (state) => [
    ...tasks.flatMap((task) =>
      enemy === "vault and semi-offline-risk" ? falseOrders(state, task) : zone(state, task),
    ),
    ...tasks.flatMap((task) => confirmed(state, task)),
  ];

  function zone(state: State, task: number): readonly Step[] {
    const memory = memoryOf(state.memory);
    const status = memory.states[task] ?? "new";
    const needed = after[task];
    const asks = enemy !== "nobody" || needed === undefined || state.chain.includes(taskOf(needed));
    if (status === "new") {
      const name = `${task}|${state.memory}`;
      if (!judged.has(name)) {
        const made = judgeAndRecord(candidates, task, memory, bug);
        judged.set(name, made === null ? null : JSON.stringify(made));
      }
      const made = judged.get(name);
      return asks && made ? [[`${nameOf(at(candidates, task))} is found good`, { ...state, memory: made }]] : [];
    }
    if (status !== "ordered") return [];
    const settled = remember(texts, `${task} settled|${state.memory}`, () => {
      const made = settle(candidates, task, memory);
      return made === null ? "" : withoutAnswers(made, task);
    });
    const order = orderOf(candidates, task, memory);
    return [
      ...(settled === "" ? [] : [[`${task} is done`, { ...state, memory: settled }] as const]),
      ...HOLDERS.flatMap((holder) => ordered(state, memory, order, holder)),
    ];
  }

  /** The order, the answer and whether it is heard in one step; what was not heard is asked for again. */
  function ordered(state: State, memory: Memory, order: Order, holder: number): readonly Step[] {
    const name = `${order.task}${holder}`;
    const asked = memory.asked[name];
    if (asked !== undefined && asked !== "-") return [];
    const what = `${"abc"[holder]} is asked for ${nameOf(at(candidates, order.task))}`;
    const heard = (said: string, journals: readonly string[]): Step => {
      const after = remember(texts, `${name}${said}|${state.memory}`, () =>
        JSON.stringify({ ...memory, asked: sorted({ ...memory.asked, [name]: said }) }),
      );
      return [`${what}: ${said}`, { ...state, journals, memory: after }];
    };
    if (enemy === "vault and a holder" && holder === 2) {
      return [heard("signatures", state.journals), heard("refusal", state.journals)];
    }
    // A holder may have reasons of its own; nobody who is honest has any in a scope without an enemy.
    const mayRefuse = enemy !== "nobody" && refusing.includes("ab"[holder] ?? "?");
    const found = (mayRefuse ? [true, false] : [true]).map((passes) => answered(state, order, holder, passes));
    return found.flatMap(({ said, journals }) => [heard(said, journals), ...(lost ? [heard("-", journals)] : [])]);
  }

  function falseOrders(state: State, task: number): readonly Step[] {
    const { inputs, pays } = at(candidates, task);
    const namings = [...pays].reduce<readonly string[]>(
      (all, _) => all.flatMap((done) => [...inputs].map((one) => done + one)),
      [""],
    );
    return namings.flatMap((anchors) =>
      HOLDERS.flatMap((holder): readonly Step[] => {
        const { journals } = answered(state, { task, anchors }, holder, true);
        if (journals[holder] === state.journals[holder]) return [];
        return [
          [`${"abc"[holder]} is ordered ${nameOf(at(candidates, task))} under ${anchors}`, { ...state, journals }],
        ];
      }),
    );
  }

  /** Of the journal the order of records decides nothing: it is what it has. */
  function answered(state: State, order: Order, holder: number, passes: boolean) {
    const journal = state.journals[holder] ?? "";
    const { said, after: written } = remember(decided, `${journal}|${order.task}${order.anchors}|${passes}`, () => {
      const records = recordsOf(journal).map((record) =>
        record.endsWith("!")
          ? { taskId: record.slice(0, -1), refused: "CAP" }
          : intentOf(candidates, { task: Number(record[0]), anchors: record.slice(1) }),
      );
      const answer = answerOf(records, intentOf(candidates, order), passes, bug);
      const added =
        answer === "first" ? [`${order.task}${order.anchors}`] : answer === "refused" ? [`${order.task}!`] : [];
      const isSigned = answer === "first" || answer === "again";
      return {
        said: isSigned ? "signatures" : worthOf(answer === "refused" ? "refusal" : "refusal-signed-before"),
        after: [...new Set([...recordsOf(journal), ...added])].toSorted().join(","),
      };
    });
    return { said, journals: state.journals.map((old, place) => (place === holder ? written : old)) };
  }

  function confirmed(state: State, task: number): readonly Step[] {
    const { inputs } = at(candidates, task);
    const spent = [...state.chain].map((done) => at(candidates, Number(done)).inputs).join("");
    if (!isComplete(scope, state, task) || [...inputs].some((outpoint) => spent.includes(outpoint))) return [];
    const chain = [...state.chain, taskOf(task)].toSorted().join("");
    return [[`${nameOf(at(candidates, task))} confirms`, { ...state, chain }]];
  }
}

/** Nobody is asked any more, so what was answered decides nothing. */
function withoutAnswers(memory: Memory, task: number): string {
  const asked = Object.entries(memory.asked).filter(([name]) => name[0] !== taskOf(task));
  return JSON.stringify({ ...memory, asked: Object.fromEntries(asked) });
}

function keyOf({ memory, journals, chain }: State): string {
  return `${memory}|${journals.join("/")}|${chain}`;
}
