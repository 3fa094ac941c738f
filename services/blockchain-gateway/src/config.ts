// The gateway's settings and secrets.
import { parseDescriptor } from "@sluice/chains";
import { onlineSecrets, onlineSettings } from "@sluice/online-service";
import { setting } from "@sluice/runtime";
import { z } from "zod";

const walletsFile = z
  .array(
    z.strictObject({
      walletId: z.string().min(1).max(64),
      asset: z.literal("BTC"),
      descriptor: z.string().min(1),
      gapLimit: z.number().int().min(1).max(10_000),
    }),
  )
  .min(1)
  .refine((wallets) => isEachOnce(wallets.map(({ walletId }) => walletId)), "names a wallet twice")
  .refine((wallets) => isEachOnce(wallets.map(({ descriptor }) => descriptor)), "has a descriptor twice");

function isEachOnce(names: readonly string[]): boolean {
  return new Set(names).size === names.length;
}

export const settingsSchema = z
  .object({
    ...onlineSettings,
    SLUICE_NETWORK: z.enum(["mainnet", "testnet", "signet", "regtest"]),
    SLUICE_WALLETS_FILE: setting.jsonFile(walletsFile),
    /** Without credentials: those are secrets. */
    SLUICE_BITCOIN_RPC_URL: setting.url({ protocols: ["http:", "https:"] }),
    SLUICE_REQUIRED_CONFIRMATIONS: setting.whole({ min: 1, max: 1_000 }).default(6),
    SLUICE_POLL_INTERVAL_MS: setting
      .durationMs()
      .refine((ms) => ms >= 10 && ms <= 3_600_000, "is from 10ms to 1h")
      .default(500),
    /** Blocks below were mined before the wallets existed and are not read. Counts only for an empty database. */
    SLUICE_START_HEIGHT: setting.whole({ min: 0, max: 100_000_000 }).default(0),
    /** A transaction that a node forgot is sent again after this. */
    SLUICE_REBROADCAST_AFTER_MS: setting.durationMs().default(10_000),
  })
  .superRefine((settings, context) => {
    for (const { walletId, descriptor } of settings.SLUICE_WALLETS_FILE) {
      const parsed = parseDescriptor(descriptor, settings.SLUICE_NETWORK);
      if (parsed.ok) continue;
      const message = `${walletId}: ${parsed.refusal.code}: ${parsed.refusal.detail}`;
      context.addIssue({ code: "custom", path: ["SLUICE_WALLETS_FILE"], message });
    }
  });

export const secretsSchema = z.strictObject({
  ...onlineSecrets,
  bitcoinRpcUser: z.string().min(1),
  bitcoinRpcPassword: z.string().min(1),
});

export type Settings = z.output<typeof settingsSchema>;
