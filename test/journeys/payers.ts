// What a transaction does, as the chain shows it: which wallets' scripts its inputs spend, and what an address gets.
import { decodeTransaction, findScript, parseAddress } from "@sluice/chains";
import type { Stack } from "@sluice/devstack";

type Shown = {
  readonly vin: readonly { readonly txid: string; readonly vout: number }[];
  readonly vout: readonly { readonly scriptPubKey: { readonly hex: string } }[];
};

/** Scripts are looked for below this index on both branches: more than a journey hands out. */
const INDEXES = 100;

/** By name; "" for an input that is nobody's here. */
export async function payersOf({ chain, wallets }: Stack, txid: string): Promise<readonly string[]> {
  const show = (id: string) => chain.rpc<Shown>("getrawtransaction", id, true);
  const { vin } = await show(txid);
  const names = await Promise.all(
    vin.map(async (input) => {
      const script = Buffer.from((await show(input.txid)).vout[input.vout]?.scriptPubKey.hex ?? "", "hex");
      const own = [...wallets].find(([, wallet]) => findScript(wallet, script, INDEXES) !== null);
      return own?.[0] ?? "";
    }),
  );
  return [...new Set(names)];
}

export async function amountPaidTo({ chain }: Stack, txid: string, address: string): Promise<bigint> {
  const { hex } = await chain.rpc<{ hex: string }>("getrawtransaction", txid, true);
  const parsed = parseAddress("regtest", address);
  if (!parsed.ok) throw new Error(parsed.refusal.detail);
  const script = Buffer.from(parsed.value.scriptPubKey);
  return decodeTransaction(Buffer.from(hex, "hex"))
    .outputs.filter(({ scriptPubKey }) => script.equals(scriptPubKey))
    .reduce((sum, { amountSat }) => sum + amountSat, 0n);
}
