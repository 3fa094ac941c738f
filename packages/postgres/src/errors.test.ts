// Which failures are tried again.

import { describe, expect, it } from "vitest";
import { isRetriable, named, PostgresError, sqlState } from "./errors.ts";

function coded(code: string, extra: object = {}): Error {
  return Object.assign(new Error("x"), { code }, extra);
}

describe("isRetriable", () => {
  it.each(["08006", "08001", "53300", "57P01", "57P03", "40001", "40P01", "55P03", "25006", "57014"])(
    "tries again after SQLSTATE %s",
    (code) => expect(isRetriable(coded(code))).toBe(true),
  );
  it.each(["ECONNRESET", "ECONNREFUSED", "EPIPE", "ETIMEDOUT"])("tries again after %s", (code) =>
    expect(isRetriable(coded(code))).toBe(true),
  );
  it.each(["23505", "23514", "22P02", "42P01", "42601", "P0001", "25P02"])("does not after SQLSTATE %s", (code) =>
    expect(isRetriable(coded(code))).toBe(false),
  );
  it("takes an absent socket for a server that restarts, and any other absent file for a mistake", () => {
    expect(isRetriable(coded("ENOENT", { syscall: "connect" }))).toBe(true);
    expect(isRetriable(coded("ENOENT", { syscall: "open" }))).toBe(false);
  });
  it("looks down the chain of causes and stops on a circular one", () => {
    expect(isRetriable(new Error("outer", { cause: new Error("middle", { cause: coded("40001") }) }))).toBe(true);
    const circular = new Error("circular");
    circular.cause = circular;
    expect(isRetriable(circular)).toBe(false);
  });
  it.each([undefined, null, "40001", 40001, {}, { code: "40001" }, new Error("40001")])("takes %s for final", (value) =>
    expect(isRetriable(value)).toBe(false),
  );
});

describe("named", () => {
  it.each([
    "Connection terminated unexpectedly",
    "Connection terminated due to connection timeout",
    "Client has encountered a connection error and is not queryable",
    "timeout exceeded when trying to connect",
  ])("gives %s a code", (message) => {
    const error = named(new Error(message));
    expect(error).toBeInstanceOf(PostgresError);
    expect(isRetriable(error)).toBe(true);
  });
  it("leaves every other error as it is", () => {
    for (const error of [new Error("boom"), coded("23505"), "text"]) expect(named(error)).toBe(error);
  });
});

describe("sqlState", () => {
  it("is the server's code and nothing else", () => {
    expect(sqlState(coded("23505"))).toBe("23505");
    expect(sqlState(coded("ECONNRESET"))).toBeUndefined();
    expect(sqlState(new PostgresError("CONNECTION_LOST", "x"))).toBeUndefined();
  });
});
