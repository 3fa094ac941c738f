// Does the same work for many callers in one go: whoever calls while nothing is under way is served at once, and what comes
// meanwhile is taken together next.

/** Resolves to a result for each item, in order. */
type Run<I, R> = (items: readonly I[]) => Promise<readonly R[]>;

/** In one go at most. */
const MOST = 64;
/** So many goes are under way at once: one commits while the next one works. */
const AT_ONCE = 2;

/**
 * @param passes whether a failure says nothing about the items, so that all of a go fail with it. After any other failure each is
 * done by itself, and fails by itself.
 */
export function together<I, R>(run: Run<I, R>, passes: (error: unknown) => boolean): (item: I) => Promise<R> {
  type Waiting = { readonly item: I; readonly resolve: (result: R) => void; readonly reject: (error: unknown) => void };
  const waiting: Waiting[] = [];
  let underWay = 0;
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      go();
    });

  function go(): void {
    if (underWay >= AT_ONCE || waiting.length === 0) return;
    underWay += 1;
    void serve(waiting.splice(0, MOST)).finally(() => {
      underWay -= 1;
      go();
    });
  }

  async function serve(all: readonly Waiting[]): Promise<void> {
    try {
      const results = await run(all.map(({ item }) => item));
      if (results.length !== all.length) throw new Error("a result for each was expected");
      for (const [at, { resolve }] of all.entries()) resolve(results[at] as R);
    } catch (error) {
      if (all.length === 1 || passes(error)) for (const { reject } of all) reject(error);
      else for (const one of all) await serve([one]);
    }
  }
}
