// What a hostile broker may do, how often, and how often it did. Every decision comes from the seed.

import { type Random, randomFrom } from "../chaos/random.ts";

/** Each is an attack of its own, and each has to have happened in a run. */
export const DEEDS = [
  "dropped",
  "doubled",
  "hundredfold",
  "delayed",
  "reordered",
  "crossed",
  "replayed",
  "flipped",
  "skipped for the reader",
  "repeated to the reader",
  "reordered for the reader",
  "flipped for the reader",
  "answer delayed",
  "position to the start",
  "position to the end",
  "position anywhere",
  "position forgotten",
  "group rebalanced",
  "topic emptied",
  "topic deleted",
] as const;

export type Deed = (typeof DEEDS)[number];

export type Will = {
  readonly random: Random;
  /** From 0, an honest broker, to 1, as bad as it gets. */
  readonly setMalice: (malice: number) => void;
  readonly isHonest: () => boolean;
  /** Whether something happens now that happens so often in a thousand times at full malice. */
  readonly happens: (perThousand: number) => boolean;
  /** At most one of them, each so often in a thousand times at full malice. */
  readonly choose: <D extends Deed>(rates: Readonly<Record<D, number>>) => D | undefined;
  readonly count: (deed: Deed) => void;
  readonly counts: () => Readonly<Record<Deed, number>>;
};

export function createWill(seed: number): Will {
  const random = randomFrom(seed);
  const counts = Object.fromEntries(DEEDS.map((deed) => [deed, 0])) as Record<Deed, number>;
  let malice = 0;
  return {
    random,
    setMalice: (to) => {
      malice = to;
    },
    isHonest: () => malice === 0,
    happens: (perThousand) => random.below(1_000) < perThousand * malice,
    choose: <D extends Deed>(rates: Readonly<Record<D, number>>) => {
      let roll = random.below(1_000);
      for (const [deed, rate] of Object.entries(rates) as [D, number][]) {
        roll -= rate * malice;
        if (roll < 0) return deed;
      }
      return undefined;
    },
    count: (deed) => {
      counts[deed] += 1;
    },
    counts: () => ({ ...counts }),
  };
}
