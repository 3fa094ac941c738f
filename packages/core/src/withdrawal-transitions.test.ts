// The table of transitions: every state against every command and every fact, written out.
import { expect, test } from "vitest";
import {
  broadcast,
  cleared,
  confirming,
  given,
  id,
  judge,
  planned,
  proof,
  received,
  record,
  signed,
  signing,
  untilMs,
} from "../test/given.ts";
import { decide, evolve } from "./withdrawal.ts";
import type { Withdrawal, WithdrawalCommand } from "./withdrawal-events.ts";
import { isFinal, TRANSITIONS, WITHDRAWAL_STATES, type WithdrawalState } from "./withdrawal-transitions.ts";

const IN_STATE: Readonly<Record<WithdrawalState, readonly WithdrawalCommand[]>> = {
  received: [received],
  held: [received, judge(2, { kind: "hold", approvals: 1 })],
  delayed: [received, judge(2, { kind: "delay", untilMs })],
  rejected: [received, judge(2, { kind: "reject" })],
  cleared,
  planned,
  signing,
  signing_delayed: [...signing, record({ type: "signing_delayed", atMs: 5, attempt: 1, untilMs })],
  refused: [...signing, record({ type: "refused", atMs: 5, attempt: 1 })],
  signed,
  broadcast,
  confirming,
  completed: [...confirming, record({ type: "completed", atMs: 8, revision: 8 })],
  cancelled: [received, { type: "cancel", nowMs: 2, by: "backend" }],
  failed: [...broadcast, { type: "fail", nowMs: 7, by: "ops", proof }],
};

const INPUTS: Readonly<Record<string, WithdrawalCommand>> = {
  receive: { type: "receive", nowMs: 5_000, id },
  "judge-clear": judge(5_000, { kind: "clear" }),
  "judge-delay": judge(5_000, { kind: "delay", untilMs: 9_000 }),
  "judge-hold": judge(5_000, { kind: "hold", approvals: 1 }),
  "judge-reject": judge(5_000, { kind: "reject" }),
  approve: { type: "approve", nowMs: 5_000, by: "ann" },
  deny: { type: "deny", nowMs: 5_000, by: "ann" },
  release: { type: "release-delay", nowMs: 5_000 },
  cancel: { type: "cancel", nowMs: 5_000, by: "backend" },
  fail: { type: "fail", nowMs: 5_000, by: "ops", proof },
  planned: record({ type: "planned", atMs: 9, attempt: 1 }),
  signing: record({ type: "signing", atMs: 9, attempt: 1 }),
  sig_delayed: record({ type: "signing_delayed", atMs: 9, attempt: 1, untilMs }),
  replanned: record({ type: "replanned", atMs: 9, attempt: 2 }),
  refused: record({ type: "refused", atMs: 9, attempt: 1 }),
  signed: record({ type: "signed", atMs: 9, attempt: 1 }),
  broadcast: record({ type: "broadcast", atMs: 9 }),
  included: record({ type: "included", atMs: 9, revision: 9 }),
  reorged: record({ type: "reorged", atMs: 9, revision: 9 }),
  completed: record({ type: "completed", atMs: 9, revision: 9 }),
};

// A state: moves there (or stays, and remembers that this was newer). A point: nothing new. Capitals: refused.
const OF_COMMANDS = `
                 receive   judge-clear judge-delay judge-hold judge-reject approve  deny     release cancel    fail
received         TWICE     cleared     delayed     held       rejected     NOHOLD   NODENY   NODELAY cancelled NOFAIL
held             TWICE     JUDGED      JUDGED      JUDGED     JUDGED       cleared  rejected NODELAY cancelled NOFAIL
delayed          TWICE     cleared     delayed     held       rejected     NOHOLD   rejected cleared cancelled NOFAIL
rejected         TWICE     JUDGED      JUDGED      JUDGED     JUDGED       NOHOLD   .        NODELAY NOCANCEL  NOFAIL
cleared          TWICE     JUDGED      JUDGED      JUDGED     JUDGED       NOHOLD   NODENY   NODELAY NOCANCEL  failed
planned          TWICE     JUDGED      JUDGED      JUDGED     JUDGED       NOHOLD   NODENY   NODELAY NOCANCEL  failed
signing          TWICE     JUDGED      JUDGED      JUDGED     JUDGED       NOHOLD   NODENY   NODELAY NOCANCEL  failed
signing_delayed  TWICE     JUDGED      JUDGED      JUDGED     JUDGED       NOHOLD   NODENY   NODELAY NOCANCEL  failed
refused          TWICE     JUDGED      JUDGED      JUDGED     JUDGED       NOHOLD   NODENY   NODELAY NOCANCEL  NOFAIL
signed           TWICE     JUDGED      JUDGED      JUDGED     JUDGED       NOHOLD   NODENY   NODELAY NOCANCEL  failed
broadcast        TWICE     JUDGED      JUDGED      JUDGED     JUDGED       NOHOLD   NODENY   NODELAY NOCANCEL  failed
confirming       TWICE     JUDGED      JUDGED      JUDGED     JUDGED       NOHOLD   NODENY   NODELAY NOCANCEL  NOFAIL
completed        TWICE     JUDGED      JUDGED      JUDGED     JUDGED       NOHOLD   NODENY   NODELAY NOCANCEL  NOFAIL
cancelled        TWICE     JUDGED      JUDGED      JUDGED     JUDGED       NOHOLD   NODENY   NODELAY .         NOFAIL
failed           TWICE     JUDGED      JUDGED      JUDGED     JUDGED       NOHOLD   NODENY   NODELAY NOCANCEL  .
`;

const OF_FACTS = `
                 planned signing sig_delayed     replanned refused signed broadcast included   reorged   completed
received         EARLY   EARLY   EARLY           EARLY     EARLY   EARLY  EARLY     EARLY      EARLY     EARLY
held             EARLY   EARLY   EARLY           EARLY     EARLY   EARLY  EARLY     EARLY      EARLY     EARLY
delayed          EARLY   EARLY   EARLY           EARLY     EARLY   EARLY  EARLY     EARLY      EARLY     EARLY
rejected         CONTRA  CONTRA  CONTRA          CONTRA    CONTRA  CONTRA CONTRA    CONTRA     CONTRA    CONTRA
cleared          planned signing signing_delayed cleared   refused signed broadcast confirming broadcast completed
planned          .       signing signing_delayed cleared   refused signed broadcast confirming broadcast completed
signing          .       .       signing_delayed cleared   refused signed broadcast confirming broadcast completed
signing_delayed  .       .       .               cleared   refused signed broadcast confirming broadcast completed
refused          .       .       .               .         .       CONTRA CONTRA    CONTRA     CONTRA    CONTRA
signed           .       .       .               .         CONTRA  .      broadcast confirming broadcast completed
broadcast        .       .       .               .         CONTRA  .      .         confirming broadcast completed
confirming       .       .       .               .         CONTRA  .      .         confirming broadcast completed
completed        .       .       .               .         CONTRA  .      .         confirming broadcast completed
cancelled        CONTRA  CONTRA  CONTRA          CONTRA    CONTRA  CONTRA CONTRA    CONTRA     CONTRA    CONTRA
failed           .       .       .               .         .       .      .         CONTRA     .         CONTRA
`;

const CODES: Readonly<Record<string, string>> = {
  TWICE: "ALREADY_RECEIVED",
  JUDGED: "ALREADY_JUDGED",
  NOHOLD: "NOT_HELD",
  NODENY: "NOT_DENIABLE",
  NODELAY: "NOT_DELAYED",
  NOCANCEL: "NOT_CANCELLABLE",
  NOFAIL: "NOT_FAILABLE",
  EARLY: "FACT_BEFORE_CLEARANCE",
  CONTRA: "FACT_CONTRADICTS",
};

function cells(table: string): readonly (readonly [state: string, input: string, then: string])[] {
  const [head = [], ...rows] = table
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  return rows.flatMap(([state = "", ...row]) =>
    head.map((input, column) => [state, input, row[column] ?? ""] as const),
  );
}

const ALL_CELLS = [...cells(OF_COMMANDS), ...cells(OF_FACTS)];

test("the tables of this test leave out no state and no input", () => {
  const want = WITHDRAWAL_STATES.flatMap((state) => Object.keys(INPUTS).map((input) => `${state} ${input}`));
  expect(ALL_CELLS.map(([state, input]) => `${state} ${input}`).toSorted()).toEqual(want.toSorted());
});

test.each(ALL_CELLS)("given %s, when %s, then %s", (stateName, input, then) => {
  const state = stateName as WithdrawalState;
  const before = given(...IN_STATE[state]);
  expect(before.state).toBe(state);
  const decided = decide(INPUTS[input] as WithdrawalCommand, before);
  const code = CODES[then];
  if (code !== undefined) {
    expect(decided).toMatchObject({ ok: false, refusal: { code, state } });
  } else if (then === ".") {
    expect(decided).toEqual({ ok: true, value: [] });
  } else {
    const after = decided.ok ? decided.value.reduce<Withdrawal>(evolve, before) : null;
    expect(decided.ok && decided.value.length).toBeGreaterThanOrEqual(1);
    expect(after?.state).toBe(then);
  }
});

test.each(Object.entries(TRANSITIONS))(
  "%s moves no state that it calls known, and no final one but a completion that the chain took back",
  (_, row) => {
    expect(row.from.filter((state) => row.known.includes(state))).toEqual([]);
    expect(row.from.filter(isFinal)).toEqual(row.newerBy === "revision" ? ["completed"] : []);
  },
);

test.each(Object.keys(INPUTS).filter((input) => input !== "receive"))(
  "%s of an unknown withdrawal is refused",
  (input) => {
    const decided = decide(INPUTS[input] as WithdrawalCommand, null);
    expect(decided).toMatchObject({ ok: false, refusal: { code: "WITHDRAWAL_UNKNOWN", state: null } });
  },
);
