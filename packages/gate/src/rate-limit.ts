// How often a key may call: so many requests at once, refilled evenly over a window. Counted in this process alone, so
// that of several instances each gives the whole limit.
import { performance } from "node:perf_hooks";

export type RateLimit = { readonly requests: number; readonly windowMs: number };

export type Taken = {
  readonly isTaken: boolean;
  /** How many more requests are taken at this moment. */
  readonly remaining: number;
  /** Until all of them are there again. */
  readonly fullInMs: number;
  /** Until one is; 0 when one is there. */
  readonly retryInMs: number;
};

export type Limiter = {
  readonly take: (keyId: string, limit: RateLimit) => Taken;
  /** So many more are used up, also when fewer are there: then the next ones wait for longer. */
  readonly owe: (keyId: string, limit: RateLimit, requests: number) => void;
};

/**
 * The generic cell rate algorithm (ITU-T I.371), which keeps one number for a key: when its bucket is full again.
 *
 * @param nowMs a clock that never goes back
 */
export function createLimiter(nowMs: () => number = () => performance.now()): Limiter {
  const fullAtMs = new Map<string, number>();
  return {
    take: (keyId, { requests, windowMs }) => {
      const now = nowMs();
      const eachMs = windowMs / requests;
      const full = Math.max(fullAtMs.get(keyId) ?? now, now);
      const freeMs = windowMs - (full - now);
      const isTaken = freeMs >= eachMs;
      const next = isTaken ? full + eachMs : full;
      if (isTaken) fullAtMs.set(keyId, next);
      return {
        isTaken,
        remaining: Math.max(0, Math.floor((windowMs - (next - now)) / eachMs + ROUNDING)),
        fullInMs: next - now,
        retryInMs: isTaken ? 0 : eachMs - freeMs,
      };
    },
    owe: (keyId, limit, requests) => {
      const full = Math.max(fullAtMs.get(keyId) ?? 0, nowMs());
      fullAtMs.set(keyId, full + (requests * limit.windowMs) / limit.requests);
    },
  };
}

/** A sum of fractions of a window may miss a whole number by the last bits. */
const ROUNDING = 1e-6;

/** The headers of draft-ietf-httpapi-ratelimit-headers-10, and Retry-After where nothing was taken. Seconds, rounded up. */
export function rateLimitHeaders(limit: RateLimit, taken: Taken): Readonly<Record<string, string>> {
  const seconds = (ms: number) => String(Math.ceil(ms / 1_000));
  return {
    "ratelimit-policy": `"key";q=${limit.requests};w=${seconds(limit.windowMs)}`,
    ratelimit: `"key";r=${taken.remaining};t=${seconds(taken.fullInMs)}`,
    ...(taken.isTaken ? {} : { "retry-after": String(Math.max(1, Math.ceil(taken.retryInMs / 1_000))) }),
  };
}
