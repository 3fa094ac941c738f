// The treasury's settings and secrets: those of every online service.
import { onlineSecrets, onlineSettings } from "@sluice/online-service";
import { z } from "zod";

export const settingsSchema = z.object(onlineSettings);

export const secretsSchema = z.strictObject(onlineSecrets);
