// The server over real connections: what it accepts, and with which code it refuses what.
import { describe, expect, test } from "vitest";
import type { FieldError } from "../src/index.ts";
import { refusal } from "./refusal.ts";
import { type Body, post, sendRaw, serving } from "./serving.ts";

const sound = { name: "abc", amount: "12" };

describe("a sound request", () => {
  test("reaches its handler with the exact bytes of the body", async () => {
    const at = await serving();
    const body = ' {"amount" : "12",\r\n\t"name":"\\u0061ö€"}\n';
    const answer = await post(at, body);
    expect(answer.status).toBe(202);
    expect(await answer.json()).toEqual({ bytes: Buffer.from(body, "utf8").toString("hex"), name: "aö€" });
  });

  test("with parameters of the content type is one too", async () => {
    expect((await post(await serving(), JSON.stringify(sound), "application/json; charset=utf-8")).status).toBe(202);
  });

  test("without a body has an empty raw body", async () => {
    const answer = await fetch(`${(await serving()).address}/v1/things/1?limit=7`);
    expect(await answer.json()).toEqual({ id: "1", limit: 7, bytes: 0, from: "127.0.0.1" });
  });

  test("is answered with the headers of a careful server", async () => {
    const { headers } = await fetch(`${(await serving()).address}/v1/things/1`);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toContain("default-src 'self'");
    expect(headers.get("content-security-policy")).not.toContain("upgrade-insecure-requests");
    expect(headers.get("x-powered-by")).toBeNull();
  });

  test("is told of and logged by its pattern, without its body", async () => {
    const told: string[] = [];
    const at = await serving({ onAnswered: ({ method, route, status }) => told.push(`${method} ${route} ${status}`) });
    await (await fetch(`${at.address}/v1/things/1`)).text();
    await (await fetch(`${at.address}/nowhere?token=MATERIAL`)).text();
    expect(told).toEqual(["GET /v1/things/:id 200", "GET unknown 404"]);
    const answered = at.lines.filter(({ message }) => message === "answered");
    expect(answered.map(({ level, fields }) => [level, "status" in fields && fields.status])).toEqual([
      ["info", 200],
      ["info", 404],
    ]);
    expect(JSON.stringify(at.lines)).not.toContain("MATERIAL");
  });
});

describe("a body is refused", () => {
  const malformed: readonly (readonly [string, Body])[] = [
    ["that is empty", ""],
    ["that is torn", '{"name":"abc"'],
    ["with something after it", `${JSON.stringify(sound)}x`],
    ["with a byte order mark", `\uFEFF${JSON.stringify(sound)}`],
    ["that is no UTF-8", new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ["that is UTF-16", new Uint8Array(Buffer.from(JSON.stringify(sound), "utf16le"))],
    ["that would change prototypes", '{"__proto__":{"admin":true}}'],
    ["that would change constructors", '{"constructor":{"prototype":{"admin":true}}}'],
  ];

  test.each(malformed)("%s: JSON_MALFORMED", async (_, body) => {
    expect(await refusal(await post(await serving(), body))).toMatchObject({ status: 400, code: "JSON_MALFORMED" });
  });

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/jsonp",
    "text/json",
    "nonsense",
    "application/json,x",
  ])("of type %s: CONTENT_TYPE_UNSUPPORTED", async (type) => {
    const answer = await post(await serving(), JSON.stringify(sound), type);
    expect(await refusal(answer)).toMatchObject({ status: 415, code: "CONTENT_TYPE_UNSUPPORTED" });
  });

  test("that is too large, announced or not: BODY_TOO_LARGE", async () => {
    const at = await serving({ bodyLimitBytes: 1_000 });
    const fits = JSON.stringify({ ...sound, pad: "x" }).padEnd(1_000);
    expect(await refusal(await post(at, fits))).toMatchObject({ code: "REQUEST_INVALID" });
    expect(await refusal(await post(at, `${fits} `))).toMatchObject({ status: 413, code: "BODY_TOO_LARGE" });
    const chunk = `200\r\n${" ".repeat(0x200)}\r\n`;
    const head =
      "POST /v1/things HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    expect(await sendRaw(at, `${head}${chunk}${chunk}${chunk}0\r\n\r\n`)).toContain('"code":"BODY_TOO_LARGE"');
  });

  test.each<[string, unknown, readonly FieldError[]]>([
    ["no object", [], [{ field: "", rule: "Invalid input: expected object, received array", code: "FIELD_TYPE" }]],
    ["a missing field", { name: "abc" }, [{ field: "amount", rule: "is missing", code: "FIELD_MISSING" }]],
    [
      "a field of another type",
      { ...sound, amount: 12 },
      [{ field: "amount", rule: "Invalid input: expected string, received number", code: "FIELD_TYPE" }],
    ],
    [
      "a field of another form",
      { ...sound, amount: "1.5" },
      [{ field: "amount", rule: "is decimal digits", code: "FIELD_FORMAT" }],
    ],
    [
      "a short field",
      { ...sound, name: "a" },
      [{ field: "name", rule: "Too small: expected string to have >=2 characters", code: "FIELD_TOO_SMALL" }],
    ],
    [
      "a large number",
      { ...sound, count: 10 },
      [{ field: "count", rule: "Too big: expected number to be <=9", code: "FIELD_TOO_BIG" }],
    ],
    [
      "an unknown field",
      { ...sound, extra: 1 },
      [{ field: "extra", rule: "is not known here", code: "FIELD_UNKNOWN" }],
    ],
    [
      "a rule with its own code",
      { ...sound, checked: "bad" },
      [{ field: "checked", rule: "has a wrong checksum", code: "ADDRESS_CHECKSUM" }],
    ],
    [
      "several faults, some of them inside",
      { name: "abc", place: { address: 1, kind: "three", x: 1 } },
      [
        { field: "amount", rule: "is missing", code: "FIELD_MISSING" },
        { field: "place.address", rule: "Invalid input: expected string, received number", code: "FIELD_TYPE" },
        { field: "place.kind", rule: 'Invalid option: expected one of "one"|"two"', code: "FIELD_NOT_ALLOWED" },
        { field: "place.x", rule: "is not known here", code: "FIELD_UNKNOWN" },
      ],
    ],
  ])("with %s: REQUEST_INVALID names it", async (_, body, errors) => {
    const details = await refusal(await post(await serving(), JSON.stringify(body)));
    expect(details).toMatchObject({ status: 400, code: "REQUEST_INVALID", errors });
    expect(details.detail).toContain(errors[0]?.rule);
  });

  test("with any number of faults names only some", async () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`field-${index}`, 1]));
    expect((await refusal(await post(await serving(), JSON.stringify(many)))).errors).toHaveLength(50);
  });
});

describe("a path is refused", () => {
  test.each([
    ["GET", "/nowhere", 404, "ROUTE_UNKNOWN"],
    ["POST", "/nowhere", 404, "ROUTE_UNKNOWN"],
    ["GET", "/v1/things/1/more", 404, "ROUTE_UNKNOWN"],
    ["GET", "/V1/things/1", 404, "ROUTE_UNKNOWN"],
    ["GET", "/v1/things/%zz", 400, "REQUEST_MALFORMED"],
    ["GET", "/v1/things/12345", 400, "REQUEST_INVALID"],
    ["GET", "/v1/things/1?limit=0", 400, "REQUEST_INVALID"],
    ["GET", "/v1/things/1?limit=1&limit=2", 400, "REQUEST_INVALID"],
    ["GET", "/v1/things/1?other=1", 400, "REQUEST_INVALID"],
    ["GET", `/v1/things/${"x".repeat(300)}`, 414, "PATH_TOO_LONG"],
  ])("%s %s: %i %s", async (method, path, status, code) => {
    const answer = await fetch((await serving()).address + path, { method });
    expect(await refusal(answer)).toMatchObject({ status, code });
  });

  test("names the place of a fault outside the body", async () => {
    const { address } = await serving();
    expect((await refusal(await fetch(`${address}/v1/things/12345`))).errors?.[0]?.field).toBe("path.id");
    expect((await refusal(await fetch(`${address}/v1/things/1?limit=x`))).errors?.[0]?.field).toBe("query.limit");
  });

  test.each([
    ["PUT", "/v1/things/1", "DELETE, GET, HEAD"],
    ["GET", "/v1/things", "POST"],
    ["POST", "/healthz?x=1", "GET, HEAD"],
  ])("%s %s: METHOD_NOT_ALLOWED says what is", async (method, path, allow) => {
    const answer = await fetch((await serving()).address + path, { method });
    expect(answer.headers.get("allow")).toBe(allow);
    expect(await refusal(answer)).toMatchObject({ status: 405, code: "METHOD_NOT_ALLOWED" });
  });
});

describe("a handler", () => {
  test("refuses with a problem of its own", async () => {
    const answer = await fetch(`${(await serving()).address}/v1/things/1`, { method: "DELETE" });
    expect(await refusal(answer)).toMatchObject({
      status: 409,
      code: "NOT_CANCELLABLE",
      detail: "it is signing",
      state: "signing",
    });
  });

  test.each(["failing", "rejecting", "throwing-no-error", "lying"])(
    "that is %s answers 500 and shows nothing, but logs it",
    async (path) => {
      const at = await serving();
      const answer = await fetch(`${at.address}/v1/${path}`);
      const details = await refusal(answer);
      expect(details).toMatchObject({ status: 500, code: "INTERNAL" });
      expect(JSON.stringify(details)).not.toContain("MATERIAL");
      expect(at.lines.filter(({ level, message }) => level === "error" && message === "a request failed")).toHaveLength(
        1,
      );
    },
  );
});

describe("what is not HTTP", () => {
  test.each([
    ["garbage", "\x16\x03\x01\x02\r\n\r\n", "HTTP_MALFORMED"],
    ["an unknown method", "BREW / HTTP/1.1\r\nhost: a\r\n\r\n", "HTTP_MALFORMED"],
    [
      "two lengths",
      "POST /v1/things HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
      "HTTP_MALFORMED",
    ],
    [
      "length and chunks",
      "POST /v1/things HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP_MALFORMED",
    ],
    ["a header without end", `GET / HTTP/1.1\r\nx: ${"x".repeat(70_000)}\r\n\r\n`, "HEADERS_TOO_LARGE"],
  ])("(%s) is refused on the bare connection, which ends", async (_, bytes, code) => {
    const at = await serving();
    const answer = await sendRaw(at, bytes);
    expect(answer).toContain("content-type: application/problem+json");
    expect(answer).toContain(`"code":"${code}"`);
    expect((await fetch(`${at.address}/healthz`)).status).toBe(200);
  });
});
