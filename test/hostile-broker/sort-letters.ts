// Dead letters of a run: the enemy's own work, which had to be refused, and everything else, which nobody may have to look at.

/** Of bytes that no seal vouches for as this message on this topic. */
const REFUSED: ReadonlySet<string> = new Set([
  "ENVELOPE_MALFORMED",
  "TYPE_UNKNOWN",
  "TYPE_UNEXPECTED",
  "PRODUCER_NOT_PERMITTED",
  "SEAL_KEY_UNKNOWN",
  "SEAL_INVALID",
]);

export type SortedLetters = {
  /** How many, by code. */
  readonly refused: Readonly<Record<string, number>>;
  readonly others: readonly string[];
};

/** @param letters as the observer writes them: service/topic/code: reason. */
export function sortLetters(letters: readonly string[]): SortedLetters {
  const codeOf = (letter: string) => /^[^/]+\/[^/]+\/([A-Z_]+):/.exec(letter)?.[1] ?? "";
  const codes = letters.map(codeOf).filter((code) => REFUSED.has(code));
  return {
    refused: Object.fromEntries([...Map.groupBy(codes, (code) => code)].map(([code, same]) => [code, same.length])),
    others: letters.filter((letter) => !REFUSED.has(codeOf(letter))),
  };
}
