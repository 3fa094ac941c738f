// How long to wait before the next try: doubling from a first wait up to a longest one, spread by a given chance.

export type Backoff = { readonly firstMs: number; readonly longestMs: number };

/**
 * The wait before try number `retry` (1 is the first repetition), in milliseconds. `chance` in [0, 1) comes from the
 * caller; the wait lies between half and the whole of the doubled one, so that many callers do not return together.
 */
export function backoffMs(retry: number, { firstMs, longestMs }: Backoff, chance: number): number {
  const doublings = Math.min(Math.max(retry, 1) - 1, 52);
  const wholeMs = Math.min(longestMs, firstMs * 2 ** doublings);
  return Math.round(wholeMs / 2 + (wholeMs / 2) * chance);
}
