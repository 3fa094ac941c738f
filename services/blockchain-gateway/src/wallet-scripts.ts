// Which scripts on the chain are the wallets' own, a gap limit beyond the highest that was ever paid (BIP44).
import { type Branch, deriveScript, type WalletDescriptor } from "@sluice/chains";

export type WatchedWallet = { readonly walletId: string; readonly wallet: WalletDescriptor; readonly gapLimit: number };

export type OwnScript = { readonly walletId: string; readonly branch: Branch; readonly index: number };

export type WalletScripts = {
  /** By scriptPubKey in lower-case hex. Only grows. */
  readonly scripts: ReadonlyMap<string, OwnScript>;
  /** Notes that a script was paid. True when that made further scripts watched. */
  readonly use: (own: OwnScript) => boolean;
};

/** Watches the first scripts of both branches of each wallet, up to the gap limit, and more as they are used. */
export function watchWallets(wallets: readonly WatchedWallet[]): WalletScripts {
  const scripts = new Map<string, OwnScript>();
  const branches = new Map<string, (used: number) => boolean>();
  for (const { walletId, wallet, gapLimit } of wallets) {
    for (const branch of [0, 1] as const) {
      let derived = 0;
      const extend = (used: number): boolean => {
        const before = derived;
        for (; derived <= used + gapLimit; derived += 1) {
          const { scriptPubKey } = deriveScript(wallet, branch, derived);
          scripts.set(Buffer.from(scriptPubKey).toString("hex"), { walletId, branch, index: derived });
        }
        return derived > before;
      };
      extend(-1);
      branches.set(`${walletId}/${branch}`, extend);
    }
  }
  return {
    scripts,
    use: ({ walletId, branch, index }) => branches.get(`${walletId}/${branch}`)?.(index) ?? false,
  };
}
