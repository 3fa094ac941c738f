// The wallets of a deployment as its operator lists them: public, and the only source of what is the wallets' own.
import { z } from "zod";
import { parseDescriptor, type WalletDescriptor } from "./bitcoin/descriptor.ts";
import type { BitcoinNetwork } from "./bitcoin/network.ts";

/**
 * No script of a wallet has this index or a higher one. A search through all of them takes minutes, not days: whatever was
 * signed can be found again from the descriptor alone.
 */
export const INDEX_LIMIT = 1_000_000;

export const NETWORKS = ["mainnet", "testnet", "signet", "regtest"] as const satisfies readonly BitcoinNetwork[];

/** `[{ walletId, asset: "BTC", descriptor, gapLimit }]` */
export const walletsFileSchema = z
  .array(
    z.strictObject({
      walletId: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/, "is 1 to 64 letters, digits or . _ : -"),
      asset: z.literal("BTC"),
      descriptor: z.string(),
      gapLimit: z.number().int().min(1).max(1_000_000),
    }),
  )
  .min(1)
  .refine((rows) => new Set(rows.map(({ walletId }) => walletId)).size === rows.length, "names no wallet twice");

export type Wallet = { readonly walletId: string; readonly descriptor: WalletDescriptor; readonly gapLimit: number };

export type OpenedWallets = {
  readonly wallets: ReadonlyMap<string, Wallet>;
  /** Of every wallet whose descriptor does not read. */
  readonly faults: readonly { readonly walletId: string; readonly rule: string }[];
};

export function openWallets(rows: z.output<typeof walletsFileSchema>, network: BitcoinNetwork): OpenedWallets {
  const opened = rows.map((row) => ({ ...row, parsed: parseDescriptor(row.descriptor, network) }));
  return {
    wallets: new Map(
      opened.flatMap(({ walletId, gapLimit, parsed }) =>
        parsed.ok ? [[walletId, { walletId, descriptor: parsed.value, gapLimit }] as const] : [],
      ),
    ),
    faults: opened.flatMap(({ walletId, parsed }) =>
      parsed.ok ? [] : [{ walletId, rule: `${parsed.refusal.code}: ${parsed.refusal.detail}` }],
    ),
  };
}
