// blockchain-gateway: stores, sends, follows the best chain block by block in both directions, counts confirmations.
import { type Attempted, type Effect, type Kafka, type Message, NOTHING, Parked, Service } from "./kafka.ts";
import { DEPTH, type Tx, type World } from "./world.ts";

type State = "signed" | "broadcast" | "included" | "confirmed";

type Followed = {
  readonly tx: Tx;
  readonly withdrawals: readonly Attempted[];
  state: State;
  height: number;
  confirmations: number;
  sentAtMs: number;
};

const SEND_AGAIN_MS = 60_000;

export class Gateway extends Service {
  readonly followed = new Map<string, Followed>();
  readonly #blocks: { readonly hash: string; readonly txids: readonly string[] }[] = [];
  #revision = 0;

  constructor(world: World, kafka: Kafka) {
    super(world, "blockchain-gateway", ["transaction.signed"], kafka);
  }

  protected forget(): void {}

  protected handle(message: Message): Effect {
    if (message.topic !== "transaction.signed") throw new Error(`nobody reads ${message.topic} here`);
    const { tx, withdrawals } = message.body;
    const known = this.followed.get(tx.txid);
    if (known !== undefined) {
      if (JSON.stringify(known.withdrawals) !== JSON.stringify(withdrawals)) throw new Parked("TRANSACTION_CHANGED");
      return NOTHING;
    }
    const first = { state: "signed", height: -1, confirmations: 0, sentAtMs: Number.NEGATIVE_INFINITY } as const;
    return { out: [], apply: () => void this.followed.set(tx.txid, { tx, withdrawals, ...first }) };
  }

  /** Step 9 and 10: one that no node is known to have, or that was not sent for a while. */
  broadcast(): boolean {
    const { world } = this;
    for (const one of this.followed.values()) {
      const again = one.state === "broadcast" && !world.has("a dropped transaction is not sent again");
      if (one.state !== "signed" && !again) continue;
      if (world.nowMs - one.sentAtMs < SEND_AGAIN_MS) continue;
      if (world.strikes("the node does not answer", 3)) return true;
      const answer = world.parts.chain.send(one.tx);
      world.trace?.push(`${this.name}: sends ${one.tx.txid}, ${answer}`);
      if (world.strikes("the node's answer is lost", 3)) return true;
      if (world.crashAt(this.name, ["between sending and its record"]) !== null) {
        this.crash();
        return true;
      }
      one.sentAtMs = world.nowMs;
      if (answer === "refused") return true;
      return this.transact(() => `records the sending of ${one.tx.txid}`, this.#sent(one, answer === "in a block"));
    }
    return false;
  }

  #sent(one: Followed, inBlock: boolean): Effect {
    const { txid } = one.tx;
    const height = inBlock ? this.#blocks.findIndex(({ txids }) => txids.includes(txid)) : -1;
    const apply = () => {
      if (one.state === "signed") one.state = "broadcast";
      if (height < 0 || one.state !== "broadcast") return;
      // It came to us after its block was read.
      [one.state, one.height, one.confirmations] = ["included", height, 0];
    };
    return { out: one.state === "signed" ? [this.#broadcast(one)] : [], apply };
  }

  #broadcast({ tx: { txid }, withdrawals }: Followed): Message {
    return { topic: "transaction.broadcast", id: txid, key: txid, body: { txid, withdrawals } };
  }

  /** One step along the node's chain. */
  follow(): boolean {
    const { world } = this;
    const { blocks } = world.parts.chain;
    const tip = this.#blocks.at(-1);
    const nodeTip = world.strikes("the node is a block behind") ? blocks.length - 1 : blocks.length;
    const at = this.#blocks.length - 1;
    if (tip !== undefined && at < nodeTip && blocks[at]?.hash !== tip.hash) {
      if (!world.has("a reorganisation is not followed"))
        return this.transact(() => `undoes ${tip.hash}`, this.#undo(at));
    } else if (this.#blocks.length < nodeTip) {
      return this.transact(() => `reads block ${this.#blocks.length}`, this.#read(this.#blocks.length));
    } else return this.transact(() => "counts confirmations", this.#count());
    return false;
  }

  #undo(height: number): Effect {
    const gone = [...this.followed.values()].filter((one) => one.height === height);
    const out = gone.map((one, index): Message => this.#fact("transaction.reorged", one, this.#revision + index + 1));
    const apply = () => {
      this.#revision += gone.length;
      this.#blocks.pop();
      for (const one of gone)
        [one.state, one.height, one.confirmations, one.sentAtMs] = ["broadcast", -1, 0, -Infinity];
    };
    return { out, apply };
  }

  #read(height: number): Effect {
    const block = this.world.parts.chain.blocks[height];
    if (block === undefined) throw new Error(`there is no block ${height}`);
    const found = block.txids.flatMap((txid) => {
      const one = this.followed.get(txid);
      return one !== undefined && (one.state === "signed" || one.state === "broadcast") ? [one] : [];
    });
    const out = found.filter(({ state }) => state === "signed").map((one) => this.#broadcast(one));
    const apply = () => {
      this.#blocks.push(block);
      for (const one of found) [one.state, one.height, one.confirmations] = ["included", height, 0];
    };
    return { out: [...out, ...this.#coins(height)], apply };
  }

  /** Coins of the wallet that lie as deep as demanded now: one that may vanish with its block is not simulated. */
  #coins(height: number): readonly Message[] {
    const deep = height - DEPTH + 1;
    return (this.#blocks[deep]?.txids ?? []).flatMap((txid): readonly Message[] => {
      const deposit = this.world.parts.chain.depositOf(txid);
      if (deposit !== undefined) {
        return [{ topic: "coin.observed", id: deposit.outpoint, key: "hot", body: { ...deposit, branch: 0 } }];
      }
      const { payments, changeSat: amountSat } = this.world.transactionOf(txid);
      const outpoint = `${txid}:${payments.length}`;
      if (amountSat === 0n) return [];
      return [{ topic: "coin.observed", id: outpoint, key: "hot", body: { outpoint, amountSat, branch: 1 } }];
    });
  }

  #count(): Effect | null {
    let waits = false;
    for (const { state } of this.followed.values()) waits ||= state === "included";
    if (!waits) return null;
    const changed = [...this.followed.values()].flatMap((one) => {
      const confirmations = one.state === "included" ? this.#blocks.length - one.height : one.confirmations;
      return confirmations === one.confirmations ? [] : [{ one, confirmations }];
    });
    if (changed.length === 0) return null;
    const depth = this.world.has("confirmed without depth") ? 1 : DEPTH;
    const out = changed.map(({ one, confirmations }, index): Message => {
      const topic = confirmations >= depth ? "transaction.confirmed" : "transaction.included";
      return this.#fact(topic, one, this.#revision + index + 1);
    });
    const apply = () => {
      this.#revision += changed.length;
      for (const { one, confirmations } of changed) {
        one.confirmations = confirmations;
        one.state = confirmations >= depth ? "confirmed" : "included";
      }
    };
    return { out, apply };
  }

  #fact(
    topic: "transaction.included" | "transaction.reorged" | "transaction.confirmed",
    { tx: { txid }, withdrawals }: Followed,
    revision: number,
  ): Message {
    const body = { txid, withdrawals, revision };
    return { topic, id: `${txid}/${revision}`, key: txid, body };
  }
}
