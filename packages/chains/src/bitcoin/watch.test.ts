// What a watcher reads in a raw transaction.
import { describe, expect, it } from "vitest";
import { makeCoin, makeTestWallet } from "../../test/holders.ts";
import { deriveScript } from "./wallet.ts";
import { decodeTransaction, matchOutputs, TransactionMalformedError } from "./watch.ts";
import { fromHex, toHex } from "./wire.ts";

// The first payment ever made, in block 170: from the coinbase of block 9.
const FIRST_PAYMENT =
  "0100000001c997a5e56e104102fa209c6a852dd90660a20b2d9c352423edce25857fcd3704000000004847304402204e45e16932b8af514961a1d3a1a25fdf3f4f7732e9d624c6c61548ab5fb8cd410220181522ec8eca07de4860a4acdd12909d831cc56cbbac4622082221a8768d1d0901ffffffff0200ca9a3b00000000434104ae1a62fe09c5f51b13905f07f06b99a2f7159b2225f374cd378d71302fa28414e7aab37397f554a7df5f142c21c1b7303b8a0626f1baded5c72a704f7e6cd84cac00286bee0000000043410411db93e1dcdb8a016b49840f8c53bc1eb68a382e97b1482ecad7b148a6909a5cb2e0eaddfb84ccf9744464f82e160bfa9b8b64f9d4c03f999b8643f656b412a3ac00000000";

describe("a raw transaction", () => {
  it("is read to its id, what it spends and what it pays", () => {
    const { txid, inputs, outputs } = decodeTransaction(fromHex(FIRST_PAYMENT));
    expect(txid).toBe("f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16");
    const spent = "0437cd7f8525ceed2324359c2d0ba26006d92d856a9c20fa0241106ee5a597c9";
    expect(inputs).toEqual([{ txid: spent, vout: 0, outpoint: `${spent}:0` }]);
    expect(outputs.map(({ vout, amountSat }) => [vout, amountSat])).toEqual([
      [0, 1_000_000_000n],
      [1, 4_000_000_000n],
    ]);
  });

  it("that is none throws with a code", () => {
    for (const bytes of [new Uint8Array(), fromHex(`${FIRST_PAYMENT}00`), fromHex(FIRST_PAYMENT.slice(0, -2))]) {
      expect(() => decodeTransaction(bytes)).toThrow(TransactionMalformedError);
      expect(() => decodeTransaction(bytes)).toThrow(expect.objectContaining({ code: "TRANSACTION_MALFORMED" }));
    }
  });

  it("is matched against known scripts", () => {
    const { wallet } = makeTestWallet("watch");
    const coin = makeCoin(wallet, 0, 6, 77_000n);
    const { scriptPubKey } = deriveScript(wallet, 0, 6);
    const scripts = new Map([
      [toHex(scriptPubKey), "own/0/6"],
      ["6a", "data"],
      ["51", "elsewhere"],
    ]);
    expect(matchOutputs(coin.previousTransaction, scripts)).toEqual([
      { txid: coin.txid, vout: 0, amountSat: 12_345n, scriptPubKey: fromHex("6a"), match: "data" },
      { txid: coin.txid, vout: 1, amountSat: 77_000n, scriptPubKey, match: "own/0/6" },
    ]);
    expect(matchOutputs(coin.previousTransaction, new Map())).toEqual([]);
  });
});
