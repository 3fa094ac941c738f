// Velocity: no sequence of arrivals, on no clock, gets more through a window than its caps.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkVelocity, type VelocityEntry, type VelocityWindow } from "./velocity.ts";

const at = (atMs: number, amountMinor = 1n): VelocityEntry => ({ atMs, amountMinor });

describe("one window", () => {
  const twoIn100: VelocityWindow = { windowMs: 100, maxCount: 2 };
  const tenIn100: VelocityWindow = { windowMs: 100, maxMinor: 10n };

  test("admits up to the count", () => {
    expect(checkVelocity([twoIn100], [at(1)], at(2))).toEqual({ kind: "within", atMs: 2 });
  });

  test("says when the oldest entry has left", () => {
    expect(checkVelocity([twoIn100], [at(20), at(10)], at(30))).toEqual({
      kind: "exceeded",
      rule: "VELOCITY_COUNT",
      window: twoIn100,
      usedCount: 2,
      usedMinor: 2n,
      freeAtMs: 110,
    });
  });

  test("an entry leaves exactly windowMs after its time", () => {
    expect(checkVelocity([twoIn100], [at(10), at(20)], at(109)).kind).toBe("exceeded");
    expect(checkVelocity([twoIn100], [at(10), at(20)], at(110)).kind).toBe("within");
  });

  test("admits up to the amount, the cap included", () => {
    expect(checkVelocity([tenIn100], [at(1, 4n)], at(2, 6n)).kind).toBe("within");
    expect(checkVelocity([tenIn100], [at(1, 4n)], at(2, 7n))).toMatchObject({
      kind: "exceeded",
      rule: "VELOCITY_AMOUNT",
      freeAtMs: 101,
    });
  });

  test("never is null", () => {
    expect(checkVelocity([tenIn100], [], at(2, 11n))).toMatchObject({ kind: "exceeded", freeAtMs: null });
    expect(checkVelocity([{ windowMs: 1, maxCount: 0 }], [], at(2))).toMatchObject({
      kind: "exceeded",
      freeAtMs: null,
    });
  });

  test("a clock that jumped back frees nothing", () => {
    expect(checkVelocity([twoIn100], [at(1_000), at(1_001)], at(5))).toMatchObject({
      kind: "exceeded",
      freeAtMs: 1_100,
    });
    expect(checkVelocity([twoIn100], [at(1_000)], at(5))).toEqual({ kind: "within", atMs: 1_000 });
  });
});

test("of several exceeded windows the one that frees last answers, and never is later than any time", () => {
  const short: VelocityWindow = { windowMs: 10, maxCount: 1 };
  const long: VelocityWindow = { windowMs: 100, maxCount: 1 };
  const never: VelocityWindow = { windowMs: 5, maxMinor: 0n };
  expect(checkVelocity([short, long], [at(1)], at(2))).toMatchObject({ window: long, freeAtMs: 101 });
  expect(checkVelocity([long, short], [at(1)], at(2))).toMatchObject({ window: long, freeAtMs: 101 });
  expect(checkVelocity([long, never, short], [at(1)], at(2))).toMatchObject({ window: never, freeAtMs: null });
});

test("no window admits", () => {
  expect(checkVelocity([], [at(9)], at(2))).toEqual({ kind: "within", atMs: 9 });
});

test.each<[string, VelocityWindow]>([
  ["no cap", { windowMs: 1 }],
  ["no length", { windowMs: 0, maxCount: 1 }],
  ["a length that is no number", { windowMs: Number.NaN, maxCount: 1 }],
  ["a count that is no number", { windowMs: 1, maxCount: Number.NaN }],
  ["a negative count", { windowMs: 1, maxCount: -1 }],
  ["a negative amount", { windowMs: 1, maxMinor: -1n }],
])("a window with %s is no policy", (_, window) => {
  expect(() => checkVelocity([window], [], at(1))).toThrow(RangeError);
});

test("an entry without a time or with a negative amount is no entry", () => {
  const window: VelocityWindow = { windowMs: 1, maxCount: 1 };
  expect(() => checkVelocity([window], [], at(Number.NaN))).toThrow(RangeError);
  expect(() => checkVelocity([window], [at(Number.NaN)], at(1))).toThrow(RangeError);
  expect(() => checkVelocity([window], [], at(1, -1n))).toThrow(RangeError);
});

const windows: fc.Arbitrary<VelocityWindow> = fc
  .record({
    windowMs: fc.integer({ min: 1, max: 50 }),
    count: fc.nat(4),
    minor: fc.bigInt({ min: 0n, max: 20n }),
    caps: fc.nat(2),
  })
  .map(({ windowMs, count, minor, caps }) => ({
    windowMs,
    ...(caps !== 1 ? { maxCount: count } : {}),
    ...(caps !== 0 ? { maxMinor: minor } : {}),
  }));

/** Arrivals on a clock that jumps both ways. */
const arrivals = fc.array(fc.record({ atMs: fc.nat(200), amountMinor: fc.bigInt({ min: 0n, max: 12n }) }), {
  maxLength: 40,
});

function admit(policy: readonly VelocityWindow[], sequence: readonly VelocityEntry[]): readonly VelocityEntry[] {
  const admitted: VelocityEntry[] = [];
  for (const candidate of sequence) {
    const answer = checkVelocity(policy, admitted, candidate);
    if (answer.kind === "within") admitted.push({ ...candidate, atMs: answer.atMs });
  }
  return admitted;
}

test("no sequence of arrivals gets more through any window than its caps", () => {
  let admittedInAll = 0;
  let refusedInAll = 0;
  fc.assert(
    fc.property(fc.array(windows, { minLength: 1, maxLength: 3 }), arrivals, (policy, sequence) => {
      const admitted = admit(policy, sequence);
      admittedInAll += admitted.length;
      refusedInAll += sequence.length - admitted.length;
      for (const window of policy) {
        for (const { atMs: endMs } of admitted) {
          const inside = admitted.filter(({ atMs }) => atMs <= endMs && atMs > endMs - window.windowMs);
          const minor = inside.reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
          if (window.maxCount !== undefined) expect(inside.length).toBeLessThanOrEqual(window.maxCount);
          if (window.maxMinor !== undefined) expect(minor <= window.maxMinor).toBe(true);
        }
      }
    }),
    { numRuns: 1_000 },
  );
  expect(admittedInAll).toBeGreaterThan(1_000);
  expect(refusedInAll).toBeGreaterThan(1_000);
});

test("the free time is the first at which the candidate is admitted", () => {
  fc.assert(
    fc.property(
      fc.array(windows, { minLength: 1, maxLength: 3 }),
      arrivals,
      fc.bigInt({ min: 0n, max: 30n }),
      (policy, sequence, amountMinor) => {
        const admitted = admit(policy, sequence);
        const answer = checkVelocity(policy, admitted, { atMs: 0, amountMinor });
        if (answer.kind === "within") return;
        const { freeAtMs } = answer;
        if (freeAtMs === null) {
          expect(checkVelocity(policy, admitted, { atMs: 1_000_000, amountMinor }).kind).toBe("exceeded");
        } else {
          expect(checkVelocity(policy, admitted, { atMs: freeAtMs, amountMinor }).kind).toBe("within");
          expect(checkVelocity(policy, admitted, { atMs: freeAtMs - 1, amountMinor }).kind).toBe("exceeded");
        }
      },
    ),
    { numRuns: 1_000 },
  );
});
