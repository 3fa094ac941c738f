// OKX's pages of a user's withdrawals: newest first, bounded by times, cut where the next page can begin without a loss.
import type { SluiceClient, WithdrawalSummary } from "@sluice/client";
import type { User } from "./config.ts";
import type { HistoryQuery } from "./parameters.ts";
import { isUnknown } from "./upstream.ts";

type Reading = Pick<SluiceClient, "getWithdrawal" | "listWithdrawals">;

export async function readPage(
  client: Reading,
  user: User,
  query: HistoryQuery,
): Promise<readonly WithdrawalSummary[]> {
  if (query.isEmpty || query.id === null) return [];
  if (query.id !== undefined) {
    const one = await findOwn(client, user, query.id);
    return one !== undefined && matches(one, query) ? [one] : [];
  }
  const { states, receivedFromMs, receivedBeforeMs, limit } = query;
  const filter = {
    ...{ account: user.account, asset: "BTC", limit: limit + 1 },
    ...(receivedFromMs === undefined ? {} : { receivedFromMs }),
    ...(receivedBeforeMs === undefined ? {} : { receivedBeforeMs }),
  };
  // The API filters by one state; OKX's numbers stand for several.
  const lists = await Promise.all(
    (states ?? [undefined]).map((state) => client.listWithdrawals(state === undefined ? filter : { ...filter, state })),
  );
  const found = lists.flatMap(({ withdrawals }) => withdrawals);
  return cutPage(states === undefined ? found : found.toSorted((a, b) => b.receivedAtMs - a.receivedAtMs), limit);
}

/** Of this user's account, or undefined: of another's it is not even told that it is there. */
export async function findOwn(client: Reading, user: User, id: string): Promise<WithdrawalSummary | undefined> {
  try {
    const found = await client.getWithdrawal(id);
    return found.account === user.account ? found : undefined;
  } catch (error) {
    if (isUnknown(error)) return undefined;
    throw error;
  }
}

/**
 * The next page is asked for by the time of this one's last, and begins before that time: so those of one time stay
 * together, on the next page if need be. Only where a whole page has one time is it cut anywhere.
 */
export function cutPage<W extends Pick<WithdrawalSummary, "receivedAtMs">>(found: readonly W[], limit: number) {
  const [page, next] = [found.slice(0, limit), found[limit]];
  if (next === undefined) return page;
  const whole = page.filter(({ receivedAtMs }) => receivedAtMs !== next.receivedAtMs);
  return whole.length === 0 ? page : whole;
}

function matches({ state, receivedAtMs }: WithdrawalSummary, query: HistoryQuery): boolean {
  const { states, receivedFromMs = 0, receivedBeforeMs = Number.POSITIVE_INFINITY } = query;
  return (states?.includes(state) ?? true) && receivedAtMs >= receivedFromMs && receivedAtMs < receivedBeforeMs;
}
