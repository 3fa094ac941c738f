// When two keys count as one person's: the same key always, two keys when the file names one person for both.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { apiKeysSchema, isSameHand, readApiKeys } from "./api-keys.ts";

const row = (keyId: string, person?: string) => {
  return { keyId, scopes: ["approve"], ipAllowList: ["0.0.0.0/0"], ...(person === undefined ? {} : { person }) };
};
const keysOf = (...rows: readonly object[]) => readApiKeys(apiKeysSchema.parse(rows));

describe("one hand", () => {
  const keys = keysOf(row("a1", "ann"), row("a2", "ann"), row("b1", "bob"), row("x1"), row("x2"));
  it.each([
    ["a1", "a1", true, "a key is its own"],
    ["a1", "a2", true, "two keys of one person"],
    ["a1", "b1", false, "two persons"],
    ["x1", "x2", false, "nobody said whose they are"],
    ["x1", "x1", true, "a key is its own, whoever has it"],
    ["gone", "gone", true, "a key that is listed no more"],
    ["gone", "x1", false, "one that is listed no more, and another"],
  ])("%s and %s: %s, %s", (one, other, same) => {
    expect([isSameHand(keys, one, other), isSameHand(keys, other, one)]).toEqual([same, same]);
  });

  it("is the same question both ways round, and never no for one key", () => {
    const person = fc.option(fc.constantFrom("ann", "bob", "cy"), { nil: undefined });
    fc.assert(
      fc.property(fc.array(person, { minLength: 2, maxLength: 6 }), fc.nat(5), fc.nat(5), (people, i, j) => {
        const many = keysOf(...people.map((name, at) => row(`k${at}`, name)));
        const [one, other] = [`k${i % people.length}`, `k${j % people.length}`];
        expect(isSameHand(many, one, other)).toBe(isSameHand(many, other, one));
        expect(isSameHand(many, one, one)).toBe(true);
      }),
    );
  });

  it("a person has a name", () => expect(apiKeysSchema.safeParse([row("k", "")]).success).toBe(false));
});
