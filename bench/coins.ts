// Our choice of coins beside bitcoind's own, over a year of payouts on a regtest node: `pnpm bench:coins [seed …]`.
import { type PlannedPayout, planPayout } from "@sluice/chains";
import { startParts } from "@sluice/devstack";
import { type Account, accountOf, LONG_TERM_SAT_PER_VBYTE, type Payout } from "./coins-account.ts";
import { bitcoins, createNodeWallet, type NodeWallet, openRpc, type Rpc, type Signed } from "./coins-node.ts";
import { payees } from "./coins-paper.ts";
import { makeYear, type Payment, type Step, YEAR } from "./coins-year.ts";

/** Both choose from the same coins for the same outputs, at this rate. */
type Duel<P = Pick<Payout, "feeSat">> = { readonly feeRateSatPerVbyte: number; readonly ours: P; readonly theirs: P };

type Result = {
  readonly seed: number;
  readonly ours: Account;
  readonly theirs: Account;
  readonly duels: readonly Duel[];
  /** The same with batches of 100, signed on both sides. */
  readonly hundreds: readonly Duel<Payout>[];
};

const SEASONS: readonly (readonly [string, (duel: Duel) => boolean])[] = [
  [`below ${LONG_TERM_SAT_PER_VBYTE} sat/vB`, ({ feeRateSatPerVbyte }) => feeRateSatPerVbyte < LONG_TERM_SAT_PER_VBYTE],
  [`from there on`, ({ feeRateSatPerVbyte }) => feeRateSatPerVbyte >= LONG_TERM_SAT_PER_VBYTE],
];

const MINER = "miner";
const HUNDRED_EVERY = 25;
const numbers = process.argv.slice(2).map(Number).filter(Number.isInteger);
const [seeds, steps] = [numbers.length === 0 ? [1, 2, 3] : numbers, Number(process.env["BENCH_STEPS"] ?? YEAR.steps)];

const parts = await startParts({ log: console.error, which: ["bitcoind"], env: {} });
try {
  const rpc = openRpc(parts.bitcoind.rpcUrl);
  const { subversion } = await rpc<{ subversion: string }>("", "getnetworkinfo");
  await rpc("", "createwallet", [MINER]);
  const minerAddress = await rpc<string>(MINER, "getnewaddress");
  await rpc(MINER, "generatetoaddress", [200, minerAddress]);
  console.log(`node ${subversion}, ${steps} batches a seed`);
  for (const seed of seeds) report(await compareYear(rpc, minerAddress, seed));
} finally {
  await parts.stop();
}

async function compareYear(rpc: Rpc, minerAddress: string, seed: number): Promise<Result> {
  const [ours, theirs] = [await createNodeWallet(rpc, `ours-${seed}`), await createNodeWallet(rpc, `theirs-${seed}`)];
  const pay = payees();
  const paid = { ours: [] as Payout[], theirs: [] as Payout[] };
  const duels: Duel[] = [];
  const hundreds: Duel<Payout>[] = [];
  let changeIndex = 0;
  for (const [number, step] of makeYear(seed, { ...YEAR, steps }).entries()) {
    await deposit(rpc, step, [ours, theirs]);
    await rpc(MINER, "generatetoaddress", [1, minerAddress]);
    const payments = step.amountsSat.map(pay);
    const rate = step.feeRateSatPerVbyte;
    const plan = planFor(ours, payments, rate, changeIndex);
    const mine = await ours.signPlan(plan, payments.length);
    duels.push({ feeRateSatPerVbyte: rate, ours: mine, theirs: await ours.fund(payments, rate) });
    if (number % HUNDRED_EVERY === 0) hundreds.push(await duelOfHundred(ours, pay, rate, changeIndex));
    const yours = await theirChoice(theirs, payments, rate);
    for (const { hex } of [mine, yours]) await rpc("", "sendrawtransaction", [hex, 0]);
    ours.note(mine.hex, changeIndex);
    if (!mine.changeless) changeIndex += 1;
    paid.ours.push(mine);
    paid.theirs.push(yours);
  }
  await rpc(MINER, "generatetoaddress", [1, minerAddress]);
  const left = async ({ name }: NodeWallet) => (await rpc<readonly unknown[]>(name, "listunspent")).length;
  if ((await left(ours)) !== ours.coins.length) throw new Error("the node and we do not count the same coins");
  return {
    seed,
    ours: accountOf(paid.ours, await left(ours)),
    theirs: accountOf(paid.theirs, await left(theirs)),
    duels,
    hundreds,
  };
}

/** The same amounts to both wallets, in one transaction. */
async function deposit(rpc: Rpc, { depositsSat }: Step, wallets: readonly [NodeWallet, NodeWallet]): Promise<void> {
  if (depositsSat.length === 0) return;
  const outputs = wallets.flatMap((wallet) =>
    depositsSat.map((amountSat) => [wallet.newAddress(), bitcoins(amountSat)] as const),
  );
  const txid = await rpc<string>(MINER, "sendmany", ["", Object.fromEntries(outputs)]);
  const { hex } = await rpc<{ hex: string }>(MINER, "gettransaction", [txid]);
  for (const wallet of wallets) wallet.note(hex);
}

function planFor(wallet: NodeWallet, payments: readonly Payment[], rate: number, changeIndex: number): PlannedPayout {
  const planned = planPayout({
    wallet: wallet.descriptor,
    coins: wallet.coins,
    payments: payments.map((payment, at) => ({ withdrawalId: `${at}`, ...payment })),
    changeIndex,
    feeRateSatPerVbyte: rate,
  });
  if (!planned.ok) throw new Error(`${planned.refusal.code}: ${planned.refusal.detail}`);
  return planned.value;
}

async function theirChoice(wallet: NodeWallet, payments: readonly Payment[], rate: number): Promise<Signed> {
  const { psbt, feeSat } = await wallet.fund(payments, rate);
  return wallet.sign(psbt, feeSat, payments.length);
}

async function duelOfHundred(
  wallet: NodeWallet,
  pay: ReturnType<typeof payees>,
  rate: number,
  changeIndex: number,
): Promise<Duel<Payout>> {
  const payments = Array.from({ length: 100 }, (_, at) => pay(BigInt(500_000 + 17_003 * at)));
  const ours = await wallet.signPlan(planFor(wallet, payments, rate, changeIndex), payments.length);
  return { feeRateSatPerVbyte: rate, ours, theirs: await theirChoice(wallet, payments, rate) };
}

function report({ seed, ours, theirs, duels, hundreds }: Result): void {
  console.log(`\nseed ${seed}`);
  console.log("| | fees, sat | fees and what is left costs | inputs | vbytes | changeless | coins left |");
  console.log("|---|---|---|---|---|---|---|");
  for (const [name, account] of Object.entries({ ours, "bitcoind's": theirs })) {
    const { feesSat, feesAndRestSat, inputs, vbytes, changelessPercent, coinsLeft } = account;
    const cells = [name, feesSat, feesAndRestSat, inputs, vbytes, `${changelessPercent} %`, coinsLeft];
    console.log(`| ${cells.join(" | ")} |`);
  }
  const [fees, all] = [percent(ours.feesSat, theirs.feesSat), percent(ours.feesAndRestSat, theirs.feesAndRestSat)];
  console.log(`ours against bitcoind's: ${fees} of the fees, ${all} with what is left`);
  for (const [when, holds] of SEASONS) {
    console.log(`${when}, each batch from the same coins: ${feesOf(duels.filter(holds))}`);
    const some = hundreds.filter(holds);
    console.log(`${when}, 100 payouts from the same coins: ${feesOf(some)}; ${vbytesOf(some)}`);
  }
}

function feesOf(duels: readonly Duel[]): string {
  const [less, more] = [
    duels.filter(({ ours, theirs }) => ours.feeSat < theirs.feeSat).length,
    duels.filter(({ ours, theirs }) => ours.feeSat > theirs.feeSat).length,
  ];
  const ours = duels.reduce((sum, duel) => sum + duel.ours.feeSat, 0n);
  const theirs = duels.reduce((sum, duel) => sum + duel.theirs.feeSat, 0n);
  return `${ours} against ${theirs} sat, less ${less} times, more ${more} times of ${duels.length}`;
}

function vbytesOf(duels: readonly Duel<Payout>[]): string {
  const mean = (of: (duel: Duel<Payout>) => Payout): string =>
    (duels.reduce((sum, duel) => sum + of(duel).vbytes, 0) / duels.length / 100).toFixed(2);
  const more = duels.filter(({ ours, theirs }) => ours.vbytes > theirs.vbytes).length;
  return `${mean(({ ours }) => ours)} against ${mean(({ theirs }) => theirs)} vbytes a withdrawal, more ${more} times`;
}

function percent(ours: bigint, theirs: bigint): string {
  return `${(Number((100_000n * ours) / theirs) / 1_000).toFixed(1)} %`;
}
