// The wallet's real coins, as anybody with a node can find them.
import { type Coin, decodeTransaction, deriveScript, matchOutputs, type ScriptPosition } from "@sluice/chains";
import type { Stack } from "@sluice/devstack";

const INDEXES = 40;

/** Unspent and in a block, the largest first. */
export async function unspentCoins(stack: Stack): Promise<readonly Coin[]> {
  const scripts = scriptsOf(stack);
  const descriptors = [...scripts.keys()].map((script) => `raw(${script})`);
  const { unspents } = await stack.chain.rpc<{ unspents: readonly { txid: string; vout: number }[] }>(
    "scantxoutset",
    "start",
    descriptors,
  );
  const coins = await Promise.all(unspents.map(({ txid, vout }) => coinAt(stack, scripts, txid, vout)));
  return coins.toSorted((left, right) => Number(right.amountSat - left.amountSat));
}

/** The coins that a transaction of the wallet has spent. */
export async function coinsSpentBy(stack: Stack, txid: string): Promise<readonly Coin[]> {
  const scripts = scriptsOf(stack);
  const { inputs } = decodeTransaction(await rawTransaction(stack, txid));
  return Promise.all(inputs.map((input) => coinAt(stack, scripts, input.txid, input.vout)));
}

type Scripts = ReadonlyMap<string, ScriptPosition>;

function scriptsOf({ wallet }: Stack): Scripts {
  const positions = ([0, 1] as const).flatMap((branch) =>
    Array.from({ length: INDEXES }, (_, index) => ({ branch, index })),
  );
  return new Map(
    positions.map((position) => {
      const { scriptPubKey } = deriveScript(wallet, position.branch, position.index);
      return [Buffer.from(scriptPubKey).toString("hex"), position];
    }),
  );
}

async function coinAt(stack: Stack, scripts: Scripts, txid: string, vout: number): Promise<Coin> {
  const previousTransaction = await rawTransaction(stack, txid);
  const found = matchOutputs(previousTransaction, scripts).find((output) => output.vout === vout);
  if (found === undefined) throw new Error(`${txid}:${vout} is not the wallet's`);
  const { branch, index } = found.match;
  return { txid, vout, amountSat: found.amountSat, branch, index, previousTransaction };
}

async function rawTransaction({ chain }: Stack, txid: string): Promise<Uint8Array> {
  return new Uint8Array(Buffer.from(await chain.rpc<string>("getrawtransaction", txid), "hex"));
}
