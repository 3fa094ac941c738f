// Kafka and Postgres as a service has them: a transaction is all or nothing, an outbox is relayed at least once, a record
// is read again after a crash. Order is kept within a partition only until somebody reads it again.
import type { MessageOf } from "@sluice/contracts";
import type { Cleared, Tx, World } from "./world.ts";

export type Attempted = { readonly withdrawalId: string; readonly attempt: number };
type OnChain = { readonly txid: string; readonly withdrawals: readonly Attempted[]; readonly revision: number };

export type Bodies = {
  readonly "withdrawal.cleared": Cleared;
  readonly "transaction.planned": { readonly withdrawals: readonly Attempted[] };
  readonly "signing.started": { readonly withdrawals: readonly Attempted[] };
  readonly "risk.reported": MessageOf<"risk.reported.v1">;
  readonly "transaction.signed": { readonly tx: Tx; readonly withdrawals: readonly Attempted[] };
  readonly "transaction.broadcast": { readonly txid: string; readonly withdrawals: readonly Attempted[] };
  readonly "transaction.included": OnChain;
  readonly "transaction.reorged": OnChain;
  readonly "transaction.confirmed": OnChain;
  readonly "coin.observed": { readonly outpoint: string; readonly amountSat: bigint; readonly branch: 0 | 1 };
};

export type Topic = keyof Bodies;
export type Message = {
  [T in Topic]: { readonly topic: T; readonly id: string; readonly key: string; readonly body: Bodies[T] };
}[Topic];

/** What a transaction does, decided before any of it is done. */
export type Effect = { readonly out: readonly Message[]; readonly apply: () => void };
export const NOTHING: Effect = { out: [], apply: () => undefined };

/** Thrown by a handler: the message is kept for a person, and nothing else happens. */
export class Parked extends Error {}

const PARTITIONS = 2;

type Log = Message[];

export class Kafka {
  readonly #logs = new Map<Topic, readonly Log[]>();
  readonly all: Log[] = [];

  log(topic: Topic, partition: number): Log {
    const known = this.#logs.get(topic) ?? Array.from({ length: PARTITIONS }, (): Log => []);
    if (!this.#logs.has(topic)) {
      this.#logs.set(topic, known);
      this.all.push(...known);
    }
    return known[partition] ?? [];
  }

  publish(message: Message): void {
    this.log(message.topic, (message.key.charCodeAt(message.key.length - 1) || 0) % PARTITIONS).push(message);
  }
}

type Reader = { readonly log: Log; position: number; committed: number; stalledUntilMs: number };

export abstract class Service {
  readonly name: string;
  readonly world: World;
  /** A message keeps its id, and here its very object, wherever it is repeated. */
  readonly #inbox = new Set<object>();
  readonly #outbox: Message[] = [];
  readonly #readers: Reader[];
  #published = 0;

  constructor(world: World, name: string, topics: readonly Topic[], kafka: Kafka) {
    this.name = name;
    this.world = world;
    this.#readers = topics.flatMap((topic) =>
      Array.from({ length: PARTITIONS }, (_, at) => ({
        log: kafka.log(topic, at),
        position: 0,
        committed: 0,
        stalledUntilMs: 0,
      })),
    );
  }

  /** Decides; throws Parked. Whatever is done is in the effect. */
  protected abstract handle(message: Message): Effect;

  /** What this process had in memory is gone. */
  protected abstract forget(): void;

  crash(): void {
    this.world.trace?.push(`  ${this.name} starts again`);
    for (const reader of this.#readers) reader.position = reader.committed;
    this.forget();
  }

  /** One transaction of its own accord. False when there was nothing to do. */
  transact(what: () => string, effect: Effect | null): boolean {
    if (effect === null) return false;
    this.world.trace?.push(`${this.name}: ${what()}`);
    this.commit(effect, this.world.crashAt(this.name, ["before its commit", "after its commit"]));
    return true;
  }

  protected commit(effect: Effect, crash: "before its commit" | "after its commit" | null): void {
    if (crash === "before its commit") {
      if (this.world.has("outbox sent before commit"))
        for (const out of effect.out) this.world.parts.kafka.publish(out);
      this.crash();
      return;
    }
    effect.apply();
    this.#outbox.push(...effect.out);
    if (crash !== null) this.crash();
  }

  /** What arrives once more is known by its id, from the bus or over the bridge. */
  once(message: object, effect: () => Effect): Effect {
    if (this.#inbox.has(message) && !this.world.has("inbox not consulted")) return NOTHING;
    const decided = effect();
    return {
      out: decided.out,
      apply: () => {
        this.#inbox.add(message);
        decided.apply();
      },
    };
  }

  /** Handles the next record of one partition. */
  deliver(): boolean {
    const { chance } = this.world;
    const begin = chance.below(this.#readers.length);
    for (let count = 0; count < this.#readers.length; count += 1) {
      const reader = this.#readers[(begin + count) % this.#readers.length];
      const message = reader?.log[reader.position];
      if (reader === undefined || message === undefined) continue;
      if (reader.stalledUntilMs > this.world.nowMs) continue;
      this.#take(reader, message);
      return true;
    }
    return false;
  }

  #take(reader: Reader, message: Message): void {
    const { world } = this;
    world.trace?.push(`${this.name}: takes ${message.topic} ${message.id}`);
    const crash = world.crashAt(this.name, ["before its commit", "between commit and offset", "after its offset"]);
    if (world.has("offset committed before the transaction")) reader.committed = reader.position + 1;
    if (crash === "before its commit") {
      if (world.has("outbox sent before commit")) this.commit(this.#effectOf(message), crash);
      else this.crash();
      return;
    }
    this.commit(this.#effectOf(message), null);
    if (crash !== "between commit and offset") {
      reader.position += 1;
      reader.committed = reader.position;
    }
    if (crash !== null) this.crash();
  }

  #effectOf(message: Message): Effect {
    try {
      return this.once(message, () => this.handle(message));
    } catch (error) {
      if (!(error instanceof Parked)) throw error;
      this.park(`${message.topic} ${message.id}`, error.message);
      return NOTHING;
    }
  }

  park(what: string, why: string): void {
    this.world.trace?.push(`  ${this.name} parks ${what}: ${why}`);
    this.world.parked.push(`${this.name} parked ${what}: ${why}`);
  }

  /** Publishes some of the outbox and marks them. */
  relay(): boolean {
    const { world } = this;
    const waiting = this.#outbox.length - this.#published;
    if (waiting === 0) return false;
    const some = this.#outbox.slice(this.#published, this.#published + 1 + world.chance.below(Math.min(4, waiting)));
    world.trace?.push(`${this.name}: publishes ${some.map(({ topic, id }) => `${topic} ${id}`).join(", ")}`);
    const crash = world.crashAt(this.name, ["before publishing", "between publishing and its mark"]);
    if (crash === "before publishing") {
      this.crash();
      return true;
    }
    for (const message of some) world.parts.kafka.publish(message);
    if (crash === null) this.#published += some.length;
    else if (world.has("outbox marked before it is published")) this.#published = this.#outbox.length;
    if (crash !== null) this.crash();
    return true;
  }

  get hasUnread(): boolean {
    return this.#readers.some(({ log, position }) => position < log.length);
  }

  /** What is in one partition arrives late. */
  stall(): void {
    const { chance, nowMs } = this.world;
    chance.pick(this.#readers).stalledUntilMs = nowMs + 60_000 * (1 + chance.below(20));
  }

  /** The group remembers an older offset than it had. */
  rewind(): void {
    const reader = this.world.chance.pick(this.#readers);
    reader.committed = this.world.chance.below(reader.committed + 1);
    reader.position = reader.committed;
  }
}
