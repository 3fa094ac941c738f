// One call of online-risk's API with a person's own key, and how its refusals are told.
import { createSluiceClient, SluiceApiError, type SluiceClient } from "@sluice/client";
import type { JsonObject } from "@sluice/console";
import { type Outcome, requiredText, type Values } from "../command.ts";
import { readPrivateKey } from "./bundle-files.ts";

const TEXT = { type: "string" } as const;

export const CALLER = [
  "--api URL   online-risk's API: scheme, host and port",
  "--key-id ID   of your API key; it needs the scope",
  "--key FILE   your private key (PEM)",
];
export const CALLER_OPTIONS = { api: TEXT, "key-id": TEXT, key: TEXT };

export async function askApi<T extends object>(
  values: Values,
  call: (client: SluiceClient) => Promise<T>,
  linesOf: (answer: T) => readonly string[],
): Promise<Outcome> {
  const client = createSluiceClient({
    baseUrl: requiredText(values, "api"),
    keyId: requiredText(values, "key-id"),
    privateKey: readPrivateKey(requiredText(values, "key")),
  });
  try {
    const answer = await call(client);
    return { kind: "done", lines: linesOf(answer), json: JSON.parse(JSON.stringify(answer)) as JsonObject };
  } catch (error) {
    if (!(error instanceof SluiceApiError)) throw error;
    const faults = [{ code: error.code, message: error.message.replace(`${error.code}: `, "") }];
    return { kind: error.status === 0 || error.status >= 500 ? "unavailable" : "refused", faults };
  }
}
