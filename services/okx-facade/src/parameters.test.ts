// One row for each way in which a parameter is refused, with OKX's code; and what is taken as it stands.
import { describe, expect, it } from "vitest";
import { readHistory, readStatus, readWithdrawal } from "./parameters.ts";
import { OkxRefusal } from "./refusals.ts";

const USER = { name: "desk", account: "acme", maxWithdrawalSat: 100_000_000n };
const ADDRESS = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
const GOOD = { ccy: "BTC", amt: "0.5", dest: "4", toAddr: ADDRESS, clientId: "Abc123" };

function codeOf(read: () => unknown): string {
  try {
    read();
    return "0";
  } catch (error) {
    if (error instanceof OkxRefusal) return error.code;
    throw error;
  }
}

describe("a withdrawal", () => {
  const wanted = { id: "okx.desk.Abc123", clientId: "Abc123", amountSat: 50_000_000n, address: ADDRESS };

  it.each<[string, object, object]>([
    ["as it stands", {}, wanted],
    ["with its chain and kind of address", { chain: "BTC-Bitcoin", toAddrType: "1" }, wanted],
    ["with what is not used", { tag: "159881cb7207BCDE", areaCode: "86", rcvrInfo: { walletType: "private" } }, wanted],
    ["with empty ones, which are absent", { chain: "", areaCode: "", fee: "" }, wanted],
    ["with the fee that the customer agreed to", { fee: "0.00001" }, { ...wanted, maxFee: 1_000n }],
    ["with the fee of nothing", { fee: "0" }, { ...wanted, maxFee: 0n }],
    ["of all that the user may", { amt: "1" }, { ...wanted, amountSat: 100_000_000n }],
  ])("is taken %s", (_, change, expected) => expect(readWithdrawal({ ...GOOD, ...change }, USER)).toEqual(expected));

  it.each<[string, unknown]>([
    ...["ccy", "amt", "dest", "toAddr", "clientId"].flatMap((name): [string, unknown][] => [
      ["50014", without(GOOD, name)],
      ["50014", { ...GOOD, [name]: "" }],
      ["51000", { ...GOOD, [name]: 1 }],
      ["51000", { ...GOOD, [name]: ["BTC"] }],
    ]),
    ["50002", null],
    ["50002", []],
    ["50002", "text"],
    ["51000", { ...GOOD, priority: "fast" }],
    ["51000", { ...GOOD, account: "other" }],
    ["58006", { ...GOOD, ccy: "ETH" }],
    ["58006", { ...GOOD, ccy: "btc" }],
    ["58010", { ...GOOD, chain: "BTC-Lightning" }],
    ["58200", { ...GOOD, dest: "3" }],
    ["51000", { ...GOOD, dest: "5" }],
    ["51000", { ...GOOD, toAddrType: "2" }],
    ["51000", { ...GOOD, amt: "0.000000001" }],
    ["51000", { ...GOOD, amt: "1e-3" }],
    ["51000", { ...GOOD, amt: "-1" }],
    ["58222", { ...GOOD, toAddr: `${ADDRESS}:123456` }],
    ["58222", { ...GOOD, toAddr: "x" }],
    ["51000", { ...GOOD, toAddr: "a".repeat(257) }],
    ["51000", { ...GOOD, clientId: "a-b" }],
    ["51000", { ...GOOD, clientId: "a".repeat(33) }],
    ["51000", { ...GOOD, fee: "free" }],
    ["51000", { ...GOOD, rcvrInfo: "private" }],
    ["51000", { ...GOOD, rcvrInfo: { walletType: "private", more: "1" } }],
    ["51000", { ...GOOD, rcvrInfo: null }],
  ])("is refused with %s: %o", (code, body) => expect(codeOf(() => readWithdrawal(body, USER))).toBe(code));
});

describe("a page of history", () => {
  it("is asked for as OKX does: after is earlier, before is newer, and neither is included", () => {
    expect(readHistory({ after: "2000", before: "1000", limit: "7" }, USER)).toEqual({
      ...{ isEmpty: false, receivedFromMs: 1_001, receivedBeforeMs: 2_000, limit: 7 },
    });
    expect(readHistory({}, USER)).toEqual({ isEmpty: false, limit: 100 });
    expect(readHistory({ clientId: "Abc" }, USER)).toMatchObject({ id: "okx.desk.Abc" });
    expect(readHistory({ clientId: "Abc", wdId: "7" }, USER)).toMatchObject({ id: null });
    for (const query of [{ type: "3" }, { ccy: "ETH" }, { state: "16" }]) {
      expect(readHistory(query, USER).isEmpty).toBe(true);
    }
  });

  it.each([{ limit: "0" }, { limit: "101" }, { limit: "1.5" }, { after: "now" }, { before: "-1" }, { state: "99" }])(
    "is refused: %o",
    (query) => expect(codeOf(() => readHistory(query, USER))).toBe("51000"),
  );

  it.each([{ type: "5" }, { txId: "ab" }, { more: "1" }, { ccy: ["BTC", "ETH"] }, { clientId: "a.b" }])(
    "is refused: %o",
    (query) => expect(codeOf(() => readHistory(query, USER))).toBe("51000"),
  );
});

it("a status is asked for by one of two names, and of a deposit nothing is known", () => {
  expect(codeOf(() => readStatus({}))).toBe("50015");
  expect(codeOf(() => readStatus({ wdId: "1", txId: "a" }))).toBe("50024");
  expect(codeOf(() => readStatus({ txId: "a", ccy: "BTC", to: ADDRESS, chain: "BTC-Bitcoin" }))).toBe("58014");
  expect(readStatus({ wdId: "7" })).toBeNull();
});

function without(given: object, name: string): object {
  return Object.fromEntries(Object.entries(given).filter(([each]) => each !== name));
}
