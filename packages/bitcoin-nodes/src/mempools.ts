// What the nodes' mempools hold: the entry of one transaction, and who spends given outpoints. Mempools differ, so the middle counts.
import { effectiveSatPerKvbyte, type MempoolEntry } from "@sluice/chain-watch";
import { z } from "zod";
import { agreedOn } from "./agreement.ts";

export type MempoolQuestions = {
  /** Null when its mempool does not have it. */
  readonly mempoolEntry: (txid: string) => Promise<MempoolEntry | null>;
  /** By outpoint (txid:vout); those that nothing in its mempool spends are missing. */
  readonly mempoolSpenders: (outpoints: readonly string[]) => Promise<ReadonlyMap<string, string>>;
};

export type Asking = {
  readonly find: <S extends z.ZodType>(
    shape: S,
    absent: readonly number[],
    method: string,
    ...params: unknown[]
  ) => Promise<z.output<S> | null>;
  readonly must: <S extends z.ZodType>(shape: S, method: string, ...params: unknown[]) => Promise<z.output<S>>;
};

const NOT_FOUND = -5;

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const bitcoins = z.number().min(0).max(21_000_000);
const vbytes = z.number().int().min(1);
const count = z.number().int().min(1);
const entryShape = z.object({
  vsize: vbytes,
  ancestorsize: vbytes,
  descendantsize: vbytes,
  descendantcount: count,
  fees: z.object({ base: bitcoins, ancestor: bitcoins, descendant: bitcoins }),
});
const relayShape = z.object({ incrementalrelayfee: z.number().min(0).max(1) });
const spendersShape = z.array(z.object({ txid: hash, vout: z.number().int().min(0), spendingtxid: hash.optional() }));

/** One node's answers, as its own. */
export function askMempool({ find, must }: Asking): MempoolQuestions {
  return {
    mempoolEntry: async (txid) => {
      const entry = await find(entryShape, [NOT_FOUND], "getmempoolentry", txid);
      if (entry === null) return null;
      const { incrementalrelayfee } = await must(relayShape, "getmempoolinfo");
      const { vsize, ancestorsize, descendantsize, descendantcount, fees } = entry;
      return {
        vbytes: vsize,
        feeSat: satoshis(fees.base),
        withAncestors: { vbytes: ancestorsize, feeSat: satoshis(fees.ancestor) },
        withDescendants: { vbytes: descendantsize, feeSat: satoshis(fees.descendant) },
        descendants: descendantcount - 1,
        incrementalSatPerKvbyte: satoshis(incrementalrelayfee),
      };
    },
    mempoolSpenders: async (outpoints) => {
      const asked = outpoints.map((outpoint) => {
        const [txid, vout] = outpoint.split(":");
        return { txid, vout: Number(vout) };
      });
      const answers = await must(spendersShape, "gettxspendingprevout", asked);
      const spenders = answers.map(({ txid, vout, spendingtxid }) => [`${txid}:${vout}`, spendingtxid] as const);
      return new Map(spenders.flatMap(([outpoint, txid]) => (txid === undefined ? [] : [[outpoint, txid] as const])));
    },
  };
}

/** Null unless a quorum has it; then the entry in the middle by what it pays, so that no single node decides. */
export function middleEntry(entries: readonly (MempoolEntry | null)[], quorum: number): MempoolEntry | null {
  const found = entries.flatMap((entry) => entry ?? []);
  if (found.length < quorum) return null;
  const byRate = found.toSorted((a, b) => Number(effectiveSatPerKvbyte(a) - effectiveSatPerKvbyte(b)));
  return byRate[Math.floor((byRate.length - 1) / 2)] ?? null;
}

/** Those on which a quorum agrees. */
export function agreedSpenders(
  answers: readonly ReadonlyMap<string, string>[],
  outpoints: readonly string[],
  quorum: number,
): ReadonlyMap<string, string> {
  return new Map(
    outpoints.flatMap((outpoint) => {
      const claims = answers.flatMap((answer) => answer.get(outpoint) ?? []);
      const txid = agreedOn(claims, quorum, (claim) => claim);
      return txid === undefined ? [] : [[outpoint, txid] as const];
    }),
  );
}

function satoshis(amount: number): bigint {
  return BigInt(Math.round(amount * 100_000_000));
}
