// The checker finds nothing in a good history, and each of the histories broken by hand is found out, with its code.
import { expect, it } from "vitest";
import { brokenHistories } from "./broken-histories.ts";
import { check } from "./check.ts";
import { goodHistory, transferHistory } from "./good-history.ts";
import { historySchema } from "./history.ts";
import { VIOLATIONS } from "./violation.ts";

const broken = brokenHistories();

it("finds nothing wrong with the good history, also after a way through JSON", () => {
  expect(check(goodHistory())).toEqual([]);
  expect(check(historySchema.parse(JSON.parse(JSON.stringify(goodHistory()))))).toEqual([]);
});

it("finds an internal transfer authorised when all its outputs are the wallet's own, and only then", () => {
  const codes = (scripts: readonly string[]) => check(transferHistory(scripts)).map(({ code }) => code);
  expect(codes(["aa01", "aa02", "aa03"])).toEqual([]);
  expect(codes(["aa01", "cc"])).toEqual(["UNAUTHORISED_OUTPUT"]);
  const payee = goodHistory().requests[0]?.script ?? "";
  expect(codes(["aa01", payee])).toContain("PAID_TWICE");
});

it.each(broken.map(({ name, codes, history }) => [name, codes, history] as const))(
  "finds out: %s",
  (_, codes, history) => {
    const found = new Set(check(history).map(({ code }) => code));
    expect([...found]).toEqual(expect.arrayContaining([...codes]));
  },
);

it("was tried on at least thirty, under names of their own, and with every code that it knows", () => {
  expect(broken.length).toBeGreaterThanOrEqual(30);
  expect(new Set(broken.map(({ name }) => name)).size).toBe(broken.length);
  const tried = new Set(broken.flatMap(({ codes }) => codes));
  expect(VIOLATIONS.filter((code) => !tried.has(code))).toEqual([]);
  process.stdout.write(`checker: ${broken.length} histories broken by hand, each found out; the good one passes\n`);
});
