// Makes inputs from a corpus by small changes, all of them from one seed. An input that shows something new joins the corpus.

export interface Mutator {
  /** The next input; valid until the next call. */
  next(): Uint8Array;
  /** The last input showed something new: more is made from it. */
  keep(): void;
}

const LARGEST_INPUT_BYTES = 8_192;
const CORPUS_AT_MOST = 400;
/** Where lengths, counts and signs turn over. */
const INTERESTING = [0, 1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 64, 127, 128, 254, 255] as const;

export function mutatorFrom(seed: number, seeds: readonly Uint8Array[]): Mutator {
  const corpus = seeds.map((bytes) => Buffer.from(bytes));
  if (corpus.length === 0) corpus.push(Buffer.alloc(0));
  const firsts = corpus.length;
  const below = wholeNumbersFrom(seed);
  let last: Buffer = corpus[0] as Buffer;
  let turn = 0;
  return {
    next: () => {
      const base = corpus[below(corpus.length)] as Buffer;
      // Now and then an input goes unchanged, so that what is good is seen to be taken.
      const changes = turn++ % 64 === 0 ? 0 : 1 + below(below(4) === 0 ? 12 : 3);
      let bytes: Buffer = Buffer.from(base);
      for (let change = 0; change < changes; change++)
        bytes = changed(bytes, corpus[below(corpus.length)] as Buffer, below);
      last = bytes.length > LARGEST_INPUT_BYTES ? bytes.subarray(0, LARGEST_INPUT_BYTES) : bytes;
      return last;
    },
    keep: () => {
      if (corpus.length < CORPUS_AT_MOST) corpus.push(Buffer.from(last));
      else corpus[firsts + below(CORPUS_AT_MOST - firsts)] = Buffer.from(last);
    },
  };
}

type Below = (limit: number) => number;

function changed(bytes: Buffer, other: Buffer, below: Below): Buffer {
  const at = below(bytes.length + 1);
  switch (below(11)) {
    case 0:
      if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << below(8));
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = below(256);
      return bytes;
    case 2:
      if (at < bytes.length) bytes[at] = INTERESTING[below(INTERESTING.length)] as number;
      return bytes;
    case 3:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(someBytes(1 + below(8), below)), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + below(16)))]);
    case 5:
      return bytes.subarray(0, at);
    case 6: {
      const end = Math.min(bytes.length, at + 1 + below(64));
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    }
    case 7: {
      const from = below(other.length + 1);
      return Buffer.concat([bytes.subarray(0, at), other.subarray(from)]);
    }
    case 8:
      for (let end = Math.min(bytes.length, at + 4), byte = at; byte < end; byte++)
        bytes[byte] = below(2) === 0 ? 0 : 0xff;
      return bytes;
    case 9:
      if (at + 4 <= bytes.length) bytes.writeUInt32BE((bytes.readUInt32BE(at) + below(5) - 2) >>> 0, at);
      return bytes;
    default:
      return below(50) === 0 ? Buffer.from(someBytes(below(300), below)) : Buffer.concat([bytes, other.subarray(at)]);
  }
}

function someBytes(length: number, below: Below): Uint8Array {
  return Uint8Array.from({ length }, () => below(256));
}

/** The mulberry32 generator. */
function wholeNumbersFrom(seed: number): Below {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit);
  };
}
