// One generated change after the other, judged by semi-offline-risk and by a holder, and held against what it means.
import { HOLDERS, type Holder, open } from "@sluice/contracts";
import { judgeTask, readTask } from "@sluice/second-opinion";
import { decideSigning } from "@sluice/sign-once";
import { HOLDER_CAPS } from "@sluice/signing-fixtures";
import { judgeAge, judgeOrder } from "../../services/semi-offline-signer/src/judge-order.ts";
import { write } from "../journeys/enemy/envelopes.ts";
import { signHonestly } from "./control.ts";
import {
  asTask,
  type Base,
  baseOf,
  drafts,
  HOLDER_LIMITS,
  orderFrom,
  orderMeansTheSame,
  taskMeansTheSame,
  ZONE_LIMITS,
} from "./expected.ts";
import { type Draft, NOW_MS, type Order, seals, type Task, trust } from "./honest.ts";
import { readPayout } from "./meaning.ts";
import { changeField, changeOrder, changeTask, flipBits, type Random, shuffleBytes } from "./mutate.ts";
import { holderPolicy, makeParty, type Party, policy, wallets } from "./party.ts";
import { readOrderPayload, readTaskPayload } from "./payload.ts";

export const KINDS = [
  "bits of the PSBT",
  "stretches of the PSBT",
  "fields of the PSBT",
  "bits of a clearance",
  "parts of the task",
  "parts of the order",
  "bits of a sealed task's payload",
  "bits of a sealed order's payload",
  "bits of a task's envelope",
  "bits of an order's envelope",
] as const;
export type Kind = (typeof KINDS)[number];

/** How often each kind comes, of a hundred. */
const SHARES: readonly number[] = [30, 6, 14, 10, 5, 7, 5, 5, 9, 9];

export type Judged = {
  readonly kind: Kind;
  /** Status by each that was asked, "sign" where nothing was found; null where it was not asked. */
  readonly zone: string | null;
  readonly holder: string | null;
  /** Whether its meaning is the control's, with a fee within that side's limits. */
  readonly zoneShould: boolean;
  readonly holderShould: boolean;
  readonly order: Order | null;
};

/** What is judged with; a planted bug takes something away from it. */
export type Judges = {
  readonly readTask: typeof readTask;
  readonly judgeTask: typeof judgeTask;
  readonly judgeOrder: typeof judgeOrder;
  readonly decideSigning: typeof decideSigning;
};

export const REAL_JUDGES: Judges = { readTask, judgeTask, judgeOrder, decideSigning };

export type Generator = { readonly party: Party; readonly next: (random: Random, nth: number) => Judged };

export function openGenerator(judges: Judges = REAL_JUDGES): Generator {
  const party = makeParty();
  const bases = drafts().map((draft) => {
    signHonestly(party, draft);
    return baseOf(party, draft);
  });
  return {
    party,
    next: (random, nth) => {
      // The task with two of everything costs twice as much to judge as the others.
      const base = random.below(8) === 0 ? random.one(bases) : random.one(bases.slice(1));
      const other = random.one(bases.filter((each) => each !== base));
      return judgeOne(judges, party, pickKind(random), base, other, HOLDERS[nth % 3] ?? HOLDERS[0], random);
    },
  };
}

function judgeOne(
  judges: Judges,
  party: Party,
  kind: Kind,
  base: Base,
  other: Base,
  holder: Holder,
  random: Random,
): Judged {
  const { draft } = base;
  const both = (changed: Draft): Judged => judgeBoth(judges, party, kind, base, changed, holder);
  const psbtOf = (psbt: Uint8Array): Draft => ({ ...draft, psbt: psbt.length === 0 ? Uint8Array.of(0) : psbt });
  switch (kind) {
    case "bits of the PSBT":
      return both(psbtOf(flipBits(draft.psbt, random)));
    case "stretches of the PSBT":
      return both(psbtOf(shuffleBytes(draft.psbt, random)));
    case "fields of the PSBT":
      return both(psbtOf(changeField(draft.psbt, other.draft.psbt, random)));
    case "bits of a clearance": {
      const at = random.below(draft.withdrawals.length);
      const withdrawals = draft.withdrawals.map((one, index) =>
        index === at ? { ...one, clearance: random.one([flipBits, shuffleBytes])(one.clearance, random) } : one,
      );
      return both({ ...draft, withdrawals });
    }
    case "parts of the task":
      return both(changeTask(draft, other.draft, random));
    case "parts of the order": {
      const order = changeOrder(base.order(holder), other.order(holder), base.meaning.control, random);
      return onlyHolder(
        kind,
        judgeByHolder(judges, party, holder, order),
        orderMeansTheSame(order, base, holder),
        order,
      );
    }
    case "bits of a sealed task's payload": {
      const payload = random.one([flipBits, shuffleBytes])(base.taskPayload, random);
      const content = { id: "enemy", type: "signing.requested.v1", key: "hot", payload };
      const opened = open(trust, write(seals.sealer("vault"), content), ["signing.requested.v1"]);
      const zone = opened.ok ? judgeByZone(judges, party, opened.value.message).status : opened.refusal.code;
      const meant = readTaskPayload(payload);
      const zoneShould = meant !== null && taskMeansTheSame(meant, base, ZONE_LIMITS);
      return { kind, zone, zoneShould, holder: null, holderShould: false, order: null };
    }
    case "bits of a sealed order's payload": {
      const payload = random.one([flipBits, shuffleBytes])(base.orderPayload(holder), random);
      const content = { id: "enemy", type: "signing.ordered.v1", key: "hot", payload };
      const opened = open(trust, write(seals.sealer("semi-offline-risk"), content), ["signing.ordered.v1"]);
      const status = opened.ok ? judgeByHolder(judges, party, holder, opened.value.message) : opened.refusal.code;
      const meant = readOrderPayload(payload);
      return onlyHolder(kind, status, meant !== null && orderMeansTheSame(meant, base, holder), null);
    }
    case "bits of a task's envelope": {
      const opened = open(trust, flipBits(base.taskEnvelope, random), ["signing.requested.v1"]);
      const zone = opened.ok ? "sign" : opened.refusal.code;
      return { kind, zone, zoneShould: false, holder: null, holderShould: false, order: null };
    }
    case "bits of an order's envelope": {
      const opened = open(trust, flipBits(base.orderEnvelope(holder), random), ["signing.ordered.v1"]);
      return onlyHolder(kind, opened.ok ? "sign" : opened.refusal.code, false, null);
    }
    default:
      return kind satisfies never;
  }
}

function judgeBoth(judges: Judges, party: Party, kind: Kind, base: Base, changed: Draft, holder: Holder): Judged {
  const zone = judgeByZone(judges, party, asTask(changed));
  // A zone that was fooled would put into the order what it decoded, and the anchors that it remembers.
  const order = orderFrom(changed, holder, zone.txid ?? base.meaning.control.txid, party.memory.anchors());
  const meant = readPayout(changed.psbt);
  const zoneShould = taskMeansTheSame(changed, base, ZONE_LIMITS, meant);
  const holderShould = taskMeansTheSame(changed, base, HOLDER_LIMITS, meant);
  return {
    kind,
    zone: zone.status,
    holder: judgeByHolder(judges, party, holder, order),
    zoneShould,
    holderShould,
    order,
  };
}

function judgeByZone(
  judges: Judges,
  party: Party,
  task: Task,
): { readonly status: string; readonly txid: string | null } {
  const reading = judges.readTask(task, { trust, wallets });
  if (reading.kind === "refuse") return { status: reading.findings[0]?.rule ?? "", txid: reading.txid || null };
  const { read } = reading;
  const judgement = judges.judgeTask(read, policy, party.memory.historyFor(read, NOW_MS), NOW_MS);
  const status = judgement.kind === "sign" ? "sign" : (judgement.findings[0]?.rule ?? "");
  return { status, txid: read.decoded.txid };
}

/** As handlers/signing-ordered.ts decides, up to the journal's record: a refusal's record would be one fsync each. */
function judgeByHolder(judges: Judges, party: Party, name: Holder, order: Order): string {
  const holder = party.holders.get(name);
  if (holder === undefined) throw new Error(`nobody is ${name}`);
  const judged = judges.judgeOrder(order, holderPolicy(name));
  if (!judged.ok) return judged.refusal.code;
  const decided = judges.decideSigning(holder.journal.history, judged.value.intent);
  if (!decided.ok) return decided.refusal.code;
  const unsigned = judged.value.cleared.filter(
    ({ withdrawalId }) => holder.journal.history.anchorOf(withdrawalId) === undefined,
  );
  const fresh = judgeAge(unsigned, HOLDER_CAPS, NOW_MS);
  return fresh.ok ? "sign" : fresh.refusal.code;
}

function onlyHolder(kind: Kind, holder: string, holderShould: boolean, order: Order | null): Judged {
  return { kind, zone: null, zoneShould: false, holder, holderShould, order };
}

function pickKind(random: Random): Kind {
  let left = random.below(100);
  const at = SHARES.findIndex((share) => {
    left -= share;
    return left < 0;
  });
  return KINDS[at] ?? KINDS[0];
}
