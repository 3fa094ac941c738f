// The OpenAPI 3.1 document of a server, from the zod schemas of its routes and the codes with which each refuses.
import swagger from "@fastify/swagger";
import type { FastifyInstance, FastifySchema } from "fastify";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";
import type { z } from "zod";
import { PROBLEM_CONTENT_TYPE, SERVER_PROBLEMS } from "./problem.ts";

/** By status. */
export type Refusals = Readonly<Record<number, readonly string[]>>;

declare module "fastify" {
  interface FastifySchema {
    /** The problem codes of a route by status, beside those with which the server itself refuses. */
    readonly refuses?: Refusals;
  }
}

export type OpenApiInfo = {
  readonly title: string;
  readonly version: string;
  readonly description?: string;
  /** What the routes' `security` names. */
  readonly securitySchemes?: Readonly<Record<string, object>>;
};

/** Adds /v1/openapi.json. Has to be called before any route is added. */
export async function addOpenApi(server: FastifyInstance, { securitySchemes, ...info }: OpenApiInfo): Promise<void> {
  const components = { schemas: { Problem: PROBLEM }, ...(securitySchemes === undefined ? {} : { securitySchemes }) };
  const bodiless = new Set<string>();
  await server.register(swagger, {
    openapi: { openapi: "3.1.0", info, components: components as object },
    transformObject: (document) => withoutUnused(withOptionalBodies(inWhole(document) as Document, bodiless)) as never,
    transform: (document) => {
      const { refuses, ...schema } = (document.schema ?? {}) as FastifySchema;
      const { schema: transformed, url } = describe({ ...document, schema } as never);
      if ("hide" in transformed) return { schema: transformed, url };
      if (schema.operationId !== undefined && mayBeAbsent(schema.body)) bodiless.add(schema.operationId);
      const hasBody = document.route.method !== "GET";
      const isRead = [schema.body, schema.params, schema.querystring].some((part) => part !== undefined);
      const codes = merged(hasBody ? WITH_BODY : ALWAYS, isRead ? { 400: ["REQUEST_INVALID"] } : {}, refuses ?? {});
      return {
        schema: { ...transformed, response: { ...(transformed["response"] as object), ...answersOf(codes) } },
        url,
      };
    },
  });
  server.get("/v1/openapi.json", { schema: { hide: true } }, async () => server.swagger());
}

/** A value that our own code does not change is nothing that a client must not send. */
const HOW = {
  zodToJsonConfig: {
    override: ({ jsonSchema }: { readonly jsonSchema: { readOnly?: unknown } }) => void delete jsonSchema.readOnly,
  },
};
const describe = createJsonSchemaTransform(HOW);
const inWhole = createJsonSchemaTransformObject(HOW);

function mayBeAbsent(body: unknown): boolean {
  return (body as z.ZodType | undefined)?.safeParse(undefined).success === true;
}

/** The library says of every body that it is required. */
function withOptionalBodies(document: Document, operationIds: ReadonlySet<string>): Document {
  for (const { operationId = "", requestBody } of Object.values(document.paths ?? {}).flatMap(Object.values)) {
    if (operationIds.has(operationId) && requestBody !== undefined) requestBody.required = false;
  }
  return document;
}

type Operation = { readonly operationId?: string; readonly requestBody?: { required?: boolean } };

type Document = {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
};

/** Each named schema comes as what is read and as what is written; who reads the document wants those that are used. */
function withoutUnused(document: Document): Document {
  const text = JSON.stringify(document);
  // By name, since zod hands them out in the order in which modules happen to be loaded.
  const all = Object.entries(document.components.schemas).toSorted(([left], [right]) => (left < right ? -1 : 1));
  const used = all.filter(([name]) => text.includes(`"#/components/schemas/${name}"`));
  const left = { ...document, components: { ...document.components, schemas: Object.fromEntries(used) } };
  return used.length === all.length ? left : withoutUnused(left);
}

/** All codes of all of them, each once and sorted. */
export function merged(...some: readonly Refusals[]): Refusals {
  const statuses = [...new Set(some.flatMap((refusals) => Object.keys(refusals).map(Number)))].toSorted();
  return Object.fromEntries(
    statuses.map((status) => [status, [...new Set(some.flatMap((refusals) => refusals[status] ?? []))].toSorted()]),
  );
}

function answersOf(codes: Refusals): object {
  return Object.fromEntries(
    Object.entries(codes).map(([status, some]) => {
      const schema = {
        allOf: [{ $ref: "#/components/schemas/Problem" }, { properties: { code: { enum: some } } }],
      };
      return [status, { description: some.join(", "), content: { [PROBLEM_CONTENT_TYPE]: { schema } } }];
    }),
  );
}

function codesOf(names: readonly (keyof typeof SERVER_PROBLEMS)[]): Refusals {
  return merged(...names.map((name) => ({ [SERVER_PROBLEMS[name].status]: [name] })));
}

/** What the server itself can answer to any request of a route. */
const ALWAYS = codesOf([
  ...(["HTTP_MALFORMED", "REQUEST_MALFORMED", "REQUEST_TIMEOUT", "PATH_TOO_LONG", "RATE_LIMITED"] as const),
  ...(["HEADERS_TOO_LARGE", "INTERNAL", "NOT_READY", "OVERLOADED", "STOPPING"] as const),
]);
const WITH_BODY = merged(ALWAYS, codesOf(["JSON_MALFORMED", "BODY_TOO_LARGE", "CONTENT_TYPE_UNSUPPORTED"]));

const text = { type: "string" } as const;

/** RFC 9457. Further members may stand beside these. */
const PROBLEM = {
  type: "object",
  required: ["type", "title", "status", "detail", "instance", "code"],
  properties: {
    type: { ...text, description: "urn:sluice:problem: and the code." },
    title: text,
    status: { type: "integer" },
    detail: { ...text, description: "For people." },
    instance: { ...text, description: "Names this one answer; it stands in the log too." },
    code: { ...text, pattern: "^[A-Z][A-Z0-9_]*$", description: "For programs; it stays the same." },
    errors: {
      type: "array",
      items: {
        type: "object",
        required: ["field", "rule", "code"],
        properties: { field: text, rule: text, code: text },
      },
    },
  },
};
