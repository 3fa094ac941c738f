// The wallet's window counts the dearest version of each payout, and never less than what could be paid.
import { checkVelocity, type VelocityEntry } from "@sluice/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Outflow, outflowBeside } from "./outflow.ts";

const NOW = 1_000;
const sum = (entries: readonly VelocityEntry[]) => entries.reduce((all, { amountMinor }) => all + amountMinor, 0n);
const counted = (past: readonly Outflow[], candidate: Outflow) => {
  const beside = outflowBeside(past, candidate);
  return sum([...beside.past, beside.candidate]);
};

describe("a window of the wallet", () => {
  const first: Outflow = { atMs: 1, amountMinor: 100n, anchor: "a:0" };
  const other: Outflow = { atMs: 2, amountMinor: 50n, anchor: "b:0" };
  it.each<[string, readonly Outflow[], Outflow, bigint]>([
    [
      "a replacement that pays more counts as the dearer of the two",
      [first, other],
      { atMs: 9, amountMinor: 130n, anchor: "a:0" },
      180n,
    ],
    ["one that pays less frees nothing", [first, other], { atMs: 9, amountMinor: 70n, anchor: "a:0" }, 150n],
    ["another payout counts beside it", [first], { atMs: 9, amountMinor: 7n, anchor: "c:0" }, 107n],
    [
      "what has no anchor is a group of its own",
      [
        { atMs: 1, amountMinor: 5n },
        { atMs: 1, amountMinor: 6n, anchor: null },
      ],
      { atMs: 9, amountMinor: 7n },
      18n,
    ],
    [
      "of versions in the past the dearest",
      [first, { ...first, amountMinor: 90n }, { ...first, amountMinor: 110n }],
      other,
      160n,
    ],
  ])("%s", (_, past, candidate, expected) => expect(counted(past, candidate)).toBe(expected));

  it("lets a replacement through where counting both would not, and no further payout", () => {
    const windows = [{ windowMs: 1_000, maxMinor: 200n, maxCount: 2 }];
    const asks = (candidate: Outflow) => {
      const beside = outflowBeside([first, other], candidate);
      return checkVelocity(windows, beside.past, beside.candidate).kind;
    };
    expect(asks({ atMs: NOW - 1, amountMinor: 150n, anchor: "a:0" })).toBe("within");
    expect(asks({ atMs: NOW - 1, amountMinor: 151n, anchor: "a:0" })).toBe("exceeded");
    expect(asks({ atMs: NOW - 1, amountMinor: 1n, anchor: "c:0" })).toBe("exceeded");
  });

  it("never holds less than any transactions that could confirm together, in whatever window", () => {
    const OUTPOINTS = ["a:0", "b:0", "c:0", "d:0"];
    const transaction = fc.record({
      inputs: fc.subarray(OUTPOINTS, { minLength: 1 }),
      atMs: fc.integer({ min: 1, max: NOW }),
      amountMinor: fc.bigInt(0n, 1_000n),
      anchored: fc.boolean(),
      at: fc.nat(3),
    });
    let replaced = 0;
    let exact = 0;
    fc.assert(
      fc.property(
        fc.array(transaction, { minLength: 1, maxLength: 7 }),
        fc.integer({ min: 1, max: NOW }),
        (all, windowMs) => {
          const outflows = all.map(({ inputs, atMs, amountMinor, anchored, at }) => {
            return { inputs, atMs, amountMinor, anchor: anchored ? (inputs[at % inputs.length] ?? null) : null };
          });
          const last = outflows.at(-1);
          if (last === undefined) return;
          const candidate = { ...last, atMs: NOW };
          const past = outflows.slice(0, -1);
          const beside = outflowBeside(past, candidate);
          const inWindow = ({ atMs }: VelocityEntry) => atMs > NOW - windowMs;
          const held = sum([...beside.past.filter(inWindow), beside.candidate]);
          const naive = sum([...past.filter(inWindow), candidate]);
          // Every set of transactions of which no two spend one outpoint: the most that the chain can take.
          const live = [...past.filter(inWindow), candidate];
          let most = 0n;
          for (let set = 0; set < 1 << live.length; set += 1) {
            const chosen = live.filter((_, at) => (set & (1 << at)) !== 0);
            const spent = chosen.flatMap(({ inputs }) => inputs);
            if (new Set(spent).size === spent.length && sum(chosen) > most) most = sum(chosen);
          }
          if (held < naive) replaced += 1;
          if (held === most) exact += 1;
          expect(held >= most).toBe(true);
        },
      ),
      { numRuns: 4_000 },
    );
    process.stdout.write(
      `outflow: ${replaced} of 4000 histories count less than every version, ${exact} exactly the most\n`,
    );
    expect(replaced).toBeGreaterThan(300);
    expect(exact).toBeGreaterThan(300);
  });
});
