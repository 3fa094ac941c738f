// Where a child goes: below the stuck transaction, where the package above it is smallest, and nowhere that nodes refuse.
import { fund, makeWallet } from "@sluice/signing-fixtures";
import { describe, expect, it } from "vitest";
import { ancestorsIn, findChainEnd, isLifted, type UnconfirmedWithFee } from "./chain-end.ts";

const { wallet } = makeWallet(20);
const id = (name: string) => Buffer.from(name.padEnd(32, "_")).toString("hex");
const of = (name: string, parents: readonly string[] = [], vbytes = 200): UnconfirmedWithFee => ({
  ...{ transactionId: id(name), vbytes, feeSat: BigInt(vbytes), parents: parents.map(id) },
});
const change = (name: string, amountSat = 50_000n) => ({
  ...fund(wallet, amountSat, 3, 1),
  txid: id(name),
  confirmed: false,
});
const found = (unconfirmed: readonly UnconfirmedWithFee[], ends: readonly ReturnType<typeof change>[]) => {
  const end = findChainEnd(id("stuck"), unconfirmed, ends, 9);
  const nameOf = (hex: string) => Buffer.from(hex, "hex").toString().replaceAll("_", "");
  return end === null ? null : `${nameOf(end.change.txid)} under ${end.ancestors.length}`;
};

describe("the end of a chain", () => {
  it.each([
    ["is the stuck transaction's own change when that is free", [of("stuck")], [change("stuck")], "stuck under 1"],
    ["is the change of what builds on it", [of("stuck"), of("b", ["stuck"])], [change("b")], "b under 2"],
    [
      "counts everything above it, also what does not build on the stuck one",
      [of("stuck"), of("other"), of("b", ["stuck", "other"])],
      [change("b")],
      "b under 3",
    ],
    [
      "is where the package is smallest",
      [of("stuck"), of("b", ["stuck"], 900), of("c", ["stuck"], 100)],
      [change("b"), change("c")],
      "c under 2",
    ],
    ["is not beside the stuck transaction", [of("stuck"), of("other")], [change("other")], null],
    ["is not below what nobody knows the fee of", [of("b", ["stuck"])], [change("b")], null],
    ["is nowhere without free change", [of("stuck")], [], null],
  ] as const)("%s", (_, unconfirmed, ends, expected) => {
    expect(found(unconfirmed, ends)).toBe(expected);
  });

  it("is not where the chain is as long already as nodes keep it", () => {
    const chain = (length: number) =>
      Array.from({ length }, (_, at) =>
        of(at === 0 ? "stuck" : `t${at}`, at === 0 ? [] : [at === 1 ? "stuck" : `t${at - 1}`]),
      );
    expect(found(chain(24), [change("t23")])).toBe("t23 under 24");
    expect(found(chain(25), [change("t24")])).toBeNull();
  });
});

describe("what is lifted", () => {
  const child = (feeSat: bigint, parents: readonly string[] = ["stuck"]) => ({ ...of("child", parents), feeSat });
  it.each<[string, readonly UnconfirmedWithFee[], boolean]>([
    ["a child pays for both", [of("stuck"), child(7_800n)], true],
    ["it pays one satoshi too little", [of("stuck"), child(7_799n)], false],
    ["it has another parent to pay for", [of("stuck"), of("other"), child(7_800n, ["stuck", "other"])], false],
    ["it lifts another one", [of("stuck"), of("other"), child(90_000n, ["other"])], false],
    ["nobody knows what one of its parents pays", [of("stuck"), child(90_000n, ["stuck", "other"])], false],
    ["what pays is the transaction itself", [{ ...of("stuck"), feeSat: 90_000n }], false],
  ])("%s", (_, unconfirmed, expected) => expect(isLifted(unconfirmed, id("stuck"), 20_000n)).toBe(expected));

  it("is told from its ancestors, which are all that it builds on and not itself", () => {
    const chain = [of("a"), of("b", ["a"]), of("stuck", ["b"]), of("child", ["stuck"])];
    expect(ancestorsIn(chain, id("stuck"))).toEqual([chain[1], chain[0]]);
    expect(ancestorsIn([], id("stuck"))).toEqual([]);
  });
});
