// Shares: any k of m give the secret, fewer give nothing, and the library that does the arithmetic never sees either.

import fc from "fast-check";
import { combine } from "shamir-secret-sharing";
import { expect, test } from "vitest";
import {
  combineShares,
  createShareBox,
  encodeShare,
  guardedRandom,
  readShare,
  SHARE_BYTES,
  sealToBox,
  shareDigest,
  splitSecret,
} from "../src/custody.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const aSplit = fc
  .record({ threshold: fc.integer({ min: 2, max: 6 }), more: fc.nat(5) })
  .map(({ threshold, more }) => ({ threshold, shares: threshold + more }));

test("any k of m restore the secret, in any order, and the library alone restores the same", async () => {
  await fc.assert(
    fc.asyncProperty(aSplit, fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.nat(), async (split, secret, seed) => {
      const shares = await splitSecret(secret, split);
      expect(shares.map((share) => share.length)).toEqual(shares.map(() => 33));
      const chosen = shuffled(shares, seed).slice(0, split.threshold);
      expect(hex(await combineShares(chosen))).toBe(hex(secret));
      // Real shares of this very secret, not merely something that this file can undo.
      expect(hex(await combine(chosen.map((share) => Uint8Array.from(share))))).toBe(hex(secret));
    }),
    { numRuns: 60 },
  );
});

test("k-1 shares fit every secret: for each byte value there is a k-th share that would make it", async () => {
  const secret = guardedRandom(1);
  const [first, second] = await splitSecret(secret, { shares: 3, threshold: 3 });
  const found = new Set<number>();
  let x = 1;
  while (x === first?.[1] || x === second?.[1]) x += 1;
  for (let y = 0; y < 256; y += 1) {
    const made = await combineShares([first as Uint8Array, second as Uint8Array, Uint8Array.of(y, x)]);
    found.add(made[0] ?? -1);
  }
  expect(found.size).toBe(256);
});

test("k-1 shares combined give something else", async () => {
  let wrong = 0;
  for (let round = 0; round < 40; round += 1) {
    const secret = guardedRandom(32);
    const shares = await splitSecret(secret, { shares: 5, threshold: 3 });
    if (hex(await combineShares(shares.slice(0, 2))) !== hex(secret)) wrong += 1;
  }
  expect(wrong).toBe(40);
});

test("a share is read as it was written, and nothing else is a share", () => {
  const head = { ceremonyId: Buffer.alloc(16, 7), holderIndex: 2, threshold: 2, count: 3 };
  const share = encodeShare(head, guardedRandom(33));
  expect(share.length).toBe(SHARE_BYTES);
  expect(readShare(share)?.head).toEqual({ ...head, ceremonyId: Uint8Array.from(head.ceremonyId) });
  expect(readShare(share.subarray(1))).toBeNull();
  expect(readShare(Buffer.concat([share, Buffer.of(0)]))).toBeNull();
  const other = Buffer.from(share);
  other[0] = 0;
  expect(readShare(other)).toBeNull();
  expect(shareDigest(share)).not.toBe(shareDigest(other));
});

test("what is sealed to a box opens there alone, unchanged, and nowhere once it is destroyed", () => {
  const box = createShareBox();
  const share = guardedRandom(SHARE_BYTES);
  const sealed = sealToBox(box.recipient, share);
  expect(hex(box.open(sealed) ?? Buffer.alloc(0))).toBe(hex(share));
  expect(createShareBox().open(sealed)).toBeNull();
  let refused = 0;
  for (let at = 0; at < sealed.length; at += 1) {
    const damaged = Uint8Array.from(sealed);
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    if (box.open(damaged) === null) refused += 1;
  }
  expect(refused).toBe(sealed.length);
  for (const length of [0, 1, 47, 48]) expect(box.open(sealed.subarray(0, length))).toBeNull();
  box.destroy();
  expect(box.open(sealed)).toBeNull();
});

function shuffled<T>(items: readonly T[], seed: number): readonly T[] {
  return items
    .map((item, at) => ({ item, key: Math.imul(seed + at + 1, 2_654_435_761) >>> 0 }))
    .toSorted((left, right) => left.key - right.key)
    .map(({ item }) => item);
}
