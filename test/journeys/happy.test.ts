// The whole way: a signed request becomes a confirmed payment, once, for the exact amount, and every book agrees.
import { lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { HOLDERS } from "@sluice/contracts";
import { inspectSockets, proveZone, settingNamesOf, type ZoneProof } from "@sluice/devstack";
import { createPool } from "@sluice/postgres";
import { afterAll, describe, expect, it } from "vitest";
import { openBackend } from "./backend.ts";
import { amountPaidTo, payersOf } from "./payers.ts";
import { follow, paymentsTo, withStack } from "./with-stack.ts";
import { descriptorKinds, environmentOf, startControl, watchZone } from "./zone-watch.ts";

/** The second wallet is empty until it is filled below. */
const stack = withStack({
  ...{ ownChain: true, wallets: 2 },
  webhooks: () => backend.listen(),
  extraEnv: { webhooks: { SLUICE_WEBHOOK_ALLOWED_NETWORKS: "127.0.0.1", SLUICE_WEBHOOK_PLAIN_HOSTS: "127.0.0.1" } },
});
const backend = openBackend();
afterAll(() => backend.close());
let looks: readonly ZoneProof[] = [];

it("pays ten withdrawals of several accounts, each once and exactly", async () => {
  await stack().fund([30_000_000n, 20_000_000n]);
  const wanted = await Promise.all(
    Array.from({ length: 10 }, async (_, at) => ({
      id: `happy-${at}`,
      account: `account-${at % 3}`,
      asset: "BTC",
      amount: 100_000n + BigInt(at),
      address: await stack().chain.newAddress(),
    })),
  );
  const watch = watchZone(stack());
  await Promise.all(wanted.map((withdrawal) => stack().client.createWithdrawal(withdrawal)));
  const ended = await Promise.all(wanted.map(({ id }) => follow(stack(), id, ["completed"])));
  looks = await watch.stop();
  expect(ended.map(({ state }) => state)).toEqual(wanted.map(() => "completed"));
  for (const [at, { id, address, amount }] of wanted.entries()) {
    const txids = await paymentsTo(stack(), address);
    expect(txids, id).toEqual([ended[at]?.txid]);
    expect(await paid(txids[0] ?? "", address), id).toBe(amount);
  }
});

it("shows every state on the way, in the order of the journey", async () => {
  const { history } = await stack().client.getWithdrawal("happy-0");
  const states = history.map(({ state }) => state).filter((state, at, all) => state !== all[at - 1]);
  const journey = ["received", "cleared", "planned", "signing", "signed", "broadcast", "confirming", "completed"];
  expect(states).toEqual(journey.filter((state) => states.includes(state as (typeof states)[number])));
  expect(states.slice(0, 2)).toEqual(["received", "cleared"]);
  expect(states.at(-1)).toBe("completed");
});

it("tells the backend of every change of each, signed, under one id each, without a gap, and waits for its receipt", async () => {
  const ids = Array.from({ length: 10 }, (_, at) => `happy-${at}`);
  const known = await Promise.all(ids.map((id) => stack().client.getWithdrawal(id)));
  const risk = createPool({ url: stack().inside.databaseUrlOf("online-risk"), applicationName: "journey", max: 1 });
  try {
    const open = async () => (await risk.query("select from outbox where awaits @> '{webhooks}'")).rowCount;
    await expect.poll(open, { timeout: 20_000 }).toBe(0);
  } finally {
    await risk.end();
  }
  const told = known.reduce((sum, { revision }) => sum + revision, 0);
  const ofThese = () => backend.received().filter(({ event }) => ids.includes(event.data.id));
  await expect.poll(() => ofThese().length, { timeout: 20_000 }).toBeGreaterThanOrEqual(told);
  expect(new Set(ofThese().map(({ id }) => id)).size).toBe(told);
  for (const { id, revision, history, amount, address, txid } of known) {
    const events = ofThese().filter(({ event }) => event.data.id === id);
    const byRevision = new Map(events.map(({ event }) => [event.data.revision, event.data.state]));
    expect(
      [...byRevision.keys()].toSorted((a, b) => a - b),
      id,
    ).toEqual(Array.from({ length: revision }, (_, at) => at + 1));
    expect(
      [...new Set(history.map(({ state }) => state))].every((state) => [...byRevision.values()].includes(state)),
      id,
    ).toBe(true);
    const last = events.find(({ event }) => event.data.revision === revision);
    expect(last?.event).toMatchObject({
      type: "withdrawal.completed",
      data: { amount, address, txid, state: "completed" },
    });
  }
  const sequences = new Set(backend.received().map(({ event }) => event.sequence));
  expect(sequences.size).toBe(Math.max(...sequences));
});

it("leaves the ledger balanced, in step with the chain, and every payout posted", async () => {
  await expect.poll(async () => (await ledger()).reconciliation.driftSat, { timeout: 20_000 }).toBe("0");
  const { balances, payouts } = await ledger();
  expect(balances.reduce((sum, { amountMinor }) => sum + BigInt(amountMinor), 0n)).toBe(0n);
  expect(balances.find(({ account }) => account === "in-flight")?.amountMinor ?? "0").toBe("0");
  const own = payouts.filter(({ withdrawalId }) => withdrawalId.startsWith("happy-"));
  expect(own.map(({ standing }) => standing)).toEqual(Array.from({ length: 10 }, () => "posted"));
});

it("answers the same request the same way, and another body under its id never", async () => {
  const first = await stack().client.getWithdrawal("happy-0");
  const { id, account, asset, amount, address } = first;
  const again = await stack().client.createWithdrawal({ id, account, asset, amount: BigInt(amount), address });
  expect({ id: again.id, txid: again.txid, state: again.state }).toEqual({ id, txid: first.txid, state: "completed" });
  const other = stack().client.createWithdrawal({ id, account, asset, amount: BigInt(amount) + 1n, address });
  await expect(other).rejects.toMatchObject({ status: 409, code: "WITHDRAWAL_ID_REUSED" });
  expect(await paymentsTo(stack(), address)).toHaveLength(1);
});

it("goes back when the chain does, deeper than was demanded, and is completed again on the new chain, paid once", async () => {
  const { client, chain, inside } = stack();
  const ids = Array.from({ length: 10 }, (_, at) => `happy-${at}`);
  const before = await Promise.all(ids.map((id) => client.getWithdrawal(id)));
  const states = async () =>
    new Set((await Promise.all(ids.map((id) => client.getWithdrawal(id)))).map((one) => one.state));
  const settled = await ledger();
  const vault = createPool({ url: inside.databaseUrlOf("vault"), applicationName: "journey", max: 1 });
  const reserved = async () =>
    Number((await vault.query<{ n: bigint }>("select count(*) as n from reservation")).rows[0]?.n);
  const spent = async () =>
    (await vault.query<{ outpoint: string }>("select outpoint from coin where state = 'spent' order by 1")).rows;
  try {
    await chain.mine(2);
    const deepest = Math.min(...(await Promise.all(before.map(({ txid }) => heightOf(txid ?? "")))));
    const depth = (await chain.rpc<number>("getblockcount")) - deepest + 1;
    expect(depth).toBeGreaterThan(2);
    const spentBefore = await spent();
    expect(spentBefore.length).toBeGreaterThan(0);
    expect(await reserved()).toBe(0);

    // A longer chain of somebody else, which has none of them.
    await chain.rpc("invalidateblock", await chain.rpc<string>("getblockhash", deepest));
    for (let mined = 0; mined <= depth; mined += 1) await chain.rpc("generateblock", await chain.newAddress(), []);
    await expect.poll(states, { timeout: 30_000 }).toEqual(new Set(["broadcast"]));
    await expect.poll(async () => (await ledger()).reconciliation.driftSat, { timeout: 20_000 }).toBe("0");
    const open = await ledger();
    expect(new Set(open.payouts.map(({ standing }) => standing))).toEqual(new Set(["pending"]));
    const owed = before.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
    expect(open.balances.find(({ account }) => account === "in-flight")?.amountMinor).toBe(`${-owed}`);
    expect(open.balances.find(({ account }) => account === "network-fees")?.amountMinor).toBe("0");
    // What they spend is theirs as before, and their change is nobody's to spend.
    await expect.poll(reserved, { timeout: 20_000 }).toBe(spentBefore.length);
    expect(await spent()).toEqual([]);

    await Promise.all(
      before.map(({ txid }) => expect.poll(() => isPending(txid ?? ""), { timeout: 20_000 }).toBe(true)),
    );
    await chain.mine(1);
    await expect.poll(states, { timeout: 30_000 }).toEqual(new Set(["confirming"]));
    await chain.mine(1);
    await expect.poll(states, { timeout: 30_000 }).toEqual(new Set(["completed"]));
    await expect.poll(async () => (await ledger()).balances, { timeout: 20_000 }).toEqual(settled.balances);
    expect(new Set((await ledger()).payouts.map(({ standing }) => standing))).toEqual(new Set(["posted"]));
    expect((await ledger()).reconciliation.driftSat).toBe("0");
    await expect.poll(reserved, { timeout: 20_000 }).toBe(0);
    expect(await spent()).toEqual(spentBefore);
  } finally {
    await vault.end();
  }
  for (const { id, txid, address, amount } of before) {
    expect(await paymentsTo(stack(), address), id).toEqual([txid]);
    expect(await paid(txid ?? "", address), id).toBe(BigInt(amount));
  }
  const { history } = await client.getWithdrawal("happy-0");
  const way = history.map(({ state }) => state).filter((state, at, all) => state !== all[at - 1]);
  expect(way.slice(way.indexOf("completed"))).toEqual(["completed", "broadcast", "confirming", "completed"]);
  for (const url of [stack().httpUrls.treasury, stack().httpUrls.vault, stack().httpUrls["blockchain-gateway"]]) {
    expect(await (await fetch(`${url}/dead-letters`)).json()).toEqual({ deadLetters: [] });
  }
});

describe("two wallets of one ceremony", () => {
  const wanted: { readonly id: string; readonly amount: bigint; readonly address: string; readonly txid: string }[] =
    [];

  /** So many withdrawals at once; by which wallets they are paid as soon as all are on their way. */
  async function pay(name: string, count: number, amount: bigint) {
    const { client, chain } = stack();
    const ids = Array.from({ length: count }, (_, at) => `${name}-${at}`);
    const posted = await Promise.all(
      ids.map(async (id) => ({ id, account: name, asset: "BTC", amount, address: await chain.newAddress() })),
    );
    await Promise.all(posted.map((one) => client.createWithdrawal(one)));
    const sent = ids.map((id) => client.waitFor(id, ["broadcast"], { signal: AbortSignal.timeout(30_000) }));
    const txids = (await Promise.all(sent)).map(({ txid }) => txid ?? "");
    wanted.push(...posted.map(({ id, address }, at) => ({ id, amount, address, txid: txids[at] ?? "" })));
    return { txids, payers: (await Promise.all(txids.map((txid) => payersOf(stack(), txid)))).flat().toSorted() };
  }

  it("pay at the same time, and one goes on when the other has run out", async () => {
    // Each of them can pay one of the two and no more.
    await stack().fund([30_000_000n, 20_000_000n], "hot-2");
    const both = await pay("both", 2, 30_000_000n);
    expect(both.payers).toEqual(["hot-1", "hot-2"]);
    expect(await Promise.all(both.txids.map(isPending))).toEqual([true, true]);
    // The first one, whose turn comes first, has too little from here on.
    await stack().fund([60_000_000n], "hot-2");
    expect((await pay("lacking", 2, 25_000_000n)).payers).toEqual(["hot-2", "hot-2"]);
    await stack().chain.mine(1);
  });

  it("are stopped one by one: the other goes on, and the first again when a person has reopened its lane", async () => {
    const stopped = { walletId: "hot-1", transactionId: "ab".repeat(32), outpoint: `${"cd".repeat(32)}:0` };
    const vault = createPool({ url: stack().inside.databaseUrlOf("vault"), applicationName: "journey", max: 1 });
    try {
      // As a theft leaves it, which another journey commits.
      await vault.query(
        "insert into stopped_lane (wallet_id, transaction_id, outpoint, our_transaction_id) values ($1, $2, $3, $2)",
        Object.values(stopped),
      );
    } finally {
      await vault.end();
    }
    expect((await pay("stopped", 2, 8_000_000n)).payers).toEqual(["hot-2", "hot-2"]);
    const { status } = await fetch(`${stack().httpUrls.vault}/lanes/hot-1/reopen`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ transactionId: stopped.transactionId, by: "an operator" }),
    });
    expect(status).toBe(200);
    expect((await pay("reopened", 1, 8_000_000n)).payers).toEqual(["hot-1"]);
  });

  it("have paid each withdrawal once and exactly, and the books agree", async () => {
    const ended = await Promise.all(wanted.map(({ id }) => follow(stack(), id, ["completed"])));
    expect(ended.map(({ txid }) => txid)).toEqual(wanted.map(({ txid }) => txid));
    expect(wanted).toHaveLength(7);
    for (const { id, amount, address, txid } of wanted) {
      expect(await paymentsTo(stack(), address), id).toEqual([txid]);
      expect(await paid(txid, address), id).toBe(amount);
      const shown = (await fetch(`${stack().httpUrls["ops-console"]}/api/withdrawals/${id}`)).json();
      const { changes } = (await shown) as { readonly changes: readonly { readonly walletId: string }[] };
      expect([changes.at(-1)?.walletId], id).toEqual(await payersOf(stack(), txid));
    }
    await expect.poll(async () => (await ledger()).reconciliation.driftSat, { timeout: 20_000 }).toBe("0");
    const { balances, payouts } = await ledger();
    expect(balances.find(({ account }) => account === "in-flight")?.amountMinor).toBe("0");
    expect(new Set(payouts.map(({ standing }) => standing))).toEqual(new Set(["posted"]));
  });
});

const root = process.getuid?.() === 0;

describe.skipIf(!root)(
  `the semi-offline zone${root ? "" : " (skipped: only root may look into its processes)"}`,
  () => {
    const zone = ["semi-offline-risk", ...HOLDERS] as const;
    const pidOf = (name: (typeof zone)[number]) => stack().processOf(name).pid;

    it("had no IP socket, interface, address or route in any process while those withdrawals went through it", async () => {
      if (!stack().isolation.noIp) throw new Error(`this machine cannot show it: ${stack().isolation.detail}`);
      const most = (of: (look: ZoneProof) => number) => Math.max(0, ...looks.map(of));
      const database = (look: ZoneProof) => look.processes.length - zone.length;
      process.stderr.write(
        `zone: ${looks.length} looks while withdrawals flowed, at up to ${most(({ processes }) => processes.length)} ` +
          `processes (${most(database)} of Postgres), ${most(({ descriptors }) => descriptors)} descriptors, ` +
          `${most(({ unixSockets }) => unixSockets)} Unix sockets; ${most(({ found }) => found.length)} with IP\n`,
      );
      expect(looks.flatMap(({ found, hidden }) => [...found, ...hidden])).toEqual([]);
      expect(looks.length).toBeGreaterThan(2);
      // The server, its own duties, and at least one connection of semi-offline-risk.
      expect(most(database)).toBeGreaterThan(4);
      expect(most(({ unixSockets }) => unixSockets)).toBeGreaterThan(8);
      expect(most(({ namespaces }) => namespaces)).toBe(zone.length + 1);

      const control = await startControl();
      const found = proveZone(() => [...stack().zoneProcesses(), { name: "control", pid: control.pid }]).found;
      control.kill("SIGKILL");
      expect(found.filter((one) => one.includes("is a socket of family tcp"))).toHaveLength(1);
      expect(found.filter((one) => !one.startsWith("control"))).toEqual([]);
    });

    it("is given the settings that it needs, and no other variable of its starter", () => {
      // What it compiled is in a folder of its own name, where the starter keeps any at all.
      const compiled = process.env["NODE_COMPILE_CACHE"] === undefined ? [] : ["NODE_COMPILE_CACHE"];
      for (const name of zone) {
        const wanted = [...settingNamesOf(name, { labels: false }), ...compiled, "PATH", "LANG", "TZ"];
        expect(environmentOf(pidOf(name)).toSorted(), name).toEqual(wanted.toSorted());
      }
    });

    it("holds no descriptor of its starter but where its log goes", () => {
      const all = descriptorKinds(zone.map(pidOf));
      for (const name of zone) {
        const kinds = all.get(pidOf(name)) ?? {};
        const { "inherited unix socket": logs, "inherited pipe": pipes, ...others } = kinds;
        expect([logs, pipes], `${name}: ${JSON.stringify(kinds)}`).toEqual([2, undefined]);
        const own = /^(own (pipe|unix socket)|unix socket by name|anon_inode:.*|\/dev\/null|file)$/;
        expect(Object.keys(others).filter((kind) => !own.test(kind))).toEqual([]);
      }
    });

    it("keeps its sockets and journals in folders that nobody else may enter, and its configuration from being written", () => {
      const { directory } = stack();
      const top = readdirSync(directory).map((name) => [name, (statSync(join(directory, name)).mode & 0o077) === 0]);
      expect(top.filter(([, closed]) => closed !== true)).toEqual([]);
      // By name a socket can be reached from any network namespace, so its folder decides; an abstract one belongs to one.
      const names = inspectSockets(zone.map(pidOf)).flatMap(({ sockets }) => sockets.flatMap(({ path }) => path ?? []));
      const own = [...new Set(names)].filter((path) => path.startsWith(directory));
      const modes = own.map(
        (path) => `${path.slice(directory.length + 1)} ${(lstatSync(path).mode & 0o777).toString(8)}`,
      );
      process.stderr.write(`zone: sockets by name, in folders of mode 700: ${modes.toSorted().join(", ")}\n`);
      expect(own.map((path) => path.slice(directory.length + 1))).toEqual(
        expect.arrayContaining(["vault", ...HOLDERS].map((peer) => `bridge/${peer}.sock`)),
      );
      for (const path of own) expect(lstatSync(path).uid, path).toBe(process.getuid?.());
      expect(names.filter((path) => path.startsWith("@"))).toEqual([]);
      // What is not in the stack's folder is the socket of their Postgres.
      expect([...new Set(names)].filter((path) => !path.startsWith(directory) && !path.includes(".s.PGSQL."))).toEqual(
        [],
      );
      for (const name of readdirSync(join(directory, "config"))) {
        expect(statSync(join(directory, "config", name)).mode & 0o022, name).toBe(0);
      }
    });
  },
);

const paid = (txid: string, address: string) => amountPaidTo(stack(), txid, address);

async function heightOf(txid: string): Promise<number> {
  const { blockhash } = await stack().chain.rpc<{ blockhash: string }>("getrawtransaction", txid, true);
  return (await stack().chain.rpc<{ height: number }>("getblockheader", blockhash)).height;
}

async function isPending(txid: string): Promise<boolean> {
  return (await stack().chain.rpc<readonly string[]>("getrawmempool")).includes(txid);
}

type Ledger = {
  readonly balances: readonly { account: string; amountMinor: string }[];
  readonly reconciliation: { readonly driftSat: string };
  readonly payouts: readonly { withdrawalId: string; standing: string }[];
};

async function ledger(): Promise<Ledger> {
  return (await (await fetch(`${stack().httpUrls.treasury}/ledger`)).json()) as Ledger;
}
