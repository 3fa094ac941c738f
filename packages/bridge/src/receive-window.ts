// The receiving half of the link: which frames have arrived, which are repeats, and what may be handed on in order.

/** What became of an arriving frame. `next` holds the bodies that are now in order, itself first. */
export type Arrival =
  | { readonly kind: "next"; readonly bodies: readonly Uint8Array[] }
  | { readonly kind: "early" }
  | { readonly kind: "duplicate" }
  | { readonly kind: "outside" };

export class ReceiveWindow {
  readonly #frames: number;
  readonly #early = new Map<number, Uint8Array>();
  #expected = 0;

  /** `frames` is how far beyond the first gap frames are kept: the sender's window, and at most 33. */
  constructor(frames: number) {
    this.#frames = frames;
  }

  /** The next sequence in order: everything before it has arrived. */
  get expected(): number {
    return this.#expected;
  }

  /** Bytes of frames that wait for an earlier one. */
  get heldBytes(): number {
    let sum = 0;
    for (const body of this.#early.values()) sum += body.length;
    return sum;
  }

  /** Bit i stands for sequence `expected + 1 + i`. */
  get selective(): number {
    let bits = 0;
    for (const sequence of this.#early.keys()) bits |= 1 << (sequence - this.#expected - 1);
    return bits >>> 0;
  }

  /** Says whether a frame would be taken, before the cost of opening it is paid. */
  look(sequence: number): "new" | "duplicate" | "outside" {
    if (sequence < this.#expected || this.#early.has(sequence)) return "duplicate";
    return sequence < this.#expected + this.#frames ? "new" : "outside";
  }

  /** Takes a frame. A body that has to wait is copied; one that is in order is handed on as it lies. */
  accept(sequence: number, body: Uint8Array): Arrival {
    const look = this.look(sequence);
    if (look !== "new") return { kind: look };
    if (sequence > this.#expected) {
      this.#early.set(sequence, new Uint8Array(body));
      return { kind: "early" };
    }
    const bodies = [body];
    this.#expected++;
    for (let next = this.#early.get(this.#expected); next !== undefined; next = this.#early.get(this.#expected)) {
      this.#early.delete(this.#expected);
      bodies.push(next);
      this.#expected++;
    }
    return { kind: "next", bodies };
  }

  /** A new epoch counts from 0 again. */
  reset(): void {
    this.#early.clear();
    this.#expected = 0;
  }
}
