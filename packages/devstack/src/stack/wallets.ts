// The wallets of a stack: hot-1, hot-2, …, as its ceremony plans them, read back and filled.
import { deriveScript, parseDescriptor, type WalletDescriptor } from "@sluice/chains";
import type { Regtest } from "./regtest.ts";

export const WALLET_ID = "hot-1";
export const GAP_LIMIT = 100;

/** As the plan of a ceremony has them: hot-1 is account 0. */
export function plannedWallets(count: number) {
  return Array.from({ length: count }, (_, account) => ({
    ...{ walletId: `hot-${account + 1}`, account, gapLimit: GAP_LIMIT },
  }));
}

export function openWallets(
  listed: readonly { readonly walletId: string; readonly descriptor: string }[],
): ReadonlyMap<string, WalletDescriptor> {
  return new Map(
    listed.map(({ walletId, descriptor }) => {
      const parsed = parseDescriptor(descriptor, "regtest");
      if (!parsed.ok) throw new Error(`the ceremony made a descriptor that does not read: ${parsed.refusal.detail}`);
      return [walletId, parsed.value];
    }),
  );
}

/** Pays coins to fresh addresses of a wallet, the first unless named, and mines them. */
export function funding(
  wallets: ReadonlyMap<string, WalletDescriptor>,
  chain: Regtest,
): (amountsSat: readonly bigint[], walletId?: string) => Promise<void> {
  const next = new Map<string, number>();
  const freshAddress = (walletId: string): string => {
    const [wallet, index] = [wallets.get(walletId), next.get(walletId) ?? 0];
    if (wallet === undefined) throw new Error(`this stack has no wallet ${walletId}`);
    next.set(walletId, index + 1);
    return deriveScript(wallet, 0, index).address;
  };
  return async (amountsSat, walletId = WALLET_ID) => {
    await chain.pay(Object.fromEntries(amountsSat.map((amountSat) => [freshAddress(walletId), amountSat] as const)));
    await chain.mine(1);
  };
}
