// All settings and secrets of this process, validated before anything is touched.
import { NETWORKS, openWallets, type Wallet, walletsFileSchema } from "@sluice/chains";
import { apiKeysSchema, untrustedKeys } from "@sluice/gate";
import { type ParsedPolicy, parsePolicyText, readParsedPolicy, sayFault } from "@sluice/online-rules";
import { onlineSecrets, onlineSettings } from "@sluice/online-service";
import { ConfigError, type ConfigFault, type Environment, readConfig, readSecrets, setting } from "@sluice/runtime";
import { providerSettings, readScreeningPlace, type ScreeningPlace, screeningSettings } from "@sluice/screening";
import { z } from "zod";

const settingsSchema = z.object({
  ...onlineSettings,
  SLUICE_API_HOST: z.string().default("127.0.0.1"),
  SLUICE_API_PORT: setting.port(),
  /** Of each address, in each instance; beyond it 429. What a key may do stands in its row. */
  SLUICE_API_REQUESTS_PER_SECOND: setting.whole({ min: 1, max: 1_000_000 }).default(1_000),
  /** So many requests are worked on at once; beyond it 503. */
  SLUICE_API_IN_HAND: setting.whole({ min: 1, max: 100_000 }).default(500),
  /** While so many withdrawals wait for their first judgement, no more are taken: 503. */
  SLUICE_UNJUDGED_MAX: setting.whole({ min: 1, max: 10_000_000 }).default(20_000),
  /** So many are judged in one transaction when as many wait. */
  SLUICE_JUDGE_BATCH: setting.whole({ min: 1, max: 500 }).default(64),
  SLUICE_NETWORK: z.enum(NETWORKS, `is one of ${NETWORKS.join(", ")}`),
  SLUICE_WALLETS_FILE: setting.jsonFile(walletsFileSchema),
  SLUICE_POLICY_FILE: setting.textFile().transform((text, context): ParsedPolicy => {
    const read = parsePolicyText(text);
    if (read.ok) return read.value;
    for (const fault of read.faults) context.addIssue({ code: "custom", message: sayFault(fault) });
    return z.NEVER;
  }),
  SLUICE_API_KEYS_FILE: setting.jsonFile(apiKeysSchema),
  ...screeningSettings,
  ...providerSettings,
  SLUICE_SIGNATURE_WINDOW_MS: setting
    .durationMs()
    .refine((ms) => ms >= 1_000 && ms <= 3_600_000, "is from 1s to 1h")
    .default(300_000),
});

const secretsSchema = z.strictObject({
  ...onlineSecrets,
  /** A bearer token. */
  screeningProviderKey: z.string().min(1).optional(),
});

export type Config = {
  readonly settings: z.output<typeof settingsSchema>;
  readonly secrets: z.output<typeof secretsSchema>;
  readonly wallets: readonly Wallet[];
  readonly labels: ScreeningPlace | null;
};

/** @throws ConfigError with every fault of the settings; then with those of secrets, and of files that disagree */
export function readSettings(env: Environment): Config {
  const settings = readConfig(settingsSchema, env);
  const secrets = readSecrets(secretsSchema, settings.SLUICE_SECRETS_SOURCE);
  const policy = readParsedPolicy(settings.SLUICE_POLICY_FILE, settings.SLUICE_NETWORK);
  const opened = openWallets(settings.SLUICE_WALLETS_FILE, settings.SLUICE_NETWORK);
  const faults: readonly ConfigFault[] = [
    ...opened.faults.map(({ walletId, rule }) => ({ name: "SLUICE_WALLETS_FILE", rule: `${walletId}: ${rule}` })),
    ...(policy.ok ? [] : policy.faults.map((fault) => ({ name: "SLUICE_POLICY_FILE", rule: sayFault(fault) }))),
    // They are read again whenever they change (watchKeyFiles); here all faults of a start are named together.
    ...untrustedKeys("SLUICE_API_KEYS_FILE", settings.SLUICE_API_KEYS_FILE, settings.SLUICE_TRUST_FILE),
  ];
  if (faults.length > 0) throw new ConfigError(faults);
  const labels = readScreeningPlace(settings);
  return { settings, secrets, wallets: [...opened.wallets.values()], labels };
}
