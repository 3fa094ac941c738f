// Ids: what is refused, and that what passes is safe wherever an id is written without escaping.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseAccountId, parseTaskId, parseWalletId, parseWithdrawalId } from "./ids.ts";

const KINDS = [
  { name: "withdrawal", parse: parseWithdrawalId, code: "WITHDRAWAL_ID_MALFORMED", longest: 64 },
  { name: "account", parse: parseAccountId, code: "ACCOUNT_ID_MALFORMED", longest: 64 },
  { name: "wallet", parse: parseWalletId, code: "WALLET_ID_MALFORMED", longest: 64 },
  { name: "task", parse: parseTaskId, code: "TASK_ID_MALFORMED", longest: 128 },
] as const;

describe.each(KINDS)("$name id", ({ parse, code, longest }) => {
  test.each(["a", "7", "w-1", "A.b_c:d-9", "x".repeat(longest)])("passes %s", (text) => {
    expect(parse(text)).toEqual({ ok: true, value: text });
  });

  test.each(["", "-a", ".a", "a b", "a/b", "a\n", "ä", "a%20", "x".repeat(longest + 1), null, 1, {}])(
    "refuses %j",
    (text) => {
      expect(parse(text)).toMatchObject({ ok: false, refusal: { code } });
    },
  );

  test("what passes needs no escaping in a URL", () => {
    const texts = fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9][A-Za-z0-9._:-]{0,70}$/));
    fc.assert(
      fc.property(texts, (text) => {
        if (parse(text).ok) expect(encodeURIComponent(text).replaceAll("%3A", ":")).toBe(text);
      }),
    );
  });
});
