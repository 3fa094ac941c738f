// Parents before their children: a node takes no transaction whose inputs it does not know.

export type Dependent = {
  readonly txid: string;
  /** Of the transactions whose outputs it spends. */
  readonly parents: readonly string[];
};

/** The same transactions, each behind those of them that it spends; what does not depend on each other keeps its order. */
export function inDependencyOrder<T extends Dependent>(transactions: readonly T[]): readonly T[] {
  const byTxid = new Map(transactions.map((each) => [each.txid, each]));
  const ordered = new Set<T>();
  // By a stack of its own: a chain of transactions may be longer than the call stack is deep.
  for (const first of transactions) {
    const open = [first];
    const entered = new Set<string>();
    for (let each = open.at(-1); each !== undefined; each = open.at(-1)) {
      const missing = entered.has(each.txid) ? [] : parentsOf(each, byTxid).filter((parent) => !ordered.has(parent));
      entered.add(each.txid);
      if (missing.length > 0) open.push(...missing.toReversed());
      else {
        ordered.add(each);
        open.pop();
      }
    }
  }
  return [...ordered];
}

function parentsOf<T extends Dependent>({ parents }: T, byTxid: ReadonlyMap<string, T>): readonly T[] {
  return parents.flatMap((txid) => byTxid.get(txid) ?? []);
}
