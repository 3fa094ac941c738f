// Names of withdrawals on both sides: no two users share one, and each way leads back.
import fc from "fast-check";
import { expect, it } from "vitest";
import { clientIdOf, isClientId, prefixOf, wdIdOf, withdrawalIdFrom, withdrawalIdOf } from "./withdrawal-ids.ts";

const user = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,15}$/);
const clientId = fc.stringMatching(/^[A-Za-z0-9]{1,32}$/);

it("two users' withdrawals never have one id, whatever they are called, and each way leads back", () => {
  const met = new Map<string, string>();
  fc.assert(
    fc.property(user, clientId, (name, own) => {
      const id = withdrawalIdOf(name, own);
      const earlier = met.get(id);
      if (earlier !== undefined) expect(earlier).toBe(`${name} ${own}`);
      met.set(id, `${name} ${own}`);
      expect(id.length).toBeLessThanOrEqual(64);
      expect(clientIdOf(name, id)).toBe(own);
      const wdId = wdIdOf(id);
      expect(wdId).toMatch(/^[1-9][0-9]*$/);
      expect(withdrawalIdFrom(wdId)).toBe(id);
    }),
    { numRuns: 2_000 },
  );
  expect(met.size).toBeGreaterThan(1_500);
});

it("no user's prefix is the beginning of another's", () => {
  fc.assert(fc.property(user, user, (a, b) => a === b || !prefixOf(a).startsWith(prefixOf(b))));
});

it("what another asked for has no clientId", () => {
  expect(clientIdOf("desk", "okx.desk-2.abc")).toBe("");
  expect(clientIdOf("desk", "w-1")).toBe("");
  expect(clientIdOf("desk", "okx.desk.a.b")).toBe("");
});

it.each([
  "",
  "0",
  "01",
  "-1",
  "1.5",
  "abc",
  "9".repeat(161),
  "1",
  "255",
  `${256n ** 65n}`,
  wdIdOf("a b"),
  wdIdOf(".a"),
])("the digits %s are of no withdrawal", (wdId) => expect(withdrawalIdFrom(wdId)).toBeNull());

it.each(["", "a b", "a.b", "ä", "a".repeat(33)])("%o is no clientId", (text) => expect(isClientId(text)).toBe(false));
