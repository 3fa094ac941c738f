// The settings and secrets that every online service takes. A service adds its own to them.
import { trustFileSchema } from "@sluice/contracts";
import { setting } from "@sluice/runtime";
import { z } from "zod";

export const onlineSettings = {
  SLUICE_TRUST_FILE: setting.jsonFile(trustFileSchema),
  SLUICE_SECRETS_SOURCE: setting.secretsSource(),
  SLUICE_DATABASE_URL: setting.url({ protocols: ["postgres:", "postgresql:"] }),
  SLUICE_KAFKA_BROKERS: setting.list(setting.hostAndPort()),
  /** Goes before every topic and group, so that several deployments can share a cluster. */
  SLUICE_TOPIC_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]{0,64}$/, "is at most 64 of A-Z a-z 0-9 . _ -")
    .default(""),
  /** How long a start waits for Postgres and Kafka that are away, before it ends and says so. */
  SLUICE_WAIT_AT_START_MS: setting.durationMs().default(30_000),
  /** After this long without a word an instance counts as dead, and the others take over what it read. Within the broker's bounds. */
  SLUICE_KAFKA_SESSION_TIMEOUT_MS: setting
    .durationMs()
    .refine((ms) => ms >= 1_000 && ms <= 300_000, "is from 1s to 5m")
    .default(10_000),
  /** A message that its readers have not confirmed for this long is sent again, then after twice as long, up to 5 minutes. */
  SLUICE_SEND_AGAIN_AFTER_MS: setting
    .durationMs()
    .refine((ms) => ms >= 500 && ms <= 300_000, "is from 500ms to 5m")
    .default(30_000),
  /** How often the database is marked, so that an older copy shows: one older than three times this is noticed. */
  SLUICE_MARK_EVERY_MS: setting
    .durationMs()
    .refine((ms) => ms >= 100 && ms <= 60_000, "is from 100ms to 1m")
    .default(10_000),
  /** The internal server: health, metrics, dead letters. Not for the exchange's network. */
  SLUICE_HTTP_HOST: z.string().default("127.0.0.1"),
  SLUICE_HTTP_PORT: setting.port(),
};

export const onlineSecrets = {
  sealKeyId: z.string().min(1),
  /** The Ed25519 seed (RFC 8032). */
  sealSeed: z.base64().refine((text) => Buffer.from(text, "base64").length === 32, "is base64 of 32 bytes"),
  databasePassword: z.string().min(1).optional(),
};

const settingsSchema = z.object(onlineSettings);
const secretsSchema = z.object(onlineSecrets);

export type OnlineSettings = z.output<typeof settingsSchema>;
export type OnlineSecrets = z.output<typeof secretsSchema>;
