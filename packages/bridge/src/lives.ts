// Which life of the peer the link is with, and which are over.

const RETIRED_AT_MOST = 256;

export class Lives {
  #present: bigint | undefined;
  readonly #retired = new Set<bigint>();

  get present(): bigint | undefined {
    return this.#present;
  }

  /** The peer has proved that this life of it is there now. A life that another has followed never comes back. */
  meet(bootId: bigint): "same" | "first" | "restarted" | "superseded" {
    if (this.#retired.has(bootId)) return "superseded";
    if (this.#present === bootId) return "same";
    const before = this.#present;
    this.#present = bootId;
    if (before === undefined) return "first";
    this.#retired.add(before);
    const oldest = this.#retired.values().next();
    if (this.#retired.size > RETIRED_AT_MOST && oldest.done !== true) this.#retired.delete(oldest.value);
    return "restarted";
  }
}
