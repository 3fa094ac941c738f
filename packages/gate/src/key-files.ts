// The API's keys and their public halves, read again whenever one of the two files changes: a key comes and goes while
// requests are answered. What is at fault is not taken: the keys stay as they were, and that is said until it is mended.
import { unwatchFile, watchFile } from "node:fs";
import { createTrust, type Trust, trustFileSchema } from "@sluice/contracts";
import { ConfigError, type Environment, readConfig, setting } from "@sluice/runtime";
import { z } from "zod";
import { type ApiKeys, apiKeysSchema, readApiKeys, untrustedKeys } from "./api-keys.ts";

export type KeyFiles = {
  /** As they stand now, each time they are asked. */
  readonly apiKeys: ApiKeys;
  readonly trust: Trust;
  /** Whether what stands in the files now is what counts. */
  readonly isCurrent: () => boolean;
  readonly stop: () => void;
};

export type KeyFilesLog = {
  readonly info: (fields: object, message: string) => void;
  readonly error: (fields: object, message: string) => void;
};

const LOOK_EVERY_MS = 1_000;
const FILES = ["SLUICE_TRUST_FILE", "SLUICE_API_KEYS_FILE"] as const;
const schema = z.object({
  SLUICE_TRUST_FILE: setting.jsonFile(trustFileSchema),
  SLUICE_API_KEYS_FILE: setting.jsonFile(apiKeysSchema),
});

/** @throws ConfigError with every fault of both, when they are read for the first time */
export function watchKeyFiles(env: Environment, logger: KeyFilesLog, lookEveryMs = LOOK_EVERY_MS): KeyFiles {
  let keys = readKeyFiles(env);
  let isCurrent = true;
  const paths = FILES.map((name) => env[name] ?? "");
  for (const path of paths) watchFile(path, { interval: lookEveryMs, persistent: false }, readAgain);
  return {
    apiKeys: { get: (keyId) => keys.apiKeys.get(keyId) },
    trust: { find: (producer, keyId) => keys.trust.find(producer, keyId) },
    isCurrent: () => isCurrent,
    stop: () => {
      for (const path of paths) unwatchFile(path, readAgain);
    },
  };

  function readAgain(): void {
    try {
      keys = readKeyFiles(env);
      isCurrent = true;
      logger.info({ keyIds: [...keys.apiKeys.keys()] }, "the API's keys are read again");
    } catch (error) {
      isCurrent = false;
      const faults = error instanceof ConfigError ? error.faults : [String(error)];
      logger.error({ faults }, "the API's keys stay as they were: their files are at fault");
    }
  }
}

function readKeyFiles(env: Environment) {
  const given = Object.fromEntries(FILES.map((name) => [name, env[name]]));
  const { SLUICE_TRUST_FILE: trust, SLUICE_API_KEYS_FILE: file } = readConfig(schema, given);
  const faults = untrustedKeys("SLUICE_API_KEYS_FILE", file, trust);
  if (faults.length > 0) throw new ConfigError(faults);
  return { apiKeys: readApiKeys(file), trust: createTrust(trust) };
}
