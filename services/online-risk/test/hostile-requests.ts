// Hostile requests made from an OpenAPI document: each is drawn from a seed, and is sound but for what is said of it.
import { randomUUID } from "node:crypto";
import { signRequest } from "@sluice/contracts";
import type { TestKey } from "./keys.ts";

export type Schema = {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly const?: unknown;
  readonly allOf?: readonly Schema[];
};

export type Operation = {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
  readonly body: Schema | undefined;
  readonly scope: string;
  /** The documented problem codes by status, and the statuses of success. */
  readonly codes: ReadonlyMap<number, readonly string[]>;
  readonly successes: readonly number[];
};

export type Hostile = {
  readonly operation: Operation;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** What is hostile about it, for the count. */
  readonly kind: string;
};

type Document = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
};
type Described = {
  readonly parameters?: Operation["parameters"];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
  >;
};

export function operationsOf(document: unknown): readonly Operation[] {
  return Object.entries((inlined(document, document) as Document).paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody, security, responses }]): Operation => {
      const statuses = Object.keys(responses).map(Number);
      const codesOf = (status: number) =>
        (responses[status]?.content?.["application/problem+json"]?.schema.allOf ?? []).flatMap(
          ({ properties }) => properties?.["code"]?.enum ?? [],
        ) as readonly string[];
      return {
        ...{ method: method.toUpperCase(), path, parameters },
        body: requestBody?.content["application/json"]?.schema,
        scope: security?.[0]?.["signature"]?.[0] ?? "",
        codes: new Map(statuses.filter((status) => status >= 400).map((status) => [status, codesOf(status)])),
        successes: statuses.filter((status) => status < 400),
      };
    }),
  );
}

/** With every reference replaced by what it refers to. */
function inlined(part: unknown, document: unknown): unknown {
  if (Array.isArray(part)) return part.map((one) => inlined(one, document));
  if (typeof part !== "object" || part === null) return part;
  const reference = (part as { readonly $ref?: unknown }).$ref;
  if (typeof reference !== "string") {
    return Object.fromEntries(Object.entries(part).map(([name, one]) => [name, inlined(one, document)]));
  }
  const names = reference.split("/").slice(1);
  return inlined(
    names.reduce((at, name) => (at as Record<string, unknown>)[name], document),
    document,
  );
}

/** Sound values by the name of a field, where the pattern alone does not make one; drawn anew each time. */
export type Sound = Readonly<Record<string, (random: Random) => unknown>>;

export type Random = { readonly below: (limit: number) => number; readonly of: <T>(some: readonly T[]) => T };

/** mulberry32: the same seed gives the same requests on every machine. */
export function randomOf(seed: number): Random {
  let state = seed;
  const below = (limit: number) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
  return { below, of: (some) => some[below(some.length)] as never };
}

const TEXTS = [
  ...["", "\0", "\u202e", "__proto__", "constructor", "../..", "%2e%2e%2f", "' or 1=1 --", "NaN", "1e9", "-1", "0x10"],
  ...["١٢٣", "１２３", "a".repeat(64), "a".repeat(65), "9".repeat(78), "9".repeat(400), "$(7*7)", "\ud800", "\r\nx: y"],
  ...["00", " 1", "1.0", "😀".repeat(40), "null", "true", "{}", "[]", "%", "%00", "%ff", "%zz", "/", "?", "#", ";"],
];
const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1.5, 1e308, Number.MAX_SAFE_INTEGER + 2, [], {}, [[]], [null], { a: { b: {} } }],
  ...[{ length: -1 }, { toString: 1 }, { toJSON: null }, Array.from({ length: 300 }, () => 0), "x".repeat(5_000)],
];

export function hostileRequest(
  operations: readonly Operation[],
  keys: readonly TestKey[],
  sound: Sound,
  random: Random,
): Hostile {
  const operation = random.of(operations);
  const told: string[] = [];
  // A quarter is sound, so that the others meet something that is there.
  const isHostile = random.below(4) > 0;
  const spoils = (share: number, what: string): boolean => {
    const isSpoilt = isHostile && random.below(share) === 0;
    if (isSpoilt) told.push(what);
    return isSpoilt;
  };
  const draw = (name: string, schema: Schema) => (sound[name] ?? (() => soundValue(schema, sound, random)))(random);
  const given = (where: string) => operation.parameters.filter((parameter) => parameter.in === where);
  let path = operation.path;
  for (const { name, schema } of given("path")) {
    const value = spoils(8, "path") ? random.of(TEXTS) : String(draw(name, schema));
    path = path.replace(`{${name}}`, random.below(4) === 0 && told.includes("path") ? value : encoded(value));
  }
  const query = given("query").flatMap(({ name, schema }) => {
    if (random.below(3) > 0) return [];
    return [[name, spoils(4, "query") ? random.of(TEXTS) : String(draw(name, schema))] as const];
  });
  if (spoils(30, "query")) query.push([random.of(["a", "limit", "__proto__", "account"]), random.of(TEXTS)]);
  const search = query.map(([name, value]) => `${name}=${encoded(value)}`).join("&");
  const body = bodyOf(operation, draw, spoils, random);
  const key = random.of(keys);
  const method = spoils(60, "method") ? random.of(["PUT", "PATCH", "DELETE", "POST", "GET"]) : operation.method;
  const signed = signRequest(
    {
      ...{ method, authority: "sluice.test", path: path.replace(/[?#].*/, "") },
      query: search === "" ? "" : `?${search}`,
      ...{ contentType: body.length > 0 ? "application/json" : "", body: new Uint8Array(body) },
    },
    key,
    {
      createdAtMs: Date.now() - (spoils(80, "stale") ? 86_400_000 : 0),
      nonce: spoils(60, "nonce") ? "replayed-nonce" : randomUUID(),
    },
  );
  const headers: Record<string, string> = {
    ...{ host: "sluice.test", "signature-input": signed.signatureInput, signature: signed.signature },
    ...(body.length > 0 ? { "content-type": "application/json", "content-digest": signed.contentDigest } : {}),
  };
  if (spoils(25, "header")) {
    const name = random.of([...Object.keys(headers), "accept", "range", "x-forwarded-for", "expect"]);
    if (random.below(3) === 0) delete headers[name];
    else
      headers[name] = random
        .of(TEXTS)
        .replaceAll(/[^\x20-\x7e]/g, "?")
        .trim();
  }
  if (spoils(40, "bytes") && body.length > 0) body[random.below(body.length)] = random.below(256);
  const url = `${path}${search === "" ? "" : `?${search}`}`;
  return { operation, method, url, headers, body, kind: told.toSorted().join("+") || "sound" };
}

type Draw = (name: string, schema: Schema) => unknown;
type Spoils = (share: number, what: string) => boolean;

function bodyOf(operation: Operation, draw: Draw, spoils: Spoils, random: Random): Buffer {
  const { body: schema, method } = operation;
  if (schema === undefined) {
    return Buffer.from(method !== "GET" && spoils(12, "body where none is") ? random.of(["{}", "[", "x", "null"]) : "");
  }
  if (spoils(30, "deep")) return Buffer.from("[".repeat(random.of([100, 8_000])));
  if (spoils(200, "huge")) return Buffer.from(JSON.stringify({ id: "x".repeat(3_000_000) }));
  if (spoils(25, "not an object")) return Buffer.from(JSON.stringify(random.of(VALUES)) ?? "");
  const given = draw("", schema);
  const value: Record<string, unknown> = typeof given === "object" ? { ...given } : {};
  const fields = Object.entries(value);
  if (fields.length > 0 && spoils(3, "field")) {
    const name = random.of(fields)[0];
    const bad = random.of([...TEXTS, ...VALUES]);
    if (random.below(5) === 0) delete value[name];
    else value[name] = bad;
    const nested = fields.find(([, field]) => typeof field === "object" && field !== null);
    if (nested !== undefined && random.below(2) === 0) value[nested[0]] = spoiltInside(nested[1], bad, random);
  }
  if (spoils(15, "field unknown")) value[random.of(TEXTS)] = random.of(VALUES);
  const text = JSON.stringify(value);
  return Buffer.from(spoils(25, "cut") ? text.slice(0, random.below(text.length)) : text);
}

function spoiltInside(value: unknown, bad: unknown, random: Random): unknown {
  if (Array.isArray(value)) return [...value, bad];
  const names = Object.keys(value as object);
  return { ...(value as object), [names.length === 0 ? "x" : random.of(names)]: bad };
}

/** Of what a schema allows: enough for fields whose pattern `sound` does not have to make. */
function soundValue(schema: Schema, sound: Sound, random: Random): unknown {
  if (schema.enum !== undefined) return random.of(schema.enum);
  if (schema.const !== undefined) return schema.const;
  const some = schema.anyOf ?? schema.oneOf;
  if (some !== undefined) return soundValue(random.of(some), sound, random);
  switch ([schema.type].flat()[0]) {
    case "object":
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([name, field]) => {
          const own = sound[name];
          return [name, own === undefined ? soundValue(field, sound, random) : own(random)];
        }),
      );
    case "array":
      return Array.from({ length: random.below(3) }, () => soundValue(schema.items ?? {}, sound, random));
    case "integer":
    case "number":
      return random.below(100);
    case "boolean":
      return random.below(2) === 0;
    default:
      return `t${random.below(1_000)}`;
  }
}

/** As encodeURIComponent, also for halves of surrogates, which it refuses. */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
