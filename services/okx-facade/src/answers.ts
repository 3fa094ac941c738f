// Withdrawals and quotes in the shapes of OKX's answers, with every field that its documents list.
import type { FeeQuotes, WithdrawalSummary } from "@sluice/client";
import { writeCoins } from "./coins.ts";
import type { User } from "./config.ts";
import { CCY, CHAIN } from "./parameters.ts";
import { OKX_STATES } from "./states.ts";
import { clientIdOf, wdIdOf } from "./withdrawal-ids.ts";

/** The largest that no node passes on, over all kinds of addresses (pay to public key hash). */
const MIN_WITHDRAWAL_SAT = 546n;

export function envelope(data: readonly object[]) {
  return { code: "0", msg: "", data };
}

export function acceptedOf({ id, amount }: WithdrawalSummary, user: User) {
  return { ...amountOf(amount), wdId: wdIdOf(id), clientId: clientIdOf(user.name, id), chain: CHAIN };
}

export function recordOf(withdrawal: WithdrawalSummary, user: User) {
  const { id, amount, address, state, txid, fee, receivedAtMs } = withdrawal;
  return {
    ...{ ...amountOf(amount), chain: CHAIN, nonTradableAsset: false, ts: String(receivedAtMs) },
    ...{ from: user.name, areaCodeFrom: "", to: address, areaCodeTo: "", toAddrType: "1", txId: txid ?? "" },
    ...{ fee: chargedBy(fee), feeCcy: CCY, state: OKX_STATES[state].state, note: "" },
    ...{ wdId: wdIdOf(id), clientId: clientIdOf(user.name, id) },
  };
}

/** When it will be done is not known here, so nothing is said of it. */
export function statusOf({ id, txid, state }: WithdrawalSummary) {
  const { stage, words } = OKX_STATES[state];
  return { wdId: wdIdOf(id), txId: txid ?? "", state: `${stage}: ${words}`, estCompleteTime: "" };
}

export function currencyOf({ quotes }: FeeQuotes, user: User) {
  const normal = quotes.find(({ priority }) => priority === "normal");
  const fee = normal === undefined ? "" : chargedBy(normal);
  return {
    ...{ ccy: CCY, name: "Bitcoin", chain: CHAIN, mainNet: true, ctAddr: "", logoLink: "", needTag: false },
    ...{ canDep: false, canWd: true, canInternal: false, depEstOpenTime: "", wdEstOpenTime: "" },
    ...{ minWd: writeCoins(MIN_WITHDRAWAL_SAT), maxWd: writeCoins(user.maxWithdrawalSat), wdTickSz: "8" },
    ...{ fee, minFee: fee, maxFee: fee, minFeeForCtAddr: "", maxFeeForCtAddr: "", burningFeeRate: "" },
    ...{ minDep: "", minInternal: "", minDepArrivalConfirm: "", minWdUnlockConfirm: "", wdQuota: "", usedWdQuota: "" },
    ...{ depQuotaFixed: "", usedDepQuotaFixed: "", depQuoteDailyLayer2: "" },
  };
}

function amountOf(amount: string) {
  return { ccy: CCY, amt: writeCoins(BigInt(amount)) };
}

/** OKX's fee is what the customer is charged; where the exchange pays it that is nothing. */
function chargedBy({ payer, amount }: { readonly payer: "exchange" | "customer"; readonly amount: string }): string {
  return payer === "customer" ? writeCoins(BigInt(amount)) : "0";
}
