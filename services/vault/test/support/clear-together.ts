// Withdrawals that vault plans as one batch, however slow the machine is.
import { expect } from "vitest";
import { type FundingCoin, fund } from "./holders.ts";
import { eventually } from "./process.ts";
import type { TestWithdrawal, World } from "./world.ts";

/** The coin comes only when vault has every one of them: without a coin it cannot plan the first alone. */
export async function clearTogether(
  world: World,
  withdrawals: readonly TestWithdrawal[],
  coin: FundingCoin = fund(world.wallet, 1_000_000n),
): Promise<void> {
  for (const withdrawal of withdrawals) await world.clear(withdrawal);
  await eventually(async () => {
    const { rows } = await world.vault.query<{ id: string }>("select id from withdrawal where state = 'cleared'");
    expect(rows.map(({ id }) => id)).toEqual(expect.arrayContaining(withdrawals.map(({ id }) => id)));
  });
  await world.observe(coin);
}
