// Tells vault what blocks ask for: when the nodes' answer changed, and every minute in any case.
import type { FeeView } from "@sluice/bitcoin-nodes";
import type { Sealer } from "@sluice/contracts";
import { announce } from "@sluice/online-service";
import { type Pool, type Transaction, transaction, withLane } from "@sluice/postgres";

export type FeeOptions = {
  readonly pool: Pool;
  readonly sealer: Sealer;
  readonly fees: () => Promise<FeeView | null>;
};

const KEY = "bitcoin";
const LANE = "fees";
const REPEAT_SECONDS = 60;

/** Says nothing while fewer than a quorum of nodes answer: an old estimate has its time in it. */
export async function publishFees({ pool, sealer, fees }: FeeOptions): Promise<void> {
  const view = await fees();
  if (view === null) return;
  await transaction(pool, async (tx) => {
    if (!(await withLane(tx, LANE)) || !(await isNews(tx, view))) return;
    const estimatedAtMs = Date.now();
    await announce(tx, sealer, "fee.estimated.v1", {
      id: `${KEY}/fees/${estimatedAtMs}`,
      key: KEY,
      occurredAtMs: estimatedAtMs,
      message: { ...view, estimatedAtMs },
    });
  });
}

/** Notes it as said. False when the same was said less than a minute ago, by this instance or another. */
async function isNews(tx: Transaction, { estimates, minimumSatPerKvbyte }: FeeView): Promise<boolean> {
  const text = [
    ...estimates.map(({ targetBlocks, satPerKvbyte }) => `${targetBlocks}:${satPerKvbyte}`),
    minimumSatPerKvbyte,
  ];
  const { rowCount } = await tx.query(
    `insert into fee_said (asset, estimate) values ($1, $2)
     on conflict (asset) do update set estimate = $2, said_at = clock_timestamp()
     where fee_said.estimate <> $2 or fee_said.said_at < clock_timestamp() - make_interval(secs => $3)`,
    [KEY, text.join(" "), REPEAT_SECONDS],
  );
  return rowCount === 1;
}
