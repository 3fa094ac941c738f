// How long is waited for whom: back-off, giving up, disabling and getting well, for any course of attempts.
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { fateAfter, type Health, healthAfter, type Result, type Rules } from "./patience.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const RULES: Rules = {
  ...{ retryFirstMs: 5_000, retryLongestMs: 12 * HOUR_MS, retryForMs: 4 * DAY_MS },
  ...{ disableAfterMs: 3 * DAY_MS, probeEveryMs: HOUR_MS },
};
const FRESH: Health = { state: "healthy", failures: 0, failingSinceMs: null, because: null, probeAtMs: 0 };
const OK: Result = { ok: true, gone: false, retryAfterMs: null };
const BAD: Result = { ok: false, gone: false, retryAfterMs: null };
const GONE: Result = { ok: false, gone: true, retryAfterMs: null };

const after = (results: readonly (readonly [number, Result])[], from = FRESH) =>
  results.reduce((health, [atMs, result]) => healthAfter(health, result, atMs, RULES, 0.5), from);

describe("an endpoint", () => {
  it.each([
    ["one failure is the delivery's", [[0, BAD]], "healthy", 1],
    [
      "two are",
      [
        [0, BAD],
        [1, BAD],
      ],
      "healthy",
      2,
    ],
    [
      "three are the endpoint's",
      [
        [0, BAD],
        [1, BAD],
        [2, BAD],
      ],
      "failing",
      3,
    ],
    [
      "a success between begins anew",
      [
        [0, BAD],
        [1, BAD],
        [2, OK],
        [3, BAD],
      ],
      "healthy",
      1,
    ],
    [
      "a success makes it well",
      [
        [0, BAD],
        [1, BAD],
        [2, BAD],
        [3, OK],
      ],
      "healthy",
      0,
    ],
    [
      "failing for less than three days is failing",
      [
        [0, BAD],
        [1, BAD],
        [3 * DAY_MS - 1, BAD],
      ],
      "failing",
      3,
    ],
    [
      "failing for three days disables",
      [
        [0, BAD],
        [1, BAD],
        [3 * DAY_MS, BAD],
      ],
      "disabled",
      3,
    ],
    [
      "two failures, however far apart, disable nothing",
      [
        [0, BAD],
        [9 * DAY_MS, BAD],
      ],
      "healthy",
      2,
    ],
    ["it says that it is gone", [[0, GONE]], "disabled", 1],
    [
      "a probe's success enables it",
      [
        [0, BAD],
        [1, BAD],
        [3 * DAY_MS, BAD],
        [4 * DAY_MS, OK],
      ],
      "healthy",
      0,
    ],
  ] as readonly (readonly [string, readonly (readonly [number, Result])[], Health["state"], number])[])(
    "%s",
    (_, results, state, failures) => expect(after(results)).toMatchObject({ state, failures }),
  );

  it("that is disabled is probed as often as the rules say; one that is gone, or that a person disabled, never", () => {
    const disabled = after([
      [0, BAD],
      [1, BAD],
      [3 * DAY_MS, BAD],
    ]);
    expect(disabled).toMatchObject({ because: "FAILING_TOO_LONG", probeAtMs: 3 * DAY_MS + HOUR_MS });
    expect(after([[4 * DAY_MS, BAD]], disabled)).toMatchObject({ state: "disabled", probeAtMs: 4 * DAY_MS + HOUR_MS });
    expect(
      after([
        [0, GONE],
        [5, BAD],
      ]),
    ).toMatchObject({ because: "GONE", probeAtMs: Number.POSITIVE_INFINITY });
    const byPerson: Health = { ...FRESH, state: "disabled", because: "BY_PERSON", probeAtMs: Number.POSITIVE_INFINITY };
    expect(after([[5, BAD]], byPerson)).toMatchObject({ ...byPerson, failures: 1, failingSinceMs: 5 });
    // What was on its way when somebody disabled it may well arrive.
    expect(after([[5, OK]], byPerson)).toEqual(byPerson);
    expect(
      after([
        [0, GONE],
        [5, OK],
      ]),
    ).toMatchObject({ state: "disabled", because: "GONE" });
  });
});

describe("a delivery", () => {
  const fate = (tries: number, nowMs: number, lastSuccessAtMs: number | null, result = BAD) =>
    fateAfter({ tries, firstTryAtMs: 1_000 }, result, lastSuccessAtMs, nowMs, RULES, 0.5);

  it("is tried again after 5 s, then each time after twice as long, up to twelve hours", () => {
    const waits = Array.from({ length: 16 }, (_, at) => {
      const again = fateAfter({ tries: at + 1, firstTryAtMs: 0 }, BAD, null, 0, RULES, 0.999_999_999);
      return again.kind === "again" ? Math.round(again.atMs / 1_000) : 0;
    });
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10240, 20480, 40960, 43200, 43200]);
  });

  it("is given up after four days when its endpoint took others meanwhile, and waits for ever when it took none", () => {
    expect(fate(20, 1_000 + 4 * DAY_MS, 2_000)).toEqual({ kind: "exhausted" });
    expect(fate(20, 999 + 4 * DAY_MS, 2_000).kind).toBe("again");
    expect(fate(20, 1_000 + 40 * DAY_MS, 1_000).kind).toBe("again");
    expect(fate(20, 1_000 + 40 * DAY_MS, null).kind).toBe("again");
  });

  it("waits as long as it is asked to, but for an hour at most", () => {
    const asked = (retryAfterMs: number) => fate(1, 1_000, null, { ...BAD, retryAfterMs });
    expect(asked(120_000)).toEqual({ kind: "again", atMs: 121_000 });
    expect(asked(10 ** 12)).toEqual({ kind: "again", atMs: 1_000 + HOUR_MS });
    expect(asked(1)).toEqual(fate(1, 1_000, null));
  });
});

test("whatever is answered when: one success makes well, waits are bounded, and only three days without one disable", () => {
  const result = fc.constantFrom(OK, BAD, BAD, BAD, BAD, BAD, BAD, { ...BAD, retryAfterMs: 10 ** 9 });
  const step = fc.tuple(fc.integer({ min: 0, max: DAY_MS }), result, fc.double({ min: 0, max: 0.999, noNaN: true }));
  const seen = { disabled: 0, failing: 0 };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let [health, nowMs, since] = [FRESH, 0, null as number | null];
      for (const [passedMs, each, chance] of steps) {
        nowMs += passedMs;
        health = healthAfter(health, each, nowMs, RULES, chance);
        since = each.ok ? null : (since ?? nowMs);
        expect(health.failingSinceMs).toBe(since);
        if (each.ok) expect(health).toEqual({ ...FRESH, probeAtMs: nowMs });
        expect(health.probeAtMs - nowMs).toBeGreaterThanOrEqual(0);
        expect(health.probeAtMs - nowMs).toBeLessThanOrEqual(HOUR_MS);
        if (health.state === "disabled") expect(nowMs - (since ?? nowMs)).toBeGreaterThanOrEqual(RULES.disableAfterMs);
        if (health.state !== "healthy") seen[health.state] += 1;
        const fate = fateAfter({ tries: health.failures, firstTryAtMs: 0 }, each, null, nowMs, RULES, chance);
        expect(fate.kind === "again" && fate.atMs - nowMs <= RULES.retryLongestMs && fate.atMs > nowMs).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
  expect(Math.min(seen.disabled, seen.failing)).toBeGreaterThan(0);
});
