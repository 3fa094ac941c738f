// A wallet of 2-of-3 P2WSH on a regtest node, with our own list of its coins beside the node's.
import {
  type Coin,
  decodeTransaction,
  deriveScript,
  matchOutputs,
  outpointOf,
  type PlannedPayout,
  parseDescriptor,
  type ScriptPosition,
  type WalletDescriptor,
  walletDescriptor,
} from "@sluice/chains";
import type { Payout } from "./coins-account.ts";
import type { Payment } from "./coins-year.ts";

/** Of a wallet of the node, or of the node itself when the name is empty. */
export type Rpc = <T>(wallet: string, method: string, params?: readonly unknown[]) => Promise<T>;

/** The address carries the credentials: http://user:password@host:port. */
export function openRpc(rpcUrl: string): Rpc {
  const url = new URL(rpcUrl);
  const authorization = `Basic ${Buffer.from(`${url.username}:${url.password}`).toString("base64")}`;
  return async <T>(wallet: string, method: string, params: readonly unknown[] = []) => {
    const response = await fetch(new URL(wallet === "" ? "/" : `/wallet/${wallet}`, url.origin), {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "1.0", id: 1, method, params }),
    });
    const { result, error } = (await response.json()) as { result: T; error: { readonly message: string } | null };
    if (error !== null) throw new Error(`${method}: ${error.message}`);
    return result;
  };
}

/** What was chosen, signed and complete. */
export type Signed = Payout & { readonly hex: string; readonly txid: string };

export class NodeWallet {
  readonly name: string;
  readonly descriptor: WalletDescriptor;
  readonly #rpc: Rpc;
  #coins = new Map<string, Coin>();
  #scripts = new Map<string, ScriptPosition>();
  #received = 0;

  constructor(rpc: Rpc, name: string, descriptor: WalletDescriptor) {
    this.#rpc = rpc;
    this.name = name;
    this.descriptor = descriptor;
  }

  get coins(): readonly Coin[] {
    return [...this.#coins.values()];
  }

  newAddress(): string {
    return this.#watch({ branch: 0, index: this.#received++ });
  }

  /** Notes what a transaction spends and makes; the change of a payout is at this index. */
  note(hex: string, changeIndex?: number): void {
    if (changeIndex !== undefined) this.#watch({ branch: 1, index: changeIndex });
    const previousTransaction = Uint8Array.from(Buffer.from(hex, "hex"));
    const { txid, inputs } = decodeTransaction(previousTransaction);
    for (const spent of inputs) this.#coins.delete(outpointOf(spent));
    for (const { vout, amountSat, match } of matchOutputs(previousTransaction, this.#scripts)) {
      this.#coins.set(`${txid}:${vout}`, { txid, vout, amountSat, ...match, previousTransaction });
    }
  }

  #watch(position: ScriptPosition): string {
    const { scriptPubKey, address } = deriveScript(this.descriptor, position.branch, position.index);
    this.#scripts.set(Buffer.from(scriptPubKey).toString("hex"), position);
    return address;
  }

  /** What the node's own wallet would choose, with its fee; nothing is locked. */
  async fund(payments: readonly Payment[], feeRateSatPerVbyte: number): Promise<{ psbt: string; feeSat: bigint }> {
    const outputs = payments.map(({ address, amountSat }) => ({ [address]: bitcoins(amountSat) }));
    const options = { fee_rate: feeRateSatPerVbyte, replaceable: true };
    const funded = await this.#rpc<{ psbt: string; fee: number }>(this.name, "walletcreatefundedpsbt", [
      [],
      outputs,
      0,
      options,
    ]);
    return { psbt: funded.psbt, feeSat: BigInt(Math.round(funded.fee * 1e8)) };
  }

  sign(psbt: string, feeSat: bigint, payments: number): Promise<Signed> {
    return this.#finish(psbt, feeSat, payments);
  }

  signPlan({ psbt, feeSat }: PlannedPayout, payments: number): Promise<Signed> {
    return this.#finish(Buffer.from(psbt).toString("base64"), feeSat, payments);
  }

  async #finish(psbt: string, feeSat: bigint, payments: number): Promise<Signed> {
    const { hex, complete } = await this.#rpc<{ hex?: string; complete: boolean }>(this.name, "walletprocesspsbt", [
      psbt,
    ]);
    if (!complete || hex === undefined) throw new Error(`${this.name}: the node does not sign this`);
    const { txid, vsize, vin, vout } = await this.#rpc<NodeTransaction>(this.name, "decoderawtransaction", [hex]);
    return { hex, txid, feeSat, vbytes: vsize, inputs: vin.length, changeless: vout.length === payments };
  }
}

type NodeTransaction = {
  readonly txid: string;
  readonly vsize: number;
  readonly vin: readonly unknown[];
  readonly vout: readonly unknown[];
};

/** A wallet that the node can sign for, of three keys that the node draws. */
export async function createNodeWallet(rpc: Rpc, name: string): Promise<NodeWallet> {
  const keys = await Promise.all([0, 1, 2].map((holder) => drawKey(rpc, `${name}-${holder}`)));
  const [a, b, c] = keys;
  if (a === undefined || b === undefined || c === undefined) throw new Error("three keys were drawn");
  const parsed = parseDescriptor(walletDescriptor("regtest", [a, b, c]), "regtest");
  if (!parsed.ok) throw new Error(parsed.refusal.detail);
  await rpc("", "createwallet", [name, false, true]);
  const secret = `wsh(sortedmulti(2,${keys.map((key) => `${key.secret}/<0;1>/*`).join(",")}))`;
  const { checksum } = await rpc<{ checksum: string }>("", "getdescriptorinfo", [secret]);
  const request = { desc: `${secret}#${checksum}`, active: true, timestamp: "now", range: [0, 1_500], next_index: 0 };
  const [imported] = await rpc<readonly { success: boolean }[]>(name, "importdescriptors", [[request]]);
  if (imported?.success !== true) throw new Error("the node does not take the descriptor");
  return new NodeWallet(rpc, name, parsed.value);
}

/** The master key and the account of a fresh wallet of the node's. */
async function drawKey(rpc: Rpc, name: string) {
  await rpc("", "createwallet", [name]);
  const list = async (secret: boolean): Promise<string> => {
    const { descriptors } = await rpc<{ descriptors: readonly { desc: string }[] }>(name, "listdescriptors", [secret]);
    return descriptors.find(({ desc }) => desc.startsWith("wpkh("))?.desc ?? "";
  };
  const open = /^wpkh\(\[([0-9a-f]{8})\/([0-9h/]+)\]([0-9A-Za-z]+)\//.exec((await list(false)).replaceAll("'", "h"));
  const closed = /^wpkh\((\w+)\/([0-9h/]+)\/[01]\/\*\)/.exec((await list(true)).replaceAll("'", "h"));
  await rpc("", "unloadwallet", [name]);
  const [, fingerprint = "", path = "", xpub = ""] = open ?? [];
  const [, master = "", steps = ""] = closed ?? [];
  return { fingerprint, path, xpub, secret: `${master}/${steps}` };
}

/** The node takes amounts as decimal text too, so no floating point comes near them. */
export function bitcoins(amountSat: bigint): string {
  return `${amountSat / 100_000_000n}.${String(amountSat % 100_000_000n).padStart(8, "0")}`;
}
