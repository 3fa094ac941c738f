// An outside screening provider over HTTP: asked beside the judge, which never waits for it, and answered for by a time-out.
import { type Label, NAME, type Screened, TIERS } from "@sluice/address-labels";
import type { Logger, Metrics } from "@sluice/runtime";
import { z } from "zod";

const answerSchema = z.object({
  labels: z
    .array(
      z.object({
        tier: z.enum(TIERS),
        category: z.string().regex(NAME),
        confidence: z.number().int().min(0).max(100),
        since: z.iso.datetime(),
      }),
    )
    .max(64),
});

export type ProviderOptions = {
  readonly url: string;
  /** Sent as a bearer token; null for none. */
  readonly key: string | null;
  readonly timeoutMs: number;
  readonly now: () => number;
  readonly metrics: Metrics;
  readonly logger: Logger;
};

export type Provider = {
  /** What it has said, or that it has not yet: then it is being asked from now on, until a time-out. */
  readonly said: (chain: string, address: string) => Screened;
  readonly stop: () => void;
};

/** An answer counts for so long; a failure is tried again after it. */
const ANSWER_COUNTS_MS = 10 * 60_000;
const FAILURE_COUNTS_MS = 10_000;
const ANSWER_MAX_BYTES = 65_536;
/** Beyond these nobody is asked: their labels are not known. */
const ASKED_AT_ONCE = 64;
const REMEMBERED = 50_000;

type Known = { readonly screened: Screened; readonly untilMs: number };

export function openProvider(options: ProviderOptions): Provider {
  const { timeoutMs, now, logger } = options;
  const known = new Map<string, Known>();
  const stopping = new AbortController();
  let asking = 0;
  const answers = options.metrics.counter({
    name: "sluice_screening_provider_total",
    help: "Questions to the screening provider, by outcome.",
    labels: ["outcome"],
  });
  return { said, stop: () => stopping.abort() };

  function said(chain: string, address: string): Screened {
    const id = `${chain} ${address}`;
    const before = known.get(id);
    if (before !== undefined && now() < before.untilMs) return before.screened;
    // Its time is over and nobody has answered yet: that is for the policy, and is asked anew later.
    if (before?.screened.kind === "pending") return failed(id, "PROVIDER_TIMEOUT", `no answer within ${timeoutMs} ms`);
    if (asking >= ASKED_AT_ONCE) return unknown("PROVIDER_BUSY", `${asking} questions are open`);
    asking += 1;
    void ask(id, chain, address).finally(() => {
      asking -= 1;
    });
    const untilMs = now() + timeoutMs;
    return remember(id, { kind: "pending", untilMs }, untilMs);
  }

  async function ask(id: string, chain: string, address: string): Promise<void> {
    try {
      const labels = await post(options, stopping.signal, { chain, address });
      const source = "provider";
      const said = labels.map(({ since, ...label }): Label => ({ ...label, source, sinceMs: Date.parse(since) }));
      remember(id, { kind: "labels", labels: said, version: 0, madeAtMs: now() }, now() + ANSWER_COUNTS_MS);
      answers.inc({ outcome: "ANSWERED" });
    } catch (error) {
      const isLate = error instanceof Error && error.name === "TimeoutError";
      const detail = isLate ? `no answer within ${timeoutMs} ms` : String(error);
      if (!stopping.signal.aborted) logger.warn({ detail }, "the screening provider did not answer");
      failed(
        id,
        isLate ? "PROVIDER_TIMEOUT" : "PROVIDER_FAILED",
        isLate ? detail : "the provider gave no answer that reads",
      );
    }
  }

  function failed(id: string, code: string, detail: string): Screened {
    answers.inc({ outcome: code });
    return remember(id, unknown(code, detail), now() + FAILURE_COUNTS_MS);
  }

  function remember(id: string, screened: Screened, untilMs: number): Screened {
    known.delete(id);
    known.set(id, { screened, untilMs });
    // The oldest goes; it is asked again if it comes again.
    const [oldest] = known.keys();
    if (known.size > REMEMBERED && oldest !== undefined) known.delete(oldest);
    return screened;
  }
}

/** Every label of both; what is not known, or not yet, of either is not known of both. Black is black without waiting for anybody. */
export function both(store: Screened, provider: () => Screened): Screened {
  const isBlack = store.kind === "labels" && store.labels.some(({ tier }) => tier === "black");
  if (store.kind === "unknown" || isBlack) return store;
  const other = provider();
  if (store.kind !== "labels" || other.kind !== "labels") return other;
  return { ...store, labels: [...store.labels, ...other.labels] };
}

async function post({ url, key, timeoutMs }: ProviderOptions, stopping: AbortSignal, question: object) {
  const response = await fetch(url, {
    method: "POST",
    body: JSON.stringify(question),
    headers: { "content-type": "application/json", ...(key === null ? {} : { authorization: `Bearer ${key}` }) },
    redirect: "error",
    signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), stopping]),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`status ${response.status}`);
  }
  return answerSchema.parse(JSON.parse(await readBounded(response))).labels;
}

async function readBounded(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.length;
    if (bytes > ANSWER_MAX_BYTES) throw new Error(`more than ${ANSWER_MAX_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function unknown(code: string, detail: string): Screened {
  return { kind: "unknown", code, detail };
}
