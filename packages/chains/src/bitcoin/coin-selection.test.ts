// Coin selection on its own: the books, the bounds of what a payout may cost, what goes before what, and each choice.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changeCostSat, feeSatOf, inputCostSat, type Selectable } from "./coin-costs.ts";
import { rankSelections, type SelectionRequest, selectCoins } from "./coin-selection.ts";
import { standardScript } from "./script.ts";
import { payoutVbytes } from "./size.ts";

type Lot = Selectable & { readonly name: string };
const payee = standardScript("p2wpkh", new Uint8Array(20));
const changeScript = standardScript("p2wsh", new Uint8Array(32));
const request = (change: Partial<SelectionRequest<Lot>>): SelectionRequest<Lot> => ({
  required: [],
  others: [],
  outputScripts: [payee],
  outputSat: 100_000n,
  changeScript,
  feeRateSatPerKvbyte: 2_000n,
  ...change,
});
const lots = (...amounts: readonly (number | bigint)[]) =>
  amounts.map((amount, nth) => ({ name: `lot ${nth}`, amountSat: BigInt(amount) }));
const names = (selection: ReturnType<typeof selectCoins<Lot>>) => selection?.coins.map(({ name }) => name);

describe("coin selection", () => {
  it("takes the fewest coins, each as small as the others leave it, and plain the largest first", () => {
    const three = request({ others: lots(60_000, 70_000, 90_000, 60_000) });
    expect([names(selectCoins(three)), names(selectCoins({ ...three, plain: true }))]).toEqual([
      ["lot 0", "lot 3"],
      ["lot 2", "lot 1"],
    ]);
    const one = request({ others: lots(10, 300_000, 200_000, 200_000, 99_000) });
    expect(names(selectCoins(one))).toEqual(["lot 3"]);
    expect(names(selectCoins({ ...one, plain: true }))).toEqual(["lot 1"]);
  });

  it("takes every required coin, however small, and no other when they suffice", () => {
    const [tiny, large] = lots(1, 500_000) as [Lot, Lot];
    expect(names(selectCoins(request({ required: [tiny, large], others: lots(900_000) })))).toEqual(["lot 0", "lot 1"]);
  });

  it("stops at coins that cost more than they bring", () => {
    expect(
      selectCoins(
        request({ others: [...lots(99_000), ...new Array<Lot>(50).fill({ name: "dust", amountSat: 200n })] }),
      ),
    ).toBeNull();
  });

  it("finds coins that leave no change, and gives the little that is over to the fee", () => {
    const feeRateSatPerKvbyte = 20_000n;
    const needed = 100_000n + feeSatOf(payoutVbytes(2, [payee]), feeRateSatPerKvbyte);
    const exact = lots(900_000, needed - 70_000n + 300n, 70_000);
    const best = selectCoins(request({ others: exact, feeRateSatPerKvbyte }));
    // One input and its change are 20 sat/vB * (104.5 + 43) now and 10 sat/vB * 104.5 later, two inputs are cheaper.
    expect(best).toMatchObject({ changeSat: null, feeSat: needed - 100_000n + 300n });
    expect(names(best)).toEqual(["lot 2", "lot 1"]);
    const dear = selectCoins(request({ others: exact, feeRateSatPerKvbyte: 60_000n }));
    expect(names(dear)).toEqual(["lot 0"]);
  });

  it("takes more coins than it needs only for leaving no change, and while they are cheap leaves enough for the next payouts", () => {
    const feeRateSatPerKvbyte = 1_000n;
    const neededOfTwo = 100_000n + feeSatOf(payoutVbytes(2, [payee]), feeRateSatPerKvbyte);
    const exact = lots(900_000, neededOfTwo - 70_000n + 100n, 70_000);
    const chosen = (keepCoins?: number, others = exact) =>
      names(selectCoins(request({ others, feeRateSatPerKvbyte, ...(keepCoins === undefined ? {} : { keepCoins }) })));
    const [withoutChange, largest] = [["lot 2", "lot 1"], ["lot 0"]];
    expect([0, 1, 2, undefined].map((keepCoins) => chosen(keepCoins))).toEqual([
      withoutChange,
      withoutChange,
      largest,
      largest,
    ]);
    expect(chosen(undefined, [...exact, ...lots(...new Array<number>(20).fill(5_000))])).toEqual(withoutChange);
    expect(chosen(0, lots(900_000, 200_000, 150_000))).toEqual(["lot 2"]);
  });

  it("leaves unconfirmed coins alone while the confirmed suffice, and never begins with one of them", () => {
    const coin = (name: string, amountSat: bigint, confirmed: boolean): Lot => ({ name, amountSat, confirmed });
    const young = coin("young", 900_000n, false);
    const old = coin("old", 150_000n, true);
    expect(names(selectCoins(request({ others: [young, old] })))).toEqual(["old"]);
    expect(names(selectCoins(request({ others: [young, old], outputSat: 1_000_000n })))).toEqual(["old", "young"]);
    expect(names(selectCoins(request({ others: [young] })))).toEqual(["young"]);
  });

  it("has a light choice last, for when the others are too large to be carried", () => {
    const bulky = { name: "bulky", amountSat: 900_000n };
    const others = [bulky, ...lots(80_000, 70_000)];
    const bytesOf = (coin: Lot) => (coin === bulky ? 100_000 : 200);
    const ranked = rankSelections(request({ others, bytesOf }));
    expect([names(ranked[0] ?? null), names(ranked.at(-1) ?? null)]).toEqual([["bulky"], ["lot 0", "lot 1"]]);
  });
});

const anyLots = fc.array(
  fc.record({ amountSat: fc.bigInt({ min: 1n, max: 200_000n }), confirmed: fc.option(fc.boolean(), { nil: true }) }),
  { minLength: 1, maxLength: 30 },
);
const anySelection = fc
  .record({
    coins: anyLots,
    requiredCount: fc.constantFrom(0, 0, 1, 2),
    outputSat: fc.bigInt({ min: 294n, max: 600_000n }),
    outputCount: fc.integer({ min: 1, max: 40 }),
    feeRateSatPerKvbyte: fc.oneof(fc.constantFrom(1_000n, 10_000n), fc.bigInt({ min: 1n, max: 50_000n })),
    longTermFeeRateSatPerKvbyte: fc.bigInt({ min: 1_000n, max: 30_000n }),
    keepCoins: fc.constantFrom(0, 5, 20),
  })
  .map(({ coins, requiredCount, outputCount, ...rest }) => {
    const named = coins.map((coin, nth): Lot => ({ name: `${nth}`, ...coin }));
    const outputScripts = new Array<Uint8Array>(outputCount).fill(payee);
    const [required, others] = [named.slice(0, requiredCount), named.slice(requiredCount)];
    return { required, others, outputScripts, changeScript, ...rest };
  });
const always = (check: (given: SelectionRequest<Lot> & { readonly longTermFeeRateSatPerKvbyte: bigint }) => void) =>
  fc.assert(fc.property(anySelection, check), { numRuns: 400 });

describe("every selection", () => {
  it("keeps the books, meets the wanted rate, makes no dust, and takes no coin twice", () => {
    let [changeless, several] = [0, 0];
    always((given) => {
      for (const { coins, feeSat, changeSat, vbytes } of rankSelections(given)) {
        const { outputScripts, outputSat, feeRateSatPerKvbyte } = given;
        const inputSat = coins.reduce((sum, coin) => sum + coin.amountSat, 0n);
        expect(inputSat).toBe(outputSat + feeSat + (changeSat ?? 0n));
        const scripts = changeSat === null ? outputScripts : [...outputScripts, changeScript];
        expect(vbytes).toBe(payoutVbytes(coins.length, scripts));
        expect(feeSat >= feeSatOf(vbytes, feeRateSatPerKvbyte)).toBe(true);
        expect(changeSat === null || changeSat >= 330n).toBe(true);
        expect(new Set(coins).size).toBe(coins.length);
        changeless += changeSat === null ? 1 : 0;
        several += coins.length > 1 ? 1 : 0;
      }
    });
    expect(Math.min(changeless, several)).toBeGreaterThan(0);
  });

  it("has every required coin, first and in order, and no other when they suffice", () => {
    always((given) => {
      const alone = selectCoins({ ...given, others: [] });
      for (const { coins } of rankSelections(given)) {
        expect(coins.slice(0, given.required.length)).toEqual(given.required);
        if (alone !== null) expect(coins).toEqual(given.required);
      }
    });
  });

  it("adds no coin that costs more than it brings, and no unconfirmed one where confirmed ones suffice", () => {
    always((given) => {
      const old = { ...given, others: given.others.filter(({ confirmed }) => confirmed !== false) };
      const suffices = selectCoins(old) !== null;
      for (const { coins } of rankSelections(given)) {
        const added = coins.slice(given.required.length);
        expect(added.every(({ amountSat }) => amountSat > inputCostSat(given.feeRateSatPerKvbyte))).toBe(true);
        const young = added.filter(({ confirmed }) => confirmed === false);
        if (suffices) expect(young).toEqual([]);
        if (young.length < added.length) expect(added[0]?.confirmed).not.toBe(false);
      }
    });
  });

  it("costs at most what largest first costs and the cost of change, and at most twice as much", () => {
    let dearer = 0;
    always((given) => {
      const [best, plain] = [selectCoins(given), selectCoins({ ...given, plain: true })];
      expect(best === null).toBe(plain === null);
      if (best === null || plain === null) return;
      dearer += best.feeSat > plain.feeSat ? 1 : 0;
      expect(best.feeSat <= plain.feeSat + changeCostSat(given)).toBe(true);
      expect(best.feeSat <= 2n * plain.feeSat).toBe(true);
    });
    expect(dearer).toBeGreaterThan(0);
  });

  it("gives to the fee, above what is needed, less than change of dust or the cost of change, and never doubles it", () => {
    always((given) => {
      const best = selectCoins(given);
      if (best === null || best.changeSat !== null) return;
      const neededSat = feeSatOf(best.vbytes, given.feeRateSatPerKvbyte);
      const excessSat = best.feeSat - neededSat;
      const asDustSat = 330n + feeSatOf(44, given.feeRateSatPerKvbyte);
      expect(excessSat < asDustSat || (excessSat <= changeCostSat(given) && excessSat <= neededSat)).toBe(true);
    });
  });

  it("is the same amounts in whatever order the coins came", () => {
    const amounts = (given: SelectionRequest<Lot>) =>
      selectCoins(given)?.coins.map(({ amountSat, confirmed }) => [amountSat, confirmed]);
    always((given) => {
      const confirmedFirst = (others: readonly Lot[]) =>
        others.toSorted((left, right) => Number(right.confirmed ?? true) - Number(left.confirmed ?? true));
      const turned = { ...given, others: confirmedFirst(given.others.toReversed()) };
      expect(amounts(turned)).toEqual(amounts({ ...given, others: confirmedFirst(given.others) }));
    });
  });

  it("is found when there is one, and without its last coin plain largest first would not be enough", () => {
    always((given) => {
      const plain = selectCoins({ ...given, plain: true });
      if (plain === null || plain.coins.length <= given.required.length) return;
      const fewer = plain.coins.slice(0, -1);
      expect(selectCoins({ ...given, required: fewer, others: [], plain: true })).toBeNull();
    });
  });

  it("rounds a fee up to whole satoshis", () => {
    expect(feeSatOf(141, 1_000n)).toBe(141n);
    expect(feeSatOf(141, 1_001n)).toBe(142n);
    expect(feeSatOf(1, 1n)).toBe(1n);
  });
});
