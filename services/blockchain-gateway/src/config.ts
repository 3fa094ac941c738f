// The gateway's settings and secrets.
import { type NodeOptions, type NodesFile, nodesFileSchema, objectionTo } from "@sluice/bitcoin-nodes";
import { NETWORKS, parseDescriptor, walletsFileSchema } from "@sluice/chains";
import { onlineSecrets, onlineSettings } from "@sluice/online-service";
import { ConfigError, setting } from "@sluice/runtime";
import { z } from "zod";

export const settingsSchema = z
  .object({
    ...onlineSettings,
    SLUICE_NETWORK: z.enum(NETWORKS),
    SLUICE_WALLETS_FILE: setting.jsonFile(walletsFileSchema),
    /** Without credentials: those are secrets. */
    SLUICE_BITCOIN_NODES_FILE: setting.jsonFile(nodesFileSchema),
    SLUICE_REQUIRED_CONFIRMATIONS: setting.whole({ min: 1, max: 1_000 }).default(6),
    SLUICE_POLL_INTERVAL_MS: setting
      .durationMs()
      .refine((ms) => ms >= 10 && ms <= 3_600_000, "is from 10ms to 1h")
      .default(500),
    /** Blocks below were mined before the wallets existed and are not read. Counts only for an empty database. */
    SLUICE_START_HEIGHT: setting.whole({ min: 0, max: 100_000_000 }).default(0),
    /** A transaction that a node forgot is sent again after this. */
    SLUICE_REBROADCAST_AFTER_MS: setting.durationMs().default(10_000),
    /** Where the chain parts from the one read farther back than this, a person decides, and may raise it for one start. */
    SLUICE_DEEPEST_FORK_BLOCKS: setting.whole({ min: 1, max: 1_000_000 }).default(100),
    /** A transaction that is in no block after so much time and so many blocks is stuck if it pays too little for one. */
    SLUICE_STUCK_AFTER_MS: setting.durationMs().default(1_800_000),
    SLUICE_STUCK_AFTER_BLOCKS: setting.whole({ min: 0, max: 1_000 }).default(2),
  })
  .superRefine((settings, context) => {
    const objection = objectionTo(settings.SLUICE_BITCOIN_NODES_FILE, settings.SLUICE_NETWORK);
    if (objection !== null)
      context.addIssue({ code: "custom", path: ["SLUICE_BITCOIN_NODES_FILE"], message: objection });
    for (const { walletId, descriptor } of settings.SLUICE_WALLETS_FILE) {
      const parsed = parseDescriptor(descriptor, settings.SLUICE_NETWORK);
      if (parsed.ok) continue;
      const message = `${walletId}: ${parsed.refusal.code}: ${parsed.refusal.detail}`;
      context.addIssue({ code: "custom", path: ["SLUICE_WALLETS_FILE"], message });
    }
  });

export const secretsSchema = z.strictObject({
  ...onlineSecrets,
  /** By the nodes' names. A node with a cookie file needs none. */
  bitcoinNodes: z
    .record(z.string(), z.strictObject({ user: z.string().min(1), password: z.string().min(1) }))
    .default({}),
});

export type Settings = z.output<typeof settingsSchema>;
export type Secrets = z.output<typeof secretsSchema>;

/** Each node with its credentials. @throws ConfigError naming every node that has none, and every secret of nobody. */
export function nodesOf({ nodes }: NodesFile, { bitcoinNodes }: Pick<Secrets, "bitcoinNodes">): readonly NodeOptions[] {
  const faults: { readonly name: string; readonly rule: string }[] = [];
  const strangers = Object.keys(bitcoinNodes).filter((name) => !nodes.some((node) => node.name === name));
  for (const name of strangers)
    faults.push({ name: `secrets.bitcoinNodes.${name}`, rule: "is of no node in the nodes file" });
  const complete = nodes.flatMap(({ name, url, caFile, cookieFile, timeoutMs }): readonly NodeOptions[] => {
    const credentials = cookieFile === undefined ? bitcoinNodes[name] : { cookieFile };
    if (credentials !== undefined)
      return [{ name, url, timeoutMs, credentials, ...(caFile === undefined ? {} : { ca: caFile }) }];
    faults.push({ name: `secrets.bitcoinNodes.${name}`, rule: "is missing" });
    return [];
  });
  if (faults.length > 0) throw new ConfigError(faults);
  return complete;
}
