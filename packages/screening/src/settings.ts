// Where a process has its labels and whose updates it takes: all of it or nothing.
import { labelSignersSchema } from "@sluice/address-labels";
import { ConfigError, setting } from "@sluice/runtime";
import type { z } from "zod";

/** To be spread into a process' settings. */
export const screeningSettings = {
  /** The store: this process' own, nobody else's. */
  SLUICE_LABELS_DIRECTORY: setting.path().optional(),
  /** Updates are put here, as *.labels. */
  SLUICE_LABELS_UPDATES: setting.path().optional(),
  SLUICE_LABELS_SIGNERS_FILE: setting.jsonFile(labelSignersSchema).optional(),
};

/** To be spread into the settings of a process that may speak to the world. */
export const providerSettings = {
  /** Where `{chain, address}` is posted. Without it nobody is asked. */
  SLUICE_SCREENING_PROVIDER_URL: setting.url({ protocols: ["https:", "http:"] }).optional(),
  /** Without an answer by then the labels are not known, and the policy says what follows. */
  SLUICE_SCREENING_PROVIDER_TIMEOUT_MS: setting
    .durationMs()
    .refine((ms) => ms >= 100 && ms <= 60_000, "is from 100ms to 1m")
    .default(2_000),
};

export type ScreeningPlace = {
  readonly directory: string;
  readonly updates: string;
  readonly signers: z.output<typeof labelSignersSchema>;
};

type Read = {
  readonly SLUICE_LABELS_DIRECTORY?: string | undefined;
  readonly SLUICE_LABELS_UPDATES?: string | undefined;
  readonly SLUICE_LABELS_SIGNERS_FILE?: z.output<typeof labelSignersSchema> | undefined;
};

/** Null without labels. @throws ConfigError when only some are given: labels that are half configured screen nobody */
export function readScreeningPlace(read: Read): ScreeningPlace | null {
  const {
    SLUICE_LABELS_DIRECTORY: directory,
    SLUICE_LABELS_UPDATES: updates,
    SLUICE_LABELS_SIGNERS_FILE: signers,
  } = read;
  if (directory === undefined && updates === undefined && signers === undefined) return null;
  if (directory !== undefined && updates !== undefined && signers !== undefined) {
    if (directory !== updates) return { directory, updates, signers };
    throw new ConfigError([{ name: "SLUICE_LABELS_UPDATES", rule: "is another folder than SLUICE_LABELS_DIRECTORY" }]);
  }
  const given = {
    SLUICE_LABELS_DIRECTORY: directory,
    SLUICE_LABELS_UPDATES: updates,
    SLUICE_LABELS_SIGNERS_FILE: signers,
  };
  const missing = Object.entries(given).filter(([, value]) => value === undefined);
  throw new ConfigError(missing.map(([name]) => ({ name, rule: "is needed where there are labels" })));
}
