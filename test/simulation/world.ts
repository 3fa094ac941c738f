// What all parts of a simulated deployment share: chance, time, faults, and the truth that the promises are checked by.
import type { DecodedPayout } from "@sluice/chains";
import type { Policy } from "@sluice/second-opinion";
import type { Bug } from "./bugs.ts";
import type { Chain } from "./chain.ts";
import { Chance } from "./chance.ts";
import type { Gateway } from "./gateway.ts";
import type { HolderModel } from "./holder.ts";
import type { Kafka } from "./kafka.ts";
import type { OnlineRisk } from "./online-risk.ts";
import { type Promised, Violation } from "./promised.ts";
import type { Treasury } from "./treasury.ts";
import type { Vault } from "./vault.ts";
import type { Zone } from "./zone.ts";

export type Risk = "clear" | "delay" | "hold" | "reject";

/** What the backend signs and posts. Requests are equal when they are the same object: the same bytes. */
export type Request = {
  readonly id: string;
  readonly account: string;
  readonly script: Buffer;
  readonly scriptHex: string;
  readonly amountSat: bigint;
  readonly risk: Risk;
};

/** A sealed clearance. Nobody can make one but online-risk, so one is believed when it is the very object. */
export type Cleared = { readonly request: Request; readonly clearedAtMs: number };

export type Payment = Pick<Request, "script" | "scriptHex" | "amountSat">;

export type Tx = {
  readonly txid: string;
  readonly inputs: readonly string[];
  readonly payments: readonly Payment[];
  /** 0 without change; else the last output. */
  readonly changeSat: bigint;
  readonly feeSat: bigint;
  readonly vbytes: number;
  readonly decoded: DecodedPayout;
};

/** Who is in enemy hands, beside a bad holder. */
export type Enemy = "none" | "vault" | "zone";

export type Setting = {
  readonly seed: number;
  readonly bug: Bug;
  readonly enemy: Enemy;
  readonly badHolder: number | null;
  readonly policies: readonly Policy[];
  /** One history has its own frequency of faults: rare ones show what many faults at once would hide. */
  readonly faultsPerThousand: number;
};

export type Parts = {
  readonly kafka: Kafka;
  readonly chain: Chain;
  readonly onlineRisk: OnlineRisk;
  readonly vault: Vault;
  readonly zone: Zone;
  readonly holders: readonly HolderModel[];
  readonly gateway: Gateway;
  readonly treasury: Treasury;
};

export const EMPTY = new Uint8Array();
export const DEPTH = 3;
const START_MS = Date.UTC(2026, 0, 1);

export class World {
  readonly setting: Setting;
  readonly chance: Chance;
  readonly faults = new Map<string, number>();
  readonly trace: string[] | null;
  nowMs = START_MS;
  /** No fault happens any more, and everybody is there. */
  calm = false;
  parts!: Parts;

  /** What the API answered 202 to, and what online-risk has cleared and committed. */
  readonly accepted = new Map<string, Request>();
  readonly clearances = new Map<string, Cleared>();
  readonly coinSat = new Map<string, bigint>();
  readonly transactions = new Map<string, Tx>();
  /** Who really signed what, whatever they say; and what two have signed, which anybody may send to the network. */
  readonly signatures = new Map<string, Set<number>>();
  readonly signedFor = new Map<string, readonly string[]>();
  readonly completed: Tx[] = [];
  readonly parked: string[] = [];
  readonly #txids = new Map<string, string>();

  constructor(setting: Setting, traced: boolean) {
    this.setting = setting;
    this.chance = new Chance(setting.seed);
    this.trace = traced ? [] : null;
  }

  has(bug: Bug): boolean {
    return this.setting.bug === bug;
  }

  /** A fault that happens now, or does not. */
  strikes(kind: string, weight = 1): boolean {
    if (this.calm || this.chance.below(1_000) >= this.setting.faultsPerThousand * weight) return false;
    this.count(kind);
    return true;
  }

  /** The crash point at which a process dies now, if it does. */
  crashAt<P extends string>(process: string, points: readonly P[]): P | null {
    if (this.calm || this.chance.below(1_000) >= this.setting.faultsPerThousand) return null;
    const point = this.chance.pick(points);
    this.count(`${process} dies ${point}`);
    return point;
  }

  count(kind: string): void {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
    this.trace?.push(`  FAULT ${kind}`);
  }

  fail(promised: Promised, detail: string): never {
    throw new Violation(promised, detail);
  }

  /** One transaction for the same inputs and outputs, with one id, as bytes would have it. */
  transaction(inputs: readonly string[], payments: readonly Payment[], changeSat: bigint, feeSat: bigint): Tx {
    const outputs = payments.map(({ scriptHex, amountSat }) => `${scriptHex}=${amountSat}`).join("+");
    const content = `${inputs.join("+")}>${outputs}+${changeSat}`;
    const known = this.transactions.get(this.#txids.get(content) ?? "");
    if (known !== undefined) return known;
    const txid = `t${this.#txids.size + 1}`;
    const vbytes = vbytesOf(inputs.length, payments.length + (changeSat > 0n ? 1 : 0));
    const head = { txid, inputs, payments, changeSat, feeSat, vbytes };
    const tx: Tx = { ...head, decoded: decodedOf(head, this.coinSat) };
    this.#txids.set(content, txid);
    this.transactions.set(txid, tx);
    if (changeSat > 0n) this.coinSat.set(`${txid}:${payments.length}`, changeSat);
    return tx;
  }

  transactionOf(txid: string): Tx {
    const tx = this.transactions.get(txid);
    if (tx === undefined) throw new Error(`there is no transaction ${txid}`);
    return tx;
  }
}

/** Of a P2WSH 2-of-3 input, 105 vbytes; of an output, 43; and 11 around them. Close enough for limits on fees. */
export function vbytesOf(inputs: number, outputs: number): number {
  return 11 + 105 * inputs + 43 * outputs;
}

function decodedOf(tx: Omit<Tx, "decoded">, coinSat: ReadonlyMap<string, bigint>): DecodedPayout {
  const { txid, inputs, payments, changeSat, feeSat, vbytes } = tx;
  const change = { index: payments.length, branch: 1, pathIndex: 0, amountSat: changeSat } as const;
  return {
    txid,
    unsignedTransaction: EMPTY,
    inputs: inputs.map((outpoint) => {
      return { outpoint, amountSat: coinSat.get(outpoint) ?? 0n, branch: 0, index: 0, sighash: EMPTY } as const;
    }),
    payments: payments.map(({ script, amountSat }, index) => ({ index, scriptPubKey: script, amountSat })),
    change: changeSat > 0n ? [change] : [],
    own: [],
    ...{ feeSat, vbytes, feeRateSatPerVbyte: Number(feeSat) / vbytes },
  };
}
