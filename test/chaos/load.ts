// A load of withdrawals, made from a seed, posted through the real API, and the harness's own record of what was answered.
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { addressOf } from "@sluice/chains";
import { SluiceApiError, type SluiceClient } from "@sluice/client";
import type { PolicyChoices } from "@sluice/devstack";
import type { Request } from "./history.ts";
import { randomFrom } from "./random.ts";

export type Wanted = Omit<Request, "answer"> & {
  /** Its address is no address at all, or is on the list of one side or the other. */
  readonly flaw: "none" | "malformed" | "labelled online" | "labelled offline";
};

export type Load = {
  readonly wanted: readonly Wanted[];
  /** What the policies have to say for the flaws to be found. */
  readonly policies: PolicyChoices;
};

const ACCOUNTS = ["alice", "bob", "carol", "dave", "erin"] as const;

/** Small amounts to addresses of many forms, every one paid once; some that must never be paid among them. */
export function makeLoad(seed: number, count: number): Load {
  const random = randomFrom(seed ^ 0x5eed);
  const wanted = Array.from({ length: count }, (_, at): Wanted => {
    const id = `chaos-${seed}-${at}`;
    const flaw = flawOf(at);
    const script = scriptOf(id, random.below(4));
    const address = addressOf("regtest", script) ?? "";
    return {
      id,
      // Whoever the semi-offline side has refused needs an approval the next time, so each such has an account of its own.
      account: flaw === "labelled offline" ? `mallory-${at}` : random.pick(ACCOUNTS),
      address: flaw === "malformed" ? `${address.slice(0, -1)}${address.endsWith("q") ? "p" : "q"}` : address,
      script: script.toString("hex"),
      amountSat: String(random.between(10_000, 50_000)),
      due: flaw === "none" ? "paid" : "unpaid",
      flaw,
    };
  });
  const labelled = (side: Wanted["flaw"]) =>
    wanted
      .filter(({ flaw }) => flaw === side)
      .map(({ address }) => ({ address, tier: "black" as const, category: "theft", reason: "stolen funds" }));
  return {
    wanted,
    policies: { onlineLabels: labelled("labelled online"), offlineLabels: labelled("labelled offline") },
  };
}

function flawOf(at: number): Wanted["flaw"] {
  if (at % 50 === 23) return "malformed";
  if (at % 50 === 31) return "labelled online";
  return at % 100 === 47 ? "labelled offline" : "none";
}

/** P2WPKH, P2WSH, P2PKH and P2SH; what hashes to it is nobody's. */
function scriptOf(id: string, form: number): Buffer {
  const hash = createHash("sha256").update(id).digest();
  const short = hash.subarray(0, 20);
  switch (form) {
    case 0:
      return Buffer.concat([Buffer.from("0014", "hex"), short]);
    case 1:
      return Buffer.concat([Buffer.from("0020", "hex"), hash]);
    case 2:
      return Buffer.concat([Buffer.from("76a914", "hex"), short, Buffer.from("88ac", "hex")]);
    default:
      return Buffer.concat([Buffer.from("a914", "hex"), short, Buffer.from("87", "hex")]);
  }
}

export type Posting = {
  /** So many have a definite answer, accepted or refused. */
  readonly answered: () => number;
  readonly requests: () => readonly Request[];
  /** Resolves when each has a definite answer. */
  readonly done: Promise<void>;
};

export type PostingOptions = {
  readonly client: SluiceClient;
  readonly wanted: readonly Wanted[];
  /** Not faster than this, and slower while answers fail to come. */
  readonly perSecond: number;
  readonly signal: AbortSignal;
  /** So many may be posted by now; all if not given. */
  readonly allowed?: () => number;
  /** Told of every refusal; true to post it again all the same. False for all if not given. */
  readonly insist?: (code: string) => boolean;
};

const AT_ONCE = 8;
const AGAIN_AFTER_MS = 150;
const LOOK_EVERY_MS = 50;

/** Posts one after the other, a few at once. What got no answer is posted again under its id, as often as it takes. */
export function startPosting({
  client,
  wanted,
  perSecond,
  signal,
  insist = () => false,
  allowed,
}: PostingOptions): Posting {
  const answers = new Map<string, Request["answer"]>();
  let next = 0;
  const startedMs = performance.now();
  const workers = Array.from({ length: AT_ONCE }, () => work());
  return {
    answered: () => answers.size,
    requests: () =>
      wanted.slice(0, next).map(({ flaw: _, ...one }) => ({ ...one, answer: answers.get(one.id) ?? "none" })),
    done: Promise.all(workers).then(() => undefined),
  };

  async function work(): Promise<void> {
    while (next < wanted.length && !signal.aborted) {
      const at = next;
      next += 1;
      const one = wanted[at];
      if (one === undefined) return;
      const dueInMs = startedMs + (at * 1_000) / perSecond - performance.now();
      while (allowed !== undefined && at >= allowed() && !signal.aborted) await delay(LOOK_EVERY_MS);
      if (dueInMs > 0) await delay(dueInMs, undefined, { signal }).catch(() => undefined);
      const answer = await post(one);
      if (answer !== "none") answers.set(one.id, answer);
    }
  }

  async function post({ id, account, address, amountSat }: Wanted): Promise<Request["answer"]> {
    while (!signal.aborted) {
      try {
        await client.createWithdrawal({ id, account, asset: "BTC", amount: BigInt(amountSat), address }, { signal });
        return "accepted";
      } catch (error) {
        const mayPass =
          !(error instanceof SluiceApiError) || error.status === 0 || error.status >= 500 || error.status === 429;
        if (!mayPass && !insist(error.code)) return "refused";
        await delay(AGAIN_AFTER_MS, undefined, { signal }).catch(() => undefined);
      }
    }
    return "none";
  }
}
