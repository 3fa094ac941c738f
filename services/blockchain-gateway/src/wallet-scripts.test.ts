// Which scripts are watched: always all up to a gap limit beyond the highest use, whatever the order of uses.

import { deriveScript } from "@sluice/chains";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeWallet } from "../test/wallet.ts";
import { type OwnScript, watchWallets } from "./wallet-scripts.ts";

const WALLETS = [makeWallet("hot-1", 3), makeWallet("hot-2", 1), makeWallet("hot-3", 7)];

const anyUse: fc.Arbitrary<OwnScript> = fc.record({
  walletId: fc.constantFrom("hot-1", "hot-2", "hot-3"),
  branch: fc.constantFrom(0 as const, 1 as const),
  index: fc.nat(8),
});

/** Each watched script as walletId/branch/index. */
function watchedOf(scripts: ReadonlyMap<string, OwnScript>): readonly string[] {
  return [...scripts.values()].map(({ walletId, branch, index }) => `${walletId}/${branch}/${index}`).toSorted();
}

/** By the definition, without regard to how it came about. */
function expectedAfter(uses: readonly OwnScript[]): readonly string[] {
  return WALLETS.flatMap(({ walletId, gapLimit }) =>
    ([0, 1] as const).flatMap((branch) => {
      const used = uses.filter((use) => use.walletId === walletId && use.branch === branch);
      const highest = Math.max(-1, ...used.map(({ index }) => index));
      return Array.from({ length: highest + 1 + gapLimit }, (_, index) => `${walletId}/${branch}/${index}`);
    }),
  ).toSorted();
}

describe("the watched scripts", () => {
  it("are those up to the gap limit beyond the highest use, each once, in whatever order they were used", () => {
    fc.assert(
      fc.property(fc.array(anyUse, { maxLength: 8 }), (uses) => {
        const watched = watchWallets(WALLETS);
        for (const use of uses) watched.use(use);
        expect(watchedOf(watched.scripts)).toEqual(expectedAfter(uses));
      }),
      { numRuns: 30 },
    );
  });

  it("grow exactly when a use says so, and never shrink", () => {
    fc.assert(
      fc.property(fc.array(anyUse, { maxLength: 8 }), (uses) => {
        const watched = watchWallets(WALLETS);
        for (const use of uses) {
          const before = watched.scripts.size;
          const grew = watched.use(use);
          expect(grew).toBe(watched.scripts.size > before);
          expect(watched.scripts.size).toBeGreaterThanOrEqual(before);
          expect(watched.use(use)).toBe(false);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("are the wallet's own, found by the hex of their bytes", () => {
    fc.assert(
      fc.property(anyUse, (use) => {
        const watched = watchWallets(WALLETS);
        watched.use(use);
        const wallet = WALLETS.find(({ walletId }) => walletId === use.walletId);
        if (wallet === undefined) throw new Error("it is one of them");
        const { scriptPubKey } = deriveScript(wallet.wallet, use.branch, use.index);
        expect(watched.scripts.get(Buffer.from(scriptPubKey).toString("hex"))).toEqual(use);
      }),
      { numRuns: 20 },
    );
  });

  it("know nothing of a wallet that is not watched", () => {
    const watched = watchWallets(WALLETS.slice(0, 1));
    expect(watched.use({ walletId: "hot-2", branch: 0, index: 9 })).toBe(false);
    expect(watched.scripts.size).toBe(6);
  });
});
