// What a task means, read from its bytes without any code of ours: who is paid what, out of which coins, on whose word.
import { hash } from "node:crypto";

/**
 * Two payouts are equal in meaning when they spend the same outpoints, with the same previous transactions and the same
 * true words about each; pay the same scripts the same amounts; and give back all the rest, but a fee within the limits,
 * to one own change address. Not a part of the meaning, because nobody is paid more or less by it: the order of inputs,
 * outputs and fields, which of the own change addresses it is, whether it is described, and words that BIP174 has a
 * default for (version 0, SIGHASH_ALL, the witness UTXO beside the whole previous transaction).
 */
export type Payout = {
  readonly txid: string;
  /** By outpoint, what is said about it: previous transaction, witness script, origins of its keys. */
  readonly spends: ReadonlyMap<string, string>;
  readonly outputs: readonly { readonly scriptHex: string; readonly amountSat: bigint; readonly said: string }[];
};

const VERSION = 2;
const SEQUENCE = 0xffff_fffd;
const UNSIGNED_TRANSACTION = "00";
const PSBT_VERSION = "fb";
const WITNESS_UTXO = "01";
const SIGHASH = "03";
const SIGHASH_ALL = "01000000";

/** Null for bytes that are no payout of version 2, replaceable, without a lock. */
export function readPayout(psbt: Uint8Array): Payout | null {
  try {
    const bytes = new Cursor(psbt);
    if (bytes.take(5).toString("hex") !== "70736274ff") return null;
    const globals = readMap(bytes);
    const unsigned = Buffer.from(globals.get(UNSIGNED_TRANSACTION) ?? "", "hex");
    const { version, inputs, outputs, locktime } = readTransaction(unsigned);
    const saidOfAll = without(globals, UNSIGNED_TRANSACTION, [PSBT_VERSION, "00000000"]);
    if (saidOfAll.size > 0 || version !== VERSION || locktime !== 0 || inputs.length === 0) return null;
    const spends = new Map<string, string>();
    for (const { outpoint, vout, sequence, scriptSig } of inputs) {
      const map = readMap(bytes);
      if (sequence !== SEQUENCE || scriptSig !== "" || spends.has(outpoint)) return null;
      const previous = readTransaction(Buffer.from(map.get("00") ?? "", "hex"));
      const spent = previous.outputs[vout];
      if (spent === undefined || previous.txid !== outpoint.split(":")[0]) return null;
      spends.set(outpoint, words(without(map, [WITNESS_UTXO, spent.raw], [SIGHASH, SIGHASH_ALL])));
    }
    const made = outputs.map(({ scriptHex, amountSat }) => ({ scriptHex, amountSat, said: words(readMap(bytes)) }));
    if (bytes.left > 0) return null;
    return { txid: hash256(unsigned), spends, outputs: made };
  } catch {
    return null;
  }
}

/** Thrown for whatever is not there, not minimal or too much; caught above. */
class Unreadable extends Error {}

class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(length: number): Buffer {
    if (length > this.left) throw new Unreadable();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  size(): number {
    const first = this.take(1).readUInt8();
    if (first < 0xfd) return first;
    const width = { 253: 2, 254: 4 }[first];
    if (width === undefined) throw new Unreadable();
    const value = this.take(width).readUIntLE(0, width);
    if (value < (width === 2 ? 0xfd : 0x1_0000)) throw new Unreadable();
    return value;
  }

  sized(): Buffer {
    return this.take(this.size());
  }
}

function readMap(bytes: Cursor): Map<string, string> {
  const map = new Map<string, string>();
  for (;;) {
    const key = bytes.sized().toString("hex");
    if (key === "") return map;
    if (map.has(key)) throw new Unreadable();
    map.set(key, bytes.sized().toString("hex"));
  }
}

function readTransaction(raw: Buffer) {
  const bytes = new Cursor(raw);
  const version = bytes.take(4).readInt32LE();
  const inputs = list(bytes, () => {
    const txid = Buffer.from(bytes.take(32)).reverse().toString("hex");
    const vout = bytes.take(4).readUInt32LE();
    const scriptSig = bytes.sized().toString("hex");
    return { outpoint: `${txid}:${vout}`, vout, scriptSig, sequence: bytes.take(4).readUInt32LE() };
  });
  const outputs = list(bytes, () => {
    const amount = bytes.take(8);
    const script = bytes.sized();
    const size = Buffer.of(script.length);
    const scriptHex = script.toString("hex");
    return {
      amountSat: amount.readBigUInt64LE(),
      scriptHex,
      raw: Buffer.concat([amount, size, script]).toString("hex"),
    };
  });
  const locktime = bytes.take(4).readUInt32LE();
  if (bytes.left > 0) throw new Unreadable();
  return { version, inputs, outputs, locktime, txid: hash256(raw) };
}

function list<T>(bytes: Cursor, read: () => T): readonly T[] {
  const count = bytes.size();
  if (count > bytes.left) throw new Unreadable();
  return Array.from({ length: count }, read);
}

/** The map without one of its words, where it is exactly this one. */
function without(map: ReadonlyMap<string, string>, ...words: readonly (string | readonly [string, string])[]) {
  const rest = new Map(map);
  for (const word of words) {
    if (typeof word === "string") rest.delete(word);
    else if (rest.get(word[0]) === word[1]) rest.delete(word[0]);
  }
  return rest;
}

function words(map: ReadonlyMap<string, string>): string {
  return [...map]
    .map(([key, value]) => `${key}=${value}`)
    .toSorted()
    .join(" ");
}

function hash256(bytes: Uint8Array): string {
  return hash("sha256", hash("sha256", bytes, "buffer"), "buffer")
    .reverse()
    .toString("hex");
}

export type Meaning = {
  readonly control: Payout;
  /** What every input of the control is worth together. */
  readonly inputSat: bigint;
  /** By script, what may be said of it: nothing, or where in the wallet it is. */
  readonly ownChange: ReadonlyMap<string, string>;
};

/** The fee of a payout that is equal in meaning to the control but for its fee; null when it is not. */
export function feeIfEqual(payout: Payout | null, { control, inputSat, ownChange }: Meaning): bigint | null {
  if (payout === null || payout.spends.size !== control.spends.size) return null;
  for (const [outpoint, said] of control.spends) if (payout.spends.get(outpoint) !== said) return null;
  const isChange = ({ scriptHex, said }: Payout["outputs"][number]) => {
    const truth = ownChange.get(scriptHex);
    return truth !== undefined && (said === "" || said === truth);
  };
  const change = payout.outputs.filter(isChange);
  if (change.length > 1 || change.some(({ amountSat }) => amountSat < DUST_SAT)) return null;
  const paid = (outputs: Payout["outputs"]) =>
    outputs
      .filter((output) => !isChange(output))
      .map(({ scriptHex, amountSat, said }) => `${scriptHex} ${amountSat} ${said}`)
      .toSorted()
      .join();
  if (paid(payout.outputs) !== paid(control.outputs)) return null;
  return inputSat - payout.outputs.reduce((sum, { amountSat }) => sum + amountSat, 0n);
}

/** Of a P2WSH output (Bitcoin Core, GetDustThreshold). */
const DUST_SAT = 330n;
