// A history as it ought to be, with every kind of withdrawal in it: the control, and what the broken ones are made from.
import { createHash } from "node:crypto";
import type { Block, ChainTransaction, History, Request } from "./history.ts";

const HOT = ["aa01", "aa02", "aa03", "aa04"] as const;
const FEE_SAT = 1_000n;
const COIN_SAT = 100_000n;

/** Five paid in two batches, one refused by the API, one rejected by its rules; two coins deposited, two of change. */
export function goodHistory(): History {
  const requests = [
    ...["w-1", "w-2", "w-3", "w-4", "w-5"].map((id, at) => request(id, 10_000n + BigInt(at))),
    request("w-refused", 20_000n, { answer: "refused", due: "unpaid" }),
    request("w-rejected", 20_001n, { due: "unpaid" }),
  ];
  const deposit: ChainTransaction = {
    txid: idOf("deposit"),
    spends: [`${idOf("outside")}:0`],
    pays: [HOT[0], HOT[1]].map((script) => ({ script, amountSat: String(COIN_SAT) })),
  };
  const first = payout("batch-1", `${deposit.txid}:0`, requests.slice(0, 3), HOT[2]);
  const second = payout("batch-2", `${deposit.txid}:1`, requests.slice(3, 5), HOT[3]);
  const stranger = {
    txid: idOf("stranger"),
    spends: [`${idOf("elsewhere")}:3`],
    pays: [{ script: "bb", amountSat: "7" }],
  };
  const blocks = chainOf([[deposit], [], [first, stranger], [second], [], []]);
  return {
    seed: 0,
    requiredConfirmations: 2,
    requests,
    walletScripts: HOT,
    blocks,
    mempool: [],
    services: servicesOf(requests, [first, second]),
  };
}

function request(id: string, amountSat: bigint, rest: Partial<Request> = {}): Request {
  const script = `0014${idOf(id).slice(0, 40)}`;
  const common = { id, account: "alice", address: `address-of-${id}`, script, amountSat: String(amountSat) };
  return { ...common, answer: "accepted", due: "paid", ...rest };
}

function payout(name: string, spends: string, requests: readonly Request[], change: string): ChainTransaction {
  const paid = requests.reduce((sum, { amountSat }) => sum + BigInt(amountSat), 0n);
  return {
    txid: idOf(name),
    spends: [spends],
    pays: [
      ...requests.map(({ script, amountSat }) => ({ script, amountSat })),
      { script: change, amountSat: String(COIN_SAT - paid - FEE_SAT) },
    ],
  };
}

export function chainOf(contents: readonly (readonly ChainTransaction[])[]): readonly Block[] {
  return contents.map((transactions, height) => ({
    height,
    hash: idOf(`block-${height}`),
    previous: idOf(`block-${height - 1}`),
    transactions,
  }));
}

function servicesOf(requests: readonly Request[], batches: readonly ChainTransaction[]): History["services"] {
  const payerOf = (script: string) => batches.find(({ pays }) => pays.some((output) => output.script === script))?.txid;
  const paid = requests.filter(({ answer, due }) => answer === "accepted" && due === "paid");
  const held = batches.map(({ pays }) => BigInt(pays.at(-1)?.amountSat ?? 0)).reduce((sum, one) => sum + one, 0n);
  return {
    withdrawals: requests
      .filter(({ answer }) => answer === "accepted")
      .map(({ id, account, address, amountSat, script, due }) => {
        const common = { id, account, address, amountSat };
        return { ...common, state: due === "paid" ? "completed" : "rejected", txid: payerOf(script) ?? null };
      }),
    ledger: {
      driftSat: "0",
      balances: [
        { account: "hot-wallet", asset: "BTC", amountMinor: String(held) },
        { account: "everybody-else", asset: "BTC", amountMinor: String(-held) },
      ],
      payouts: paid.map(({ id, account, amountSat, script }) => {
        return { withdrawalId: id, account, amountSat, standing: "posted", postedBy: payerOf(script) ?? null };
      }),
      transfers: [
        ...paid.map(({ id, amountSat }) => ({ kind: "payout-posted", about: id, amountSat })),
        ...batches.map(({ txid }) => ({ kind: "network-fee", about: txid, amountSat: String(FEE_SAT) })),
      ],
    },
    vault: {
      reservations: [],
      unspentCoins: batches.map(({ txid, pays }) => `${txid}:${pays.length - 1}`),
      openTasks: [],
      parkedReports: [],
    },
    deadLetters: [],
    repairs: [],
  };
}

/** The good one, and in it an internal transfer of the last change: to these scripts, equal parts, with everything booked as it was. */
export function transferHistory(scripts: readonly string[]): History {
  const good = goodHistory();
  const last = good.blocks[3]?.transactions[0];
  const vout = (last?.pays.length ?? 0) - 1;
  const changeSat = BigInt(last?.pays.at(-1)?.amountSat ?? 0);
  const each = (changeSat - FEE_SAT) / BigInt(scripts.length);
  const feeSat = changeSat - each * BigInt(scripts.length);
  const pays = scripts.map((script) => ({ script, amountSat: String(each) }));
  const transfer = { txid: idOf("internal transfer"), spends: [`${last?.txid}:${vout}`], pays };
  const { services } = good;
  const own = scripts.flatMap((script, at) => (HOT.some((one) => one === script) ? [`${transfer.txid}:${at}`] : []));
  const lostSat = changeSat - each * BigInt(own.length);
  return {
    ...good,
    blocks: chainOf(good.blocks.map(({ transactions }, at) => (at === 4 ? [transfer] : transactions))),
    services: {
      ...services,
      ledger: {
        ...services.ledger,
        balances: services.ledger.balances.map((balance, at) => {
          const sat = BigInt(balance.amountMinor) + (at === 0 ? -lostSat : lostSat);
          return { ...balance, amountMinor: String(sat) };
        }),
        transfers: [
          ...services.ledger.transfers,
          { kind: "network-fee", about: transfer.txid, amountSat: String(feeSat) },
        ],
      },
      vault: {
        ...services.vault,
        unspentCoins: [
          ...services.vault.unspentCoins.filter((outpoint) => !transfer.spends.includes(outpoint)),
          ...own,
        ],
      },
    },
  };
}

export function idOf(name: string): string {
  return createHash("sha256").update(name).digest("hex");
}
