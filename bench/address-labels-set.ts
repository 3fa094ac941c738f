// A set of labels of any size from a seed: the address of a number is the same each time, so what is in the set is known without it.
import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { keyOf, openSegmentBuilder, pack, type SealKey, sealUpdate } from "@sluice/address-labels";

export type Address = { readonly chain: string; readonly canonical: Uint8Array };

const SOURCES = ["provider-a", "provider-b", "ofac-sdn", "own-research"];
const CATEGORIES = ["exchange", "mixer", "ransomware", "sanctions", "scam", "gambling", "merchant", "darknet-market"];

/** The address of this number; every fourth one is of an EVM chain, the others pay to a witness key hash. */
export function addressOf(seed: number, number: number): Address {
  const isEvm = (number & 3) === 3;
  const canonical = new Uint8Array(isEvm ? 20 : 22);
  const start = isEvm ? 0 : 2;
  if (!isEvm) canonical[1] = 20;
  for (let word = 0; word < 5; word += 1) {
    const value = mix(Math.imul(number + 1, 0x9e3779b1) ^ Math.imul(seed + word, 0x85ebca6b));
    for (let byte = 0; byte < 4; byte += 1) canonical[start + word * 4 + byte] = value >>> (8 * byte);
  }
  return { chain: isEvm ? "evm" : "bitcoin", canonical };
}

/** murmur3's finaliser: different words stay different. */
function mix(value: number): number {
  let word = value;
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}

/** A sealed snapshot with the labels of the first `count` numbers, as a file. */
export function buildSet(options: {
  readonly directory: string;
  readonly count: number;
  readonly seed: number;
  readonly signer: SealKey;
  readonly say: (line: string) => void;
}): string {
  const { directory, count, seed, signer, say } = options;
  mkdirSync(directory, { recursive: true });
  const path = join(directory, "00000001.labels");
  rmSync(path, { force: true });
  const builder = openSegmentBuilder(path, directory, createHash("sha256").update(`${seed}`).digest().readUInt32LE());
  try {
    const sources = SOURCES.map(builder.nameSource);
    const categories = CATEGORIES.map(builder.nameCategory);
    for (let number = 0; number < count; number += 1) {
      const { chain, canonical } = addressOf(seed, number);
      const tier = number % 10 === 0 ? "black" : number % 10 < 3 ? "grey" : "white";
      const packed = pack(tier, number % 101, categories[number & 7] ?? 0, sources[number & 3] ?? 0);
      builder.addPacked(keyOf(chain, canonical), 1_700_000_000 + (number & 0xffff), packed);
      if ((number + 1) % 10_000_000 === 0) say(`${number + 1} labels taken in`);
    }
    const content = { kind: "snapshot", version: 1, previousSha256: "", madeAtMs: Date.now() } as const;
    const { twice } = builder.finish(
      content,
      (done) => done % 64 === 0 && say(`${done} of 256 parts sorted and written`),
    );
    if (twice > 0) throw new Error(`${twice} addresses came twice`);
  } finally {
    builder.discard();
  }
  const sealed = sealUpdate(path, signer);
  if (!sealed.ok) throw new Error(sealed.refusal.code);
  return path;
}
