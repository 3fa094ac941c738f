// The fixtures of signing, with a holder's own policy.
import type { Wallet } from "@sluice/chains";
import { HOLDER_CAPS, type Seals } from "@sluice/signing-fixtures";
import type { HolderPolicy } from "../src/judge-order.ts";

export * from "@sluice/signing-fixtures";

export const NOW_MS = Date.now();

export function makePolicy(
  seals: Pick<Seals, "trust">,
  wallet: Wallet,
  changes: Partial<HolderPolicy> = {},
): HolderPolicy {
  return {
    holder: "semi-offline-signer-a",
    trust: seals.trust,
    wallets: new Map([[wallet.walletId, wallet]]),
    caps: HOLDER_CAPS,
    ...changes,
  };
}
