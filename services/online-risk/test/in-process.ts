// The API of one service in the test's own process, on a real database: a request costs no connection and no start.
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { openPolicies } from "@sluice/active-policy";
import { createTrust, signRequest } from "@sluice/contracts";
import { readApiKeys } from "@sluice/gate";
import type { HttpServer } from "@sluice/http";
import { MESSAGING_MIGRATIONS } from "@sluice/messaging";
import { migrate } from "@sluice/postgres";
import { createLogger } from "@sluice/runtime";
import { SCREENING_OFF } from "@sluice/screening";
import { type ApiOptions, openApi } from "../src/api.ts";
import { readSettings } from "../src/config.ts";
import type { TestKey } from "./keys.ts";
import type { Defer } from "./process.ts";
import type { World } from "./world.ts";

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** @param change plants a fault, or another setting */
export async function openInProcess(
  { env, pool, keys }: World,
  defer: Defer,
  change: (options: ApiOptions) => Partial<ApiOptions> = () => ({}),
): Promise<HttpServer> {
  const { settings } = readSettings(env);
  const logger = createLogger({ service: "test", level: "fatal" });
  const apiKeys = readApiKeys(settings.SLUICE_API_KEYS_FILE);
  await migrate(pool, [
    { set: "messaging", directory: MESSAGING_MIGRATIONS },
    { set: "online-risk", directory: folder("../migrations") },
    { set: "online-service", directory: folder("../../../packages/online-service/migrations") },
  ]);
  const parts = { pool, network: settings.SLUICE_NETWORK, now: Date.now, logger };
  const policies = await openPolicies(parts, settings.SLUICE_POLICY_FILE);
  const options: ApiOptions = {
    ...{ pool, policies, apiKeys, trust: createTrust(settings.SLUICE_TRUST_FILE), network: settings.SLUICE_NETWORK },
    ...{ sealer: keys.service, signatureWindowMs: settings.SLUICE_SIGNATURE_WINDOW_MS, now: Date.now },
    ...{ logger, onRefused: () => {} },
    ...{ screening: SCREENING_OFF, onAnswered: () => {}, limits: { requestsPerSecond: 1_000, inHand: 500 } },
  };
  const api = await openApi({ ...options, ...change(options) });
  defer(() => api.close());
  await api.ready();
  return api;
}

export type Asked = {
  readonly key: TestKey;
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly query?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export type Told = {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Readonly<Record<string, unknown>>;
};

/** A sound request; a body that is not text is written as JSON. */
export async function askInProcess(
  api: HttpServer,
  { key, method = "GET", path, query = "", ...asked }: Asked,
): Promise<Told> {
  const { body: given = "", headers = {} } = asked;
  const body = Buffer.from(typeof given === "string" ? given : JSON.stringify(given));
  const signed = signRequest(
    {
      ...{ method, authority: "sluice.test", path, query, body: new Uint8Array(body) },
      contentType: body.length > 0 ? "application/json" : "",
    },
    key,
    { createdAtMs: Date.now(), nonce: randomUUID() },
  );
  const answer = await api.inject({
    ...{ method, url: `${path}${query}`, payload: body },
    headers: {
      ...{ host: "sluice.test", "signature-input": signed.signatureInput, signature: signed.signature },
      ...(body.length > 0 ? { "content-type": "application/json", "content-digest": signed.contentDigest } : {}),
      ...headers,
    },
  });
  return { status: answer.statusCode, headers: answer.headers, body: JSON.parse(answer.body || "{}") };
}

/** One of a bulk request. */
export function signedItem(
  key: TestKey,
  body: object,
  options: { readonly nonce?: string; readonly ageMs?: number } = {},
) {
  const text = JSON.stringify(body);
  const { signatureInput, signature } = signRequest(
    {
      ...{
        method: "POST",
        authority: "sluice.test",
        path: "/v1/withdrawals",
        query: "",
        contentType: "application/json",
      },
      body: new Uint8Array(Buffer.from(text)),
    },
    key,
    { createdAtMs: Date.now() - (options.ageMs ?? 0), nonce: options.nonce ?? randomUUID() },
  );
  return { body: text, signatureInput, signature };
}
