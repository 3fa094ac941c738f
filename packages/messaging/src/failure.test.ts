// What becomes of a message for each kind of failure, in the order in which the questions are asked.

import { PostgresError } from "@sluice/postgres";
import { describe, expect, it } from "vitest";
import { InvariantBroken, isAway, judge, OperatingError } from "./failure.ts";

const coded = (code: string, message = "no"): Error => Object.assign(new Error(message), { code });

describe("judge", () => {
  it("stops for a broken invariant, whoever throws it and whatever caused it", () => {
    expect(judge(new InvariantBroken("two payments", { cause: coded("40001") }))).toEqual({ action: "stop" });
    const foreign = new Error("two payments");
    foreign.name = "InvariantBroken";
    expect(judge(foreign)).toEqual({ action: "stop" });
  });

  it("does what an operating error says", () => {
    expect(judge(new OperatingError("NODE_BEHIND", "retry", "wait"))).toEqual({ action: "retry" });
    const parked = { action: "park", code: "COIN_UNKNOWN", reason: "no such coin" };
    expect(judge(new OperatingError("COIN_UNKNOWN", "park", "no such coin"))).toEqual(parked);
  });

  it.each([coded("40001"), coded("08006"), coded("ECONNRESET"), new PostgresError("CONNECTION_LOST", "gone")])(
    "tries again what passes by itself: %s",
    (error) => expect(judge(error)).toEqual({ action: "retry" }),
  );

  it.each([
    [coded("23505", "duplicate key"), "STATEMENT_FAILED", "SQLSTATE 23505: duplicate key"],
    [coded("AMOUNT_TOO_LARGE", "over the supply"), "AMOUNT_TOO_LARGE", "over the supply"],
    [new PostgresError("TRANSACTION_ABORTED", "ignored"), "TRANSACTION_ABORTED", "ignored"],
    [coded("not a code"), "HANDLER_FAILED", "no"],
    [new TypeError("x is undefined"), "HANDLER_FAILED", "x is undefined"],
    ["a string", "HANDLER_FAILED", "a string"],
    [undefined, "HANDLER_FAILED", "undefined"],
  ])("parks %s", (error, code, reason) => {
    expect(judge(error)).toEqual({ action: "park", code, reason });
  });
});

describe("isAway", () => {
  const named = (name: string, rest: object = {}) => Object.assign(new Error("x"), { name }, rest);
  it.each([
    named("KafkaJSConnectionError"),
    named("KafkaJSNonRetriableError", { cause: named("KafkaJSConnectionError") }),
    named("KafkaJSProtocolError", { retriable: true }),
    named("KafkaJSGroupCoordinatorNotFound", { retriable: false }),
  ])("waits for a broker that does not answer, or not now: %s", (error) => expect(isAway(error)).toBe(true));
  it.each([
    named("KafkaJSProtocolError", { retriable: false }),
    named("KafkaJSSASLAuthenticationError"),
    "away",
    undefined,
  ])("takes %s for final", (error) => expect(isAway(error)).toBe(false));
});
