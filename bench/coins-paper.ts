// A wallet on paper: coins from transactions that no chain has, paid from by our own selection.
import { createHash } from "node:crypto";
import {
  addressOf,
  type Coin,
  decodeTransaction,
  deriveScript,
  outpointOf,
  type PlanRequest,
  planPayout,
} from "@sluice/chains";
import { type Account, accountOf, type Payout } from "./coins-account.ts";
import { type Payment, randomFrom, type Step } from "./coins-year.ts";

/** Pays a year's batches, each confirmed before the next one, with these preferences. */
export function payOnPaper(
  wallet: PlanRequest["wallet"],
  year: readonly Step[],
  preferences: Pick<PlanRequest, "plain" | "keepCoins" | "longTermFeeRateSatPerVbyte"> = {},
): Account {
  let coins: readonly Coin[] = [];
  const payouts: Payout[] = [];
  const pay = payees();
  for (const [number, { depositsSat, amountsSat, feeRateSatPerVbyte }] of year.entries()) {
    const deposits = depositsSat.map((amountSat, at) => paperCoin(wallet, amountSat, `${number}/${at}`));
    const payments = amountsSat.map((amountSat, at) => ({ withdrawalId: `${number}/${at}`, ...pay(amountSat) }));
    const request = { wallet, coins: [...coins, ...deposits], payments, changeIndex: 0, feeRateSatPerVbyte };
    const planned = planPayout({ ...request, ...preferences });
    if (!planned.ok) throw new Error(`batch ${number}: ${planned.refusal.code}: ${planned.refusal.detail}`);
    const { inputs, feeSat, changeSat, vbytes } = planned.value;
    payouts.push({ inputs: inputs.length, feeSat, changeless: changeSat === null, vbytes });
    const spent = new Set(inputs.map(outpointOf));
    const change = changeSat === null ? [] : [paperCoin(wallet, changeSat, `${number}/change`)];
    coins = [...request.coins.filter((coin) => !spent.has(outpointOf(coin))), ...change];
  }
  return accountOf(payouts, coins.length);
}

/** Addresses of nobody, the same every time. */
export function payees(): (amountSat: bigint) => Payment {
  const random = randomFrom(1);
  return (amountSat) => {
    const keyHash = Array.from({ length: 20 }, () => Math.floor(256 * random()));
    const address = addressOf("regtest", Uint8Array.of(0, keyHash.length, ...keyHash));
    if (address === null) throw new Error("a witness program of 20 bytes has an address");
    return { address, amountSat };
  };
}

function paperCoin(wallet: PlanRequest["wallet"], amountSat: bigint, name: string): Coin {
  const { scriptPubKey } = deriveScript(wallet, 0, 0);
  const amount = Buffer.alloc(8);
  amount.writeBigUInt64LE(amountSat);
  const previousTransaction = Buffer.concat([
    Buffer.from("0200000001", "hex"),
    createHash("sha256").update(name).digest(),
    Buffer.from("0000000000fdffffff01", "hex"),
    amount,
    Buffer.of(scriptPubKey.length),
    scriptPubKey,
    Buffer.alloc(4),
  ]);
  const { txid } = decodeTransaction(previousTransaction);
  return { txid, vout: 0, amountSat, branch: 0, index: 0, previousTransaction };
}
