// What can be wrong with a node, as words that an operator reads, and the error that carries one.

/** One meaning each; OPERATIONS.md says what to do about every one. */
export const HEALTH_WORDS = {
  ok: "answers, and is of one mind with the others",
  unknown: "was not heard of yet",
  unreachable: "does not answer",
  slow: "does not answer within its time",
  nonsense: "answers something that is no answer",
  unauthorised: "refuses our credentials",
  untrusted: "shows a certificate that we do not trust",
  refused: "answers with a refusal that was not expected",
  "warming-up": "is starting",
  "initial-download": "has not caught up with the network since it was new",
  behind: "knows fewer blocks than the others agree on",
  ahead: "claims blocks that the others do not know",
  fork: "has another block where the others agree on one",
  pruned: "does not keep old blocks",
  false: "said something that was found to be false",
  "wrong-network": "is of another network, and is not asked again",
} as const;

export type HealthWord = keyof typeof HEALTH_WORDS;

/** The node gave no answer that can be used. Whether it did what it was asked to is unknown. */
export class NodeFault extends Error {
  readonly code = "NODE_FAULT";
  readonly word: HealthWord;

  constructor(word: HealthWord, message: string, options?: ErrorOptions) {
    super(message, options);
    this.word = word;
  }
}

/** Too few nodes answered, or too few of them the same: nothing may be concluded. */
export class NoQuorum extends Error {
  readonly code = "NO_QUORUM";
}
