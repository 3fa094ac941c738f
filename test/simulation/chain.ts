// A chain with blocks, a mempool that forgets and replaces, and reorganisations: at most one of two transactions that
// spend the same outpoint is in it.
import { DEPTH, type Tx, type World } from "./world.ts";

export type Block = { readonly height: number; readonly hash: string; readonly txids: readonly string[] };

type Deposit = { readonly outpoint: string; readonly amountSat: bigint };

export class Chain {
  readonly #world: World;
  readonly blocks: Block[] = [];
  readonly #mempool = new Map<string, Tx>();
  readonly #unspent = new Set<string>();
  readonly #heightOf = new Map<string, number>();
  readonly #deposits = new Map<string, Deposit>();
  #waitingDeposits: Deposit[] = [];
  #made = 0;
  /** What ever lay as deep as demanded. */
  readonly buried = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  get height(): number {
    return this.blocks.length - 1;
  }

  get mempoolSize(): number {
    return this.#mempool.size;
  }

  has(txid: string): boolean {
    return this.#heightOf.has(txid);
  }

  unspentSat(): bigint {
    return [...this.#unspent].reduce((sum, outpoint) => sum + (this.#world.coinSat.get(outpoint) ?? 0n), 0n);
  }

  unspent(): readonly string[] {
    return [...this.#unspent];
  }

  depositOf(txid: string): Deposit | undefined {
    return this.#deposits.get(txid);
  }

  deposit(amountSat: bigint): void {
    const txid = `d${this.#deposits.size + 1}`;
    const deposit = { outpoint: `${txid}:0`, amountSat };
    this.#deposits.set(txid, deposit);
    this.#world.coinSat.set(deposit.outpoint, amountSat);
    this.#waitingDeposits.push(deposit);
  }

  /** As a node answers: what spends what is spent is refused, a higher fee replaces. */
  send(tx: Tx): "taken" | "in a block" | "refused" {
    if (this.#heightOf.has(tx.txid)) return "in a block";
    if (this.#mempool.has(tx.txid)) return "taken";
    if (!tx.inputs.every((outpoint) => this.#unspent.has(outpoint))) return "refused";
    const rivals = [...this.#mempool.values()].filter((other) => conflict(other, tx));
    if (rivals.some(({ feeSat }) => feeSat >= tx.feeSat)) return "refused";
    for (const rival of rivals) this.#mempool.delete(rival.txid);
    this.#mempool.set(tx.txid, tx);
    return "taken";
  }

  drop(): boolean {
    if (this.#mempool.size === 0) return false;
    this.#mempool.clear();
    return true;
  }

  /** A block with some of what waits. */
  mine(all: boolean): void {
    const { chance } = this.#world;
    const txids: string[] = [];
    const height = this.blocks.length;
    for (const { outpoint } of this.#waitingDeposits.splice(0)) {
      this.#unspent.add(outpoint);
      txids.push(outpoint.slice(0, -2));
    }
    for (const tx of [...this.#mempool.values()]) {
      if (!all && chance.oneIn(4)) continue;
      this.#mempool.delete(tx.txid);
      if (!tx.inputs.every((outpoint) => this.#unspent.has(outpoint))) continue;
      for (const outpoint of tx.inputs) this.#unspent.delete(outpoint);
      if (tx.changeSat > 0n) this.#unspent.add(`${tx.txid}:${tx.payments.length}`);
      txids.push(tx.txid);
    }
    this.#made += 1;
    this.blocks.push({ height, hash: `b${this.#made}`, txids });
    for (const txid of txids) this.#heightOf.set(txid, height);
    for (const txid of this.blocks[height - DEPTH + 1]?.txids ?? []) this.buried.add(txid);
    this.#world.trace?.push(`chain: block ${height} b${this.#made} with ${txids.join(", ") || "nothing"}`);
    this.#checkPaidOnce();
  }

  /** The last blocks are replaced by more of them; what they held goes back to the mempool, or is forgotten. */
  reorganise(depth: number, forgets: boolean): void {
    for (let count = 0; count < depth; count += 1) this.#undo(forgets);
    for (let count = 0; count <= depth; count += 1) this.mine(false);
  }

  #undo(forgets: boolean): void {
    const block = this.blocks.pop();
    if (block === undefined) return;
    for (const txid of block.txids.toReversed()) {
      this.#heightOf.delete(txid);
      const deposit = this.#deposits.get(txid);
      if (deposit !== undefined) {
        this.#unspent.delete(deposit.outpoint);
        this.#waitingDeposits.push(deposit);
        continue;
      }
      const tx = this.#world.transactionOf(txid);
      this.#unspent.delete(`${txid}:${tx.payments.length}`);
      for (const outpoint of tx.inputs) this.#unspent.add(outpoint);
      if (!forgets) this.#mempool.set(txid, tx);
    }
  }

  #checkPaidOnce(): void {
    const paidBy = new Map<string, string>();
    for (const txid of this.#heightOf.keys()) {
      for (const withdrawalId of this.#world.signedFor.get(txid) ?? []) {
        const other = paidBy.get(withdrawalId);
        if (other !== undefined) this.#world.fail("PAID_ONCE", `${withdrawalId} is paid by ${other} and ${txid}`);
        paidBy.set(withdrawalId, txid);
      }
    }
  }
}

export function conflict(left: Pick<Tx, "inputs">, right: Pick<Tx, "inputs">): boolean {
  return left.inputs.some((outpoint) => right.inputs.includes(outpoint));
}
