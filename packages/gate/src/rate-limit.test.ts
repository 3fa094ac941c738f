// The limit of a key: never more than its bucket at once, never faster than its rate in the long run, one key beside another.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLimiter, type RateLimit, rateLimitHeaders } from "./rate-limit.ts";

const TEN: RateLimit = { requests: 10, windowMs: 5_000 };

function limiterAt(startMs = 0) {
  const clock = { ms: startMs };
  return { clock, limiter: createLimiter(() => clock.ms) };
}

describe("a key", () => {
  it("has its whole limit at once, then one for each part of the window, and all of it after a window", () => {
    const { clock, limiter } = limiterAt();
    expect(Array.from({ length: 10 }, () => limiter.take("a", TEN).remaining)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect(limiter.take("a", TEN)).toEqual({ isTaken: false, remaining: 0, fullInMs: 5_000, retryInMs: 500 });
    clock.ms = 499;
    expect(limiter.take("a", TEN).isTaken).toBe(false);
    clock.ms = 500;
    expect(limiter.take("a", TEN).isTaken).toBe(true);
    expect(limiter.take("a", TEN).isTaken).toBe(false);
    clock.ms = 5_500;
    expect(limiter.take("a", TEN).remaining).toBe(9);
  });

  it("does not wait for another one's requests", () => {
    const { limiter } = limiterAt();
    for (let n = 0; n < 20; n += 1) limiter.take("a", TEN);
    expect(limiter.take("b", TEN)).toMatchObject({ isTaken: true, remaining: 9 });
  });

  it("owes what one request costs beyond what is there", () => {
    const { clock, limiter } = limiterAt();
    expect(limiter.take("a", TEN).isTaken).toBe(true);
    limiter.owe("a", TEN, 29);
    expect(limiter.take("a", TEN)).toMatchObject({ isTaken: false, remaining: 0 });
    clock.ms = 10_000;
    expect(limiter.take("a", TEN)).toMatchObject({ isTaken: false, retryInMs: 500 });
    clock.ms = 10_500;
    expect(limiter.take("a", TEN).isTaken).toBe(true);
  });

  it("never has more than limit + elapsed / window * limit, is told the truth of when again, and is never starved", () => {
    const limits = fc.record({
      requests: fc.integer({ min: 1, max: 50 }),
      windowMs: fc.integer({ min: 10, max: 10_000 }),
    });
    fc.assert(
      fc.property(limits, fc.array(fc.nat(2_000), { minLength: 1, maxLength: 200 }), (limit, gaps) => {
        const { clock, limiter } = limiterAt(1_000_000);
        let taken = 0;
        for (const gap of gaps) {
          clock.ms += gap;
          const one = limiter.take("a", limit);
          if (one.isTaken) taken += 1;
          const most = limit.requests + ((clock.ms - 1_000_000) / limit.windowMs) * limit.requests;
          expect(taken).toBeLessThanOrEqual(most + 1e-6);
          if (one.isTaken) continue;
          clock.ms += one.retryInMs + 1e-6;
          expect(limiter.take("a", limit).isTaken).toBe(true);
          taken += 1;
        }
      }),
    );
  });
});

it("is said in the headers of the draft, in whole seconds", () => {
  const { limiter } = limiterAt();
  expect(rateLimitHeaders(TEN, limiter.take("a", TEN))).toEqual({
    "ratelimit-policy": '"key";q=10;w=5',
    ratelimit: '"key";r=9;t=1',
  });
  limiter.owe("a", TEN, 8);
  expect(rateLimitHeaders(TEN, limiter.take("a", TEN))).toMatchObject({ ratelimit: '"key";r=0;t=5' });
  expect(rateLimitHeaders(TEN, limiter.take("a", TEN))).toMatchObject({ "retry-after": "1" });
});
