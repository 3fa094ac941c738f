// The API's answer as a command's outcome; every request is signed with the person's own key.
import { createSluiceClient, SluiceApiError, type SluiceClient } from "@sluice/client";
import { type Outcome, requiredText, type Values } from "./command.ts";
import { readPrivateKey } from "./commands/bundle-files.ts";

export const CALLER = [
  "--api URL   online-risk's API: scheme, host and port",
  "--key-id ID   of your API key; it needs the scope",
  "--key FILE   your private key (PEM)",
];
export const TEXT = { type: "string" } as const;
export const CALLER_OPTIONS = { api: TEXT, "key-id": TEXT, key: TEXT };

export async function askApi(values: Values, call: (client: SluiceClient) => Promise<Outcome>): Promise<Outcome> {
  const client = createSluiceClient({
    baseUrl: requiredText(values, "api"),
    keyId: requiredText(values, "key-id"),
    privateKey: readPrivateKey(requiredText(values, "key")),
  });
  try {
    return await call(client);
  } catch (error) {
    if (!(error instanceof SluiceApiError)) throw error;
    const faults = [{ code: error.code, message: error.message.replace(`${error.code}: `, "") }];
    return { kind: error.status === 0 || error.status >= 500 ? "unavailable" : "refused", faults };
  }
}
