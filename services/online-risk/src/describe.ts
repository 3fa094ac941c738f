// Writes the OpenAPI document of the public API, without a database: node services/online-risk/src/describe.ts PATH
import { writeFileSync } from "node:fs";
import { createLogger } from "@sluice/runtime";
import { type ApiOptions, openApi } from "./api.ts";

/** Stands in for all that the routes are given, since none of them is called: whoever calls it, fails. */
const NOTHING: never = new Proxy(
  () => {
    throw new Error("the API is only described here");
  },
  { get: () => NOTHING },
) as never;

/** The text of docs/openapi.json. */
export async function describeApi(): Promise<string> {
  const logger = createLogger({ service: "online-risk", level: "warn" });
  const api = await openApi(
    new Proxy({ logger, limits: { requestsPerSecond: 1_000, inHand: 500 } } as unknown as ApiOptions, {
      get: (own, name) => Reflect.get(own, name) ?? NOTHING,
    }),
  );
  const { body } = await api.inject({ method: "GET", url: "/v1/openapi.json" });
  await api.close();
  return `${JSON.stringify(JSON.parse(body), null, 2)}\n`;
}

if (import.meta.main) {
  const [path] = process.argv.slice(2);
  if (path === undefined) throw new Error("give the path of the file to write");
  writeFileSync(path, await describeApi());
}
