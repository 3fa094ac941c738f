// The body of a withdrawal: what is refused names the field and the rule.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseWithdrawalRequest } from "./withdrawal-request.ts";

const good = { id: "w-1", account: "alice", asset: "BTC", amount: "150000", address: "bcrt1qexample" };
const faults = (body: string | Uint8Array) => {
  const parsed = parseWithdrawalRequest(typeof body === "string" ? Buffer.from(body) : body);
  return parsed.ok ? [] : parsed.refusal.map((f) => `${f.field} ${f.code}`);
};
const changed = (change: Record<string, unknown>) => JSON.stringify({ ...good, ...change });

describe("a body", () => {
  it("is read as it was written", () => {
    const parsed = parseWithdrawalRequest(Buffer.from(JSON.stringify(good)));
    expect(parsed.ok && parsed.value).toEqual(good);
  });

  it("may say how urgent it is, and what the customer is charged at most", () => {
    const parsed = parseWithdrawalRequest(Buffer.from(changed({ priority: "economy", maxFee: "700" })));
    expect(parsed.ok && parsed.value).toEqual({ ...good, priority: "economy", maxFee: "700" });
  });

  it.each<[string, string | Uint8Array, readonly string[]]>([
    ["not JSON", "{", ["body JSON_MALFORMED"]],
    ["not UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), ["body JSON_MALFORMED"]],
    ["with a byte order mark", `\u{feff}${JSON.stringify(good)}`, ["body JSON_MALFORMED"]],
    ["a list", "[]", ["body FIELD_INVALID"]],
    [
      "empty",
      "{}",
      [
        "id FIELD_MISSING",
        "account FIELD_MISSING",
        "asset FIELD_MISSING",
        "amount FIELD_MISSING",
        "address FIELD_MISSING",
      ],
    ],
    ["an unknown field", changed({ fee: "1" }), ["fee FIELD_UNKNOWN"]],
    ["a number for an amount", changed({ amount: 150000 }), ["amount FIELD_INVALID"]],
    ["a fraction", changed({ amount: "1.5" }), ["amount FIELD_INVALID"]],
    ["an exponent", changed({ amount: "1e3" }), ["amount FIELD_INVALID"]],
    ["a sign", changed({ amount: "-1" }), ["amount FIELD_INVALID"]],
    ["a leading zero", changed({ amount: "01" }), ["amount FIELD_INVALID"]],
    ["an unknown priority", changed({ priority: "urgent" }), ["priority FIELD_INVALID"]],
    ["a negative fee", changed({ maxFee: "-1" }), ["maxFee FIELD_INVALID"]],
    ["an id with a space", changed({ id: "a b" }), ["id FIELD_INVALID"]],
    ["two faults", changed({ id: "", amount: "" }), ["id FIELD_INVALID", "amount FIELD_INVALID"]],
    [
      "a repeated key",
      '{"id":"w-1","account":"alice","asset":"BTC","amount":"1","amount":"2","address":"b"}',
      ["body FIELD_REPEATED"],
    ],
    [
      "a key repeated by an escape",
      '{"id":"w-1","account":"alice","asset":"BTC","amount":"1","\\u0061mount":"2","address":"b"}',
      ["body FIELD_REPEATED"],
    ],
  ])("%s", (_name, body, expected) => expect(faults(body)).toEqual(expected));

  it("with text that looks like keys is not taken for a repetition", () => {
    expect(faults(changed({ address: '"id":"x", {\\"a\\":1}' }))).toEqual([]);
  });

  it("never throws, and what it accepts has exactly the five fields as text", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.record({ id: fc.jsonValue(), amount: fc.jsonValue() }).map((v) => changed(v)),
        ),
        (body) => {
          const parsed = parseWithdrawalRequest(Buffer.from(body));
          if (parsed.ok) expect(Object.values(parsed.value).every((v) => typeof v === "string")).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
