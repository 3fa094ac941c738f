// The console's settings and secrets.
import { onlineSecrets, onlineSettings } from "@sluice/online-service";
import { setting } from "@sluice/runtime";
import { z } from "zod";

const servicesFile = z
  .array(z.strictObject({ name: z.string().min(1).max(64), url: z.url({ protocol: /^https?$/ }) }))
  .refine((services) => new Set(services.map(({ name }) => name)).size === services.length, "names a service twice");

export const settingsSchema = z.object({
  ...onlineSettings,
  /** The internal HTTP of the other online services. */
  SLUICE_SERVICES_FILE: setting.jsonFile(servicesFile),
});

export const secretsSchema = z.strictObject(onlineSecrets);

export type ServiceAddress = z.output<typeof servicesFile>[number];
