// The whole way against a real node: its derivation, its reading of the bytes, its mempool, its blocks.
import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { hash160 } from "../src/bitcoin/hashing.ts";
import { toHex } from "../src/bitcoin/wire.ts";
import {
  addressOf,
  type Coin,
  combineSignatures,
  decodePayout,
  deriveScript,
  finalisePayout,
  matchOutputs,
  outpointOf,
  parseAddress,
  planPayout,
} from "../src/index.ts";
import { signPayout } from "../src/signing.ts";
import { bitcoinRpc } from "./bitcoin-rpc.ts";
import { makeTestWallet } from "./holders.ts";

const rpc = bitcoinRpc();
const name = `chains-${randomBytes(8).toString("hex")}`;
const { wallet, holders } = makeTestWallet(name);
const FUNDING = [
  { branch: 0, index: 0, amountSat: 120_000n },
  { branch: 0, index: 19, amountSat: 90_000n },
  { branch: 1, index: 4, amountSat: 80_000n },
] as const;
const btc = (sat: bigint) => (Number(sat) / 1e8).toFixed(8);
const sat = (amount: number) => BigInt(Math.round(amount * 1e8));
const value = <T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: object },
): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.refusal));
  return result.value;
};

let payee = "";
let coins: readonly Coin[] = [];

const plan = (feeRateSatPerVbyte: number, requiredOutpoints = coins.map(outpointOf)) =>
  value(
    planPayout({
      wallet,
      coins,
      requiredOutpoints,
      payments: [
        { withdrawalId: "w-1", address: payee, amountSat: 60_000n },
        {
          withdrawalId: "w-2",
          address: addressOf("regtest", new Uint8Array([0, 20, ...randomBytes(20)])) ?? "",
          amountSat: 25_000n,
        },
      ],
      changeIndex: 7,
      feeRateSatPerVbyte,
    }),
  );

const sign = (psbt: Uint8Array, signers: readonly (typeof holders)[number][]) => {
  const decoded = value(decodePayout(psbt, wallet, { gapLimit: 20 }));
  return value(
    combineSignatures(
      psbt,
      signers.map((holder) => signPayout(decoded, wallet, holder.fingerprint, holder.sign)),
      wallet,
    ),
  ).psbt;
};

// The node is shared with other tests: a wallet and coins of our own, and nothing assumed about heights.
beforeAll(async () => {
  await rpc.call("createwallet", [name]);
  const own = rpc.wallet(name);
  payee = await own<string>("getnewaddress", ["", "bech32"]);
  await rpc.call("generatetoaddress", [101, payee]);
  const outputs = FUNDING.map(({ branch, index, amountSat }) => ({
    [deriveScript(wallet, branch, index).address]: btc(amountSat),
  }));
  const { txid } = await own<{ txid: string }>("send", [outputs, null, "unset", 2]);
  await rpc.call("generatetoaddress", [1, payee]);
  const { hex } = await own<{ hex: string }>("gettransaction", [txid]);
  const previousTransaction = Uint8Array.from(Buffer.from(hex, "hex"));
  const positions = new Map(
    FUNDING.map((coin) => [toHex(deriveScript(wallet, coin.branch, coin.index).scriptPubKey), coin]),
  );
  coins = matchOutputs(previousTransaction, positions).map(({ vout, amountSat, match: { branch, index } }) => ({
    txid,
    vout,
    amountSat,
    branch,
    index,
    previousTransaction,
  }));
  expect(coins.map(({ amountSat }) => amountSat).toSorted()).toEqual(
    FUNDING.map(({ amountSat }) => amountSat).toSorted(),
  );
});

describe("the node agrees about the wallet", () => {
  it("on the descriptor's checksum", async () => {
    const [script, checksum] = wallet.descriptor.split("#");
    const info = await rpc.call<{ checksum: string; isrange: boolean; hasprivatekeys: boolean }>("getdescriptorinfo", [
      script,
    ]);
    expect(info).toMatchObject({ checksum, isrange: true, hasprivatekeys: false });
  });

  it("on twenty addresses of both branches, and on how each is read", async () => {
    const derived = await rpc.call<readonly (readonly string[])[]>("deriveaddresses", [wallet.descriptor, [0, 19]]);
    for (const branch of [0, 1] as const) {
      const own = Array.from({ length: 20 }, (_, index) => deriveScript(wallet, branch, index));
      expect(own.map(({ address }) => address)).toEqual(derived[branch]);
      for (const { address, scriptPubKey } of own) {
        expect(value(parseAddress("regtest", address))).toEqual({ scriptPubKey, type: "p2wsh" });
      }
    }
  });
});

describe("the node agrees about a payout", () => {
  it("on every field of the unsigned bytes", async () => {
    const planned = plan(2.5);
    const decoded = value(decodePayout(planned.psbt, wallet, { gapLimit: 20 }));
    const base64 = Buffer.from(planned.psbt).toString("base64");
    const node = await rpc.call<NodePsbt>("decodepsbt", [base64]);
    expect(node.tx).toMatchObject({ txid: decoded.txid, version: 2, locktime: 0 });
    expect(node.tx.vin.map(({ txid, vout, sequence }) => [`${txid}:${vout}`, sequence])).toEqual(
      decoded.inputs.map(({ outpoint }) => [outpoint, 0xffff_fffd]),
    );
    expect(node.inputs.map(({ witness_utxo: { amount } }) => sat(amount))).toEqual(
      decoded.inputs.map(({ amountSat }) => amountSat),
    );
    const outputs = [...decoded.payments, ...decoded.change].map(({ index, amountSat }) => [index, amountSat]);
    expect(node.tx.vout.map(({ n, value: amount }) => [n, sat(amount)])).toEqual(outputs);
    expect(sat(node.fee)).toBe(decoded.feeSat);
    expect(node.tx.vout[0]?.scriptPubKey.address).toBe(payee);
    expect(node.tx.vout[2]?.scriptPubKey.address).toBe(deriveScript(wallet, 1, 7).address);

    const analysis = await rpc.call<NodeAnalysis>("analyzepsbt", [base64]);
    expect(analysis.next).toBe("signer");
    expect(sat(analysis.fee)).toBe(decoded.feeSat);
    const missing = analysis.inputs.map((input) => input.missing?.signatures?.toSorted());
    const keys = decoded.inputs.map(({ branch, index }) => deriveScript(wallet, branch, index).publicKeys);
    expect(missing).toEqual(keys.map((publicKeys) => publicKeys.map((key) => toHex(hash160(key))).toSorted()));
  });

  it("that each pair of holders signs, and finalises it to the same transaction", async () => {
    const planned = plan(2.5);
    for (const pair of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const) {
      const signed = sign(
        planned.psbt,
        pair.flatMap((at) => holders[at] ?? []),
      );
      const { transaction, txid } = value(finalisePayout(planned.psbt, signed, wallet));
      const [verdict] = await rpc.call<readonly NodeVerdict[]>("testmempoolaccept", [[toHex(transaction)]]);
      expect(verdict).toMatchObject({ txid, allowed: true });
      expect(sat(verdict?.fees.base ?? 0)).toBe(planned.feeSat);
      expect(verdict?.vsize ?? 0).toBeLessThanOrEqual(planned.vbytes);
      // Two signatures of three inputs are hardly ever eight bytes shorter than the longest together.
      expect(planned.vbytes - (verdict?.vsize ?? 0)).toBeLessThanOrEqual(planned.inputs.length);
      const theirs = await rpc.call<{ hex: string; complete: boolean }>("finalizepsbt", [
        Buffer.from(signed).toString("base64"),
      ]);
      expect(theirs).toEqual({ hex: toHex(transaction), complete: true });
    }
  });

  it("one signature of which is missing, and refuses it", async () => {
    const planned = plan(2.5);
    const signed = Buffer.from(sign(planned.psbt, [holders[0], holders[1]])).toString("base64");
    expect((await rpc.call<NodeAnalysis>("analyzepsbt", [signed])).next).toBe("finalizer");
    expect(finalisePayout(planned.psbt, planned.psbt, wallet)).toMatchObject({
      refusal: { code: "SIGNATURES_TOO_FEW" },
    });
  });

  it("that is broadcast, can be replaced through its anchor, and is mined", async () => {
    const [anchor] = coins;
    if (anchor === undefined) throw new Error("there is a coin");
    const first = plan(2, [outpointOf(anchor)]);
    const { transaction, txid } = value(finalisePayout(first.psbt, sign(first.psbt, [holders[1], holders[2]]), wallet));
    expect(await rpc.call<string>("sendrawtransaction", [toHex(transaction)])).toBe(txid);

    const bump = plan(10, [outpointOf(anchor)]);
    const bumped = value(finalisePayout(bump.psbt, sign(bump.psbt, [holders[0], holders[2]]), wallet));
    const [verdict] = await rpc.call<readonly NodeVerdict[]>("testmempoolaccept", [[toHex(bumped.transaction)]]);
    // Whoever else uses the node may have mined the first one by now, which settles the conflict the other way.
    const settled = (await rpc.wallet(name)<{ confirmations: number }>("gettransaction", [txid])).confirmations > 0;
    if (verdict?.allowed !== true) expect([verdict?.["reject-reason"], settled]).toEqual(["missing-inputs", true]);

    await rpc.call("generatetoaddress", [1, payee]);
    const mined = await rpc.wallet(name)<{ confirmations: number; hex: string }>("gettransaction", [txid]);
    expect(mined.confirmations).toBeGreaterThanOrEqual(1);
    expect(mined.hex).toBe(toHex(transaction));
    const [after] = await rpc.call<readonly NodeVerdict[]>("testmempoolaccept", [[toHex(bumped.transaction)]]);
    expect(after).toMatchObject({ allowed: false, "reject-reason": "missing-inputs" });
    const change = await rpc.call<{ value: number; scriptPubKey: { address: string } }>("gettxout", [txid, 2]);
    expect(sat(change.value)).toBe(first.changeSat);
    expect(change.scriptPubKey.address).toBe(deriveScript(wallet, 1, 7).address);
  });
});

type NodePsbt = {
  readonly tx: {
    readonly txid: string;
    readonly vin: readonly { readonly txid: string; readonly vout: number; readonly sequence: number }[];
    readonly vout: readonly {
      readonly n: number;
      readonly value: number;
      readonly scriptPubKey: { readonly address: string };
    }[];
  };
  readonly inputs: readonly { readonly witness_utxo: { readonly amount: number } }[];
  readonly fee: number;
};
type NodeAnalysis = {
  readonly next: string;
  readonly fee: number;
  readonly inputs: readonly { readonly missing?: { readonly signatures?: readonly string[] } }[];
};
type NodeVerdict = {
  readonly txid: string;
  readonly allowed: boolean;
  readonly "reject-reason"?: string;
  readonly vsize: number;
  readonly fees: { readonly base: number };
};
