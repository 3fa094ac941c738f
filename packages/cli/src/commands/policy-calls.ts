// What the policy commands share: who calls, a policy's file with its faults, and how a refusal of the API is told.
import { createSluiceClient, SluiceApiError, type SluiceClient } from "@sluice/client";
import type { ParsedPolicy, PolicyFault, ReadText } from "@sluice/online-rules";
import { type Outcome, requiredText, type Values } from "../command.ts";
import { readBytes, readPrivateKey } from "./bundle-files.ts";

export const CALLER = [
  "--api URL   online-risk's API: scheme, host and port",
  "--key-id ID   of your API key; it needs the scope policy, or activate",
  "--key FILE   your private key (PEM)",
];
const TEXT = { type: "string" } as const;
export const CALLER_OPTIONS = { api: TEXT, "key-id": TEXT, key: TEXT };

/** Only where it is asked for: reading a policy loads more than all other commands need. */
export async function readPolicy(path: string): Promise<ReadText<ParsedPolicy>> {
  return parsePolicy(readBytes(path).toString("utf8"));
}

export async function parsePolicy(text: string): Promise<ReadText<ParsedPolicy>> {
  const { parsePolicyText } = await import("@sluice/online-rules");
  return parsePolicyText(text);
}

export function refusedPolicy(faults: readonly PolicyFault[]): Outcome {
  const message = ({ line, field, rule }: PolicyFault) =>
    `${line === null ? "" : `line ${line}: `}${field === "" ? "" : `${field}: `}${rule}`;
  return { kind: "refused", faults: faults.map((fault) => ({ code: "POLICY_INVALID", message: message(fault) })) };
}

export async function ask(values: Values, work: (client: SluiceClient) => Promise<Outcome>): Promise<Outcome> {
  const client = createSluiceClient({
    baseUrl: requiredText(values, "api"),
    keyId: requiredText(values, "key-id"),
    privateKey: readPrivateKey(requiredText(values, "key")),
    // A page of a replay takes its time on a machine that judges beside it.
    tryTimeoutMs: 60_000,
  });
  try {
    return await work(client);
  } catch (error) {
    if (!(error instanceof SluiceApiError)) throw error;
    const own = { code: error.code, message: error.message.replace(`${error.code}: `, "") };
    const fields = error.errors.map(({ field, rule, code }) => ({ code, message: `${field}: ${rule}` }));
    const faults = fields.length > 0 ? fields : [own];
    return { kind: error.status === 0 || error.status >= 500 ? "unavailable" : "refused", faults };
  }
}
