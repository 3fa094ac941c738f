// A database URL is read whole or refused, and a refusal never shows it.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PostgresError } from "./errors.ts";
import { parseDatabaseUrl } from "./url.ts";

describe("parseDatabaseUrl", () => {
  it.each([
    [
      "postgres://ann:s%40cret@db.example:6432/sluice",
      { host: "db.example", port: 6432, user: "ann", password: "s@cret", database: "sluice", tls: false },
    ],
    [
      "postgresql://ann@[::1]/sluice?sslmode=verify-full",
      {
        host: "::1",
        port: 5432,
        user: "ann",
        password: undefined,
        database: "sluice",
        tls: { rejectUnauthorized: true },
      },
    ],
    [
      "postgres:///sluice?host=/run/postgres&user=ann&port=5433",
      { host: "/run/postgres", port: 5433, user: "ann", password: undefined, database: "sluice", tls: false },
    ],
  ])("reads %s", (url, address) => {
    expect(parseDatabaseUrl(url)).toEqual(address);
  });

  it.each([
    ["not a url", /not a URL/],
    ["mysql://ann@db/sluice", /scheme/],
    ["postgres://ann@db/", /name one database/],
    ["postgres://ann@db/a/b", /name one database/],
    ["postgres:///sluice?user=ann", /host is missing/],
    ["postgres://db/sluice", /user is missing/],
    ["postgres://ann@db/sluice?port=0", /port/],
    ["postgres://ann@db/sluice?port=70000", /port/],
    ["postgres://ann@db/sluice?sslmode=require", /sslmode/],
    ["postgres://ann@db/sluice?sslrootcert=/x", /sslmode/],
    ["postgres://ann@db/sluice?target_session_attrs=any", /target_session_attrs/],
  ])("refuses %s", (url, reason) => {
    expect(() => parseDatabaseUrl(url)).toThrow(reason);
  });

  it("never repeats the password in a refusal", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]{12,20}$/), fc.stringMatching(/^[a-z]{3}$/), (password, parameter) => {
        try {
          parseDatabaseUrl(`postgres://ann:${password}@db/sluice?x${parameter}=1`);
          return false;
        } catch (error) {
          return error instanceof PostgresError && !error.message.includes(password);
        }
      }),
    );
  });
});
