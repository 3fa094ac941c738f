// Runs one target over many inputs and counts what became of them. The first input that breaks an invariant ends it.
import { mutatorFrom } from "./mutate.ts";

export interface Target {
  readonly name: string;
  /** How many of a hundred thousand inputs of a long run are its; slow targets get fewer. */
  readonly share: number;
  readonly seeds: readonly Uint8Array[];
  /** "accepted", or the stable reason of a refusal. Throws when an invariant does not hold: that is a crash. */
  readonly run: (bytes: Uint8Array) => string;
}

export interface Crash {
  readonly target: string;
  readonly input: Uint8Array;
  readonly error: string;
}

export interface Counts {
  readonly target: string;
  readonly inputs: number;
  readonly accepted: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  readonly crash: Crash | undefined;
}

export function fuzzTarget(
  target: Target,
  {
    seed,
    inputs,
    onProgress,
  }: { readonly seed: number; readonly inputs: number; readonly onProgress?: (done: number) => void },
): Counts {
  const mutator = mutatorFrom(seed, target.seeds);
  const outcomes = new Map<string, number>();
  let slowestMs = 0;
  let done = 0;
  const result = (crash?: Crash): Counts => {
    const { accepted = 0, ...refused } = Object.fromEntries(outcomes);
    return { target: target.name, inputs: done, accepted, refused, slowestMs: Math.round(slowestMs), crash };
  };
  while (done < inputs) {
    const input = mutator.next();
    const copy = Uint8Array.from(input);
    const beganMs = performance.now();
    done++;
    try {
      const outcome = target.run(input);
      const seen = outcomes.get(outcome) ?? 0;
      // What is rare leads further: it is changed again.
      if (seen < 3) mutator.keep();
      outcomes.set(outcome, seen + 1);
    } catch (error) {
      return result({
        target: target.name,
        input: copy,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
    slowestMs = Math.max(slowestMs, performance.now() - beganMs);
    if (done % 20_000 === 0) onProgress?.(done);
  }
  return result();
}

/** For the invariants of targets. */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`broken: ${what}`);
}
