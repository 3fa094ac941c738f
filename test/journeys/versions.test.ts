// The check of replacements finds what an honest one never has; the honest one passes.
import { expect, it } from "vitest";
import { type Shown, versionFaults } from "./versions.ts";

const txid = (digit: string) => digit.repeat(64);
const out = (n: number, value: number, hex: string) => ({ n, value, scriptPubKey: { hex } });
const original: Pick<Shown, "vin" | "vout"> = {
  vin: [
    { txid: txid("a"), vout: 0 },
    { txid: txid("b"), vout: 1 },
  ],
  vout: [out(0, 0.004, "51"), out(1, 0.003, "52"), out(2, 0.01, "cc")],
};
const promised = new Set(["51", "52"]);
const [first, second] = original.vin as readonly [Shown["vin"][number], Shown["vin"][number]];
const [one, two, change] = original.vout as readonly [
  Shown["vout"][number],
  Shown["vout"][number],
  Shown["vout"][number],
];
const added = { txid: txid("d"), vout: 3 };

it.each<[string, Partial<typeof original>, readonly string[]]>([
  ["a higher fee out of the change", { vout: [one, two, { ...change, value: 0.009 }] }, []],
  ["no change at all, and a further coin", { vin: [first, second, added], vout: [one, two] }, []],
  ["another anchor", { vin: [second, first] }, ["OTHER_ANCHOR"]],
  ["a coin left out", { vin: [first] }, ["INPUT_LEFT_OUT"]],
  ["other coins altogether", { vin: [added] }, ["OTHER_ANCHOR", "INPUT_LEFT_OUT"]],
  ["a satoshi less for one", { vout: [{ ...one, value: 0.00399999 }, two, change] }, ["OTHER_PAYMENTS"]],
  ["nothing for one", { vout: [two, change] }, ["OTHER_PAYMENTS"]],
  ["one paid twice", { vout: [one, one, two, change] }, ["OTHER_PAYMENTS"]],
  ["a stranger beside the change", { vout: [one, two, out(2, 0.001, "ee"), change] }, ["OTHER_OUTPUTS"]],
])("%s", (_, changes, faults) => {
  expect(versionFaults(original, { ...original, ...changes }, promised)).toEqual(faults);
});
