// The document of the API: the committed one is what the code says today, whole, and OpenAPI in its references.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { describeApi } from "../src/describe.ts";

const COMMITTED = readFileSync(fileURLToPath(new URL("../../../docs/openapi.json", import.meta.url)), "utf8");

type Operation = {
  readonly operationId?: string;
  readonly summary?: string;
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly responses: Readonly<Record<string, object>>;
};
type Document = {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
};

const document = JSON.parse(COMMITTED) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
);

it("docs/openapi.json is what the code says today: pnpm openapi writes it", async () => {
  expect(await describeApi()).toBe(COMMITTED);
});

it("names each operation once, with its scope and the problems that it answers", () => {
  expect(document.openapi).toBe("3.1.0");
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(operations.length);
  for (const { name, operation } of operations) {
    expect([name, operation.summary, operation.security?.[0]?.["signature"]]).toEqual([
      name,
      expect.any(String),
      [expect.any(String)],
    ]);
    expect([name, Object.keys(operation.responses)]).toEqual([
      name,
      expect.arrayContaining(["400", "401", "403", "408", "414", "429", "431", "500", "503"]),
    ]);
  }
});

it("refers to nothing that is not there, and defines nothing that nobody refers to", () => {
  const references = [...COMMITTED.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name);
  const { components } = JSON.parse(COMMITTED) as { readonly components: { readonly schemas: object } };
  expect([...new Set(references)].toSorted()).toEqual(Object.keys(components.schemas).toSorted());
});
