// Redaction: whatever the shape of what is logged, a secret's field shows nothing of it.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { redacted, withoutPasswordsInUrls } from "./redaction.ts";

const NAMES = [
  "password",
  "dbPassword",
  "PASSWD",
  "passphrase",
  "privateKey",
  "private_key",
  "seed",
  "seedHex",
  "mnemonic",
].concat(["xprv", "authorization", "set-cookie", "apiToken", "credentials", "clientSecret", "share", "shares"]);

describe("redacted", () => {
  test.each(NAMES)("hides %s", (name) => {
    expect(redacted({ [name]: "MATERIAL" })).toEqual({ [name]: "[redacted]" });
  });

  test.each(["keyId", "publicKey", "signature", "withdrawalId", "shareholder", "seal", "reason"])(
    "shows %s",
    (name) => {
      expect(redacted({ [name]: "seen" })).toEqual({ [name]: "seen" });
    },
  );

  test("hides a secret at any depth, in lists, maps and errors", () => {
    const error = Object.assign(new Error("no"), { config: { password: "MATERIAL" } });
    const fields = { a: [{ b: { secret: "MATERIAL" } }], m: new Map([["k", { token: "MATERIAL" }]]), err: error };
    const text = JSON.stringify(redacted(fields));
    expect(text).not.toContain("MATERIAL");
    expect(text).toContain('"message":"no"');
  });

  test("shows only the length of raw bytes", () => {
    expect(redacted({ a: new Uint8Array(32), b: Buffer.from("MATERIAL") })).toEqual({
      a: "<32 bytes>",
      b: "<8 bytes>",
    });
  });

  test("writes bigint and dates, and cuts what is too deep, too long or turns in a circle", () => {
    const circle: Record<string, unknown> = {};
    circle["again"] = circle;
    expect(redacted({ n: 7n, d: new Date(0), bad: new Date(Number.NaN), u: new URL("http://a/") })).toEqual({
      n: "7",
      d: "1970-01-01T00:00:00.000Z",
      bad: "<no date>",
      u: "http://a/",
    });
    expect(JSON.stringify(redacted({ circle }))).toContain("<deep>");
    expect((redacted({ list: new Array(500).fill(1) })["list"] as readonly unknown[]).length).toBe(100);
  });

  test("never throws and can always be written as JSON", () => {
    const anything = fc.object({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withNullPrototype: true,
    });
    fc.assert(
      fc.property(anything, (fields) => {
        expect(typeof JSON.stringify(redacted(fields))).toBe("string");
      }),
    );
  });

  test("hides a secret wherever it stands in a random tree", () => {
    const tree = fc.object({
      key: fc.constantFrom("a", "b", ...NAMES),
      values: [fc.constant("MATERIAL")],
      maxDepth: 5,
    });
    const hidden = fc.dictionary(fc.constantFrom(...NAMES), tree);
    fc.assert(
      fc.property(fc.array(hidden), (list) => {
        expect(JSON.stringify(redacted({ list }))).not.toContain("MATERIAL");
      }),
    );
  });
});

test.each([
  ["postgres://app:MATERIAL@db:5432/x", "postgres://app:[redacted]@db:5432/x"],
  ["at http://:MATERIAL@h/ and http://u:MATERIAL@h", "at http://:[redacted]@h/ and http://u:[redacted]@h"],
  ["http://h:8080/a@b", "http://h:8080/a@b"],
  ["no address: a@b", "no address: a@b"],
])("%s is written as %s", (line, then) => {
  expect(withoutPasswordsInUrls(line)).toBe(then);
});
