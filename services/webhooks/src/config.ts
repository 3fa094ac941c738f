// The settings and secrets of webhooks: to whom, signed with what, and how patiently.
import { readFileSync } from "node:fs";
import { WITHDRAWAL_STATES } from "@sluice/core";
import { type Network, parseNetwork, targetFault } from "@sluice/guarded-post";
import { onlineSecrets, onlineSettings } from "@sluice/online-service";
import { ConfigError, setting } from "@sluice/runtime";
import { z } from "zod";
import { readSigningKey, type SigningKey } from "./sign.ts";

const endpointsFile = z
  .array(
    z.strictObject({
      name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "is of a-z, 0-9 and -"),
      url: z.string().max(2_048),
      /** States; all of them unless given. */
      events: z.array(z.enum(WITHDRAWAL_STATES)).min(1).optional(),
      /** All of them unless given. */
      accounts: z.array(z.string().min(1).max(64)).min(1).optional(),
      /** How many are on their way at once; with more than one they may arrive in another order than that of their numbers. */
      atOnce: z.number().int().min(1).max(64).default(1),
      /** What happened since then is told when the endpoint is new; what happens from now on, unless given. */
      since: z.iso.datetime({ offset: true, error: "is a time such as 2026-01-31T12:00:00Z" }).optional(),
    }),
  )
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, "names an endpoint twice");

const network = () =>
  setting.parsed((text): { ok: true; value: Network } | { ok: false; rule: string } => {
    const value = parseNetwork(text);
    return value === null ? { ok: false, rule: "is a network such as 10.1.0.0/16 or fd00::/8" } : { ok: true, value };
  });

export const settingsSchema = z.object({
  ...onlineSettings,
  SLUICE_WEBHOOK_ENDPOINTS_FILE: setting.jsonFile(endpointsFile),
  /** For one attempt, from the name's resolution to the end of the answer. */
  SLUICE_WEBHOOK_TIMEOUT_MS: setting
    .durationMs()
    .refine((ms) => ms >= 100 && ms <= 60_000, "is from 100ms to 1m")
    .default(15_000),
  /** The first wait after a failure; each further one is twice as long, up to the longest. */
  SLUICE_WEBHOOK_RETRY_FIRST_MS: setting.durationMs().default(5_000),
  SLUICE_WEBHOOK_RETRY_LONGEST_MS: setting.durationMs().default(12 * 3_600_000),
  /** A delivery that its endpoint refuses for so long, while it takes others, is given up. */
  SLUICE_WEBHOOK_RETRY_FOR_MS: setting.durationMs().default(4 * 86_400_000),
  /** An endpoint that takes nothing for so long is disabled. */
  SLUICE_WEBHOOK_DISABLE_AFTER_MS: setting.durationMs().default(3 * 86_400_000),
  /** How often a disabled endpoint is tried all the same. */
  SLUICE_WEBHOOK_PROBE_EVERY_MS: setting.durationMs().default(3_600_000),
  /** Networks that are not public and may be posted to all the same. */
  SLUICE_WEBHOOK_ALLOWED_NETWORKS: setting.list(network()).default([]),
  /** Hosts (host or host:port) that may be posted to without TLS. */
  SLUICE_WEBHOOK_PLAIN_HOSTS: setting.list(z.string()).default([]),
  /** PEM; trusted beside the certificates that come with Node. */
  SLUICE_WEBHOOK_CA_FILE: z.string().optional(),
});

export const secretsSchema = z.strictObject({
  ...onlineSecrets,
  /** By the endpoint's name: `whsk_…` or `whsec_…`, several while they are being changed. */
  webhookKeys: z.record(z.string(), z.array(z.string()).min(1).max(4)),
});

export type Settings = z.output<typeof settingsSchema>;
export type Endpoint = Settings["SLUICE_WEBHOOK_ENDPOINTS_FILE"][number] & { readonly keys: readonly SigningKey[] };

/** @throws ConfigError with every endpoint that nothing could or should be posted to. */
export function endpointsOf(settings: Settings, { webhookKeys }: z.output<typeof secretsSchema>): readonly Endpoint[] {
  const faults: { name: string; rule: string }[] = [];
  const endpoints = settings.SLUICE_WEBHOOK_ENDPOINTS_FILE.map((endpoint): Endpoint => {
    const fault = targetFault(endpoint.url, targetRules(settings));
    if (fault !== null) faults.push({ name: `SLUICE_WEBHOOK_ENDPOINTS_FILE: ${endpoint.name}: url`, rule: fault });
    const keys = (Object.hasOwn(webhookKeys, endpoint.name) ? webhookKeys[endpoint.name] : undefined)?.map(
      readSigningKey,
    );
    if (keys === undefined) faults.push({ name: `secrets.webhookKeys.${endpoint.name}`, rule: "is missing" });
    const read = keys?.filter((key) => key !== null) ?? [];
    if (read.length < (keys?.length ?? 0))
      faults.push({ name: `secrets.webhookKeys.${endpoint.name}`, rule: KEY_RULE });
    return { ...endpoint, keys: read };
  });
  if (faults.length > 0) throw new ConfigError(faults);
  return endpoints;
}

const KEY_RULE = "is whsk_ and base64 of 32 bytes (Ed25519), or whsec_ and base64 of 24 to 64 bytes";

export function targetRules(settings: Settings) {
  return {
    allowedNetworks: settings.SLUICE_WEBHOOK_ALLOWED_NETWORKS,
    plainHosts: settings.SLUICE_WEBHOOK_PLAIN_HOSTS,
  };
}

/** @throws ConfigError when the file of SLUICE_WEBHOOK_CA_FILE cannot be read. */
export function readCa({ SLUICE_WEBHOOK_CA_FILE: path }: Settings): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw new ConfigError([{ name: "SLUICE_WEBHOOK_CA_FILE", rule: "is the path of a file that can be read" }]);
  }
}
