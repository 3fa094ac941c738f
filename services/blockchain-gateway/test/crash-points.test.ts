// The gateway killed before and after each of its durable effects, by name, one after the other on one chain: every transaction is
// in the chain once and told of in order, each thing once.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMON_EFFECTS, crashArming, pointsAround, reachedPoints, walkPoints } from "@sluice/crash-points";
import { until } from "@sluice/online-service/testing";
import { expect, onTestFinished, test } from "vitest";
import { type Chain, type SignedTransaction, startChain } from "./chain.ts";
import { EFFECTS } from "./crash-points.ts";
import { replaceBlocks } from "./following.ts";
import { coinsOf, factsOf, type Gateway, inState, openGateway, readUp } from "./gateway.ts";

test("whichever effect it dies at, every transaction is broadcast once, told of once and found in its block", async () => {
  const world = await openWorld();
  const { gateway, chain, released, paid, reached } = world;
  const killed = await walkPoints(pointsAround(EFFECTS), reached, world.live);
  const service = await gateway.start({ flags: crashArming(reached) });
  await world.giveWork();
  await expectToldOnce(gateway, released);
  await expectCoins(
    gateway,
    chain,
    paid.map(({ txid }) => txid),
  );
  const { deadLetters } = (await service.get("/dead-letters")).json() as { readonly deadLetters: readonly unknown[] };
  expect(deadLetters).toEqual([]);
  // A commit that is not in the list is found here, and the list names nothing that is not there.
  const common = COMMON_EFFECTS.filter((effect) => !EFFECTS.some((own) => own === effect));
  expect(reachedPoints(reached, common)).toEqual(pointsAround(EFFECTS).toSorted());
  process.stdout.write(`blockchain-gateway: killed at ${killed} of ${2 * EFFECTS.length} crash points\n`);
}, 600_000);

async function openWorld() {
  const folder = mkdtempSync(join(tmpdir(), "gateway-points-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const chain = await startChain();
  onTestFinished(chain.stop);
  await chain.fund();
  const gateway = await openGateway(chain, {
    SLUICE_REBROADCAST_AFTER_MS: "50ms",
    SLUICE_POLL_INTERVAL_MS: "50ms",
    SLUICE_STUCK_AFTER_MS: "0ms",
    SLUICE_STUCK_AFTER_BLOCKS: "0",
  });
  onTestFinished(gateway.close);
  const released: SignedTransaction[] = [];
  const paid: SignedTransaction[] = [];
  const release = async (signed: SignedTransaction): Promise<void> => {
    released.push(signed);
    await gateway.release(signed);
  };
  /** Parents that nobody has until it is time. */
  const parents: SignedTransaction[] = [];

  async function giveWork(): Promise<void> {
    const [hot] = gateway.wallets;
    paid.push(await chain.pay({ [hot.addressAt(0, paid.length % 5)]: BigInt(10_000 + paid.length) }));
    await release(await chain.sign());
    await chain.mine(1);
  }

  /** What is so before the process starts. */
  async function prepare(point: string): Promise<void> {
    if (point.endsWith("fillInputs")) await gateway.pool.query("delete from own_input");
    if (point.endsWith("publishFees"))
      await gateway.pool.query("update fee_said set said_at = said_at - interval '1 hour'");
    if (point.endsWith("undoFork")) {
      await replaceBlocks(chain, (await chain.height()) - (await gateway.readHeight()) + 2);
      // A node drops what spends a block's reward that is not ripe any more; whoever paid pays it again.
      for (const { bytes } of paid) await chain.rpc("sendrawtransaction", bytes.toString("hex")).catch(() => undefined);
    }
    if (point === "before blockchain-gateway/troubles lookAt") {
      const parent = await chain.sign();
      parents.push(parent);
      await release(await chain.signChild(parent));
    }
    if (point === "before chain-memory/pending forgetStuck") for (const parent of parents) await release(parent);
  }

  /** What happens while it runs. */
  async function happen(point: string, ended: Promise<unknown>): Promise<void> {
    if (!point.endsWith("includeLate")) return giveWork();
    const known = await chain.sign();
    await chain.rpc("sendrawtransaction", known.bytes.toString("hex"));
    await chain.mine(1);
    // Dead already when one from before was found so.
    await Promise.race([readUp(gateway), ended]);
    await release(known);
  }

  return {
    ...{ gateway, chain, released, paid, giveWork },
    reached: join(folder, "reached"),
    live: async (point: string, flags: readonly string[]) => {
      await prepare(point);
      const ended = gateway.runToEnd({ flags });
      await happen(point, ended);
      const { signal } = await ended;
      await expectLeft(gateway, chain, point);
      return signal;
    },
  };
}

/** What a death at the two worst moments leaves behind: sent or not, and either way nobody was told. */
async function expectLeft({ pool }: Gateway, chain: Chain, point: string): Promise<void> {
  if (!point.endsWith("sendrawtransaction")) return;
  const { rows } = await pool.query<{ txid: string }>(
    `select txid from chain_transaction where state = 'signed' and sends = 0
       and not exists (select from outbox where key = txid)`,
  );
  const known = await Promise.all(
    rows.map(({ txid }) =>
      chain.rpc("getrawtransaction", txid).then(
        () => true,
        () => false,
      ),
    ),
  );
  expect([point, known.length > 0, known.includes(true)]).toEqual([point, true, point.startsWith("after")]);
}

/** Every transaction is in the chain once and was told of in order, each thing under one id, with rising revisions. */
async function expectToldOnce(gateway: Gateway, released: readonly SignedTransaction[]): Promise<void> {
  const { chain } = gateway;
  for (const { txid } of released) {
    await until(
      () => gateway.row(txid),
      (row) => row !== undefined && row.state !== "signed",
    );
  }
  await chain.mine(3);
  for (const { txid, bytes } of released) {
    expect((await inState(gateway, txid, "confirmed")).transaction.equals(bytes)).toBe(true);
    const facts = await until(
      () => factsOf(gateway, txid),
      (said) => said.at(-1)?.fact === "confirmed",
    );
    const words = facts.map(({ fact }) => fact).join(" ");
    expect(words).toMatch(/^broadcast( included)*(( confirmed)? reorged( included)*)* confirmed$/);
    expect(new Set(facts.map(({ id }) => id)).size).toBe(facts.length);
    expect(new Set(facts.map(({ revision }) => revision)).size).toBe(facts.length);
    const inBlock = await chain.rpc<{ blockhash?: string }>("getrawtransaction", txid, true);
    expect(inBlock.blockhash).toBe(facts.at(-1)?.blockHash);
  }
  expect(await gateway.refusedByOthers()).toEqual([]);
}

/** The last word about each coin is of the block in which it is; no word comes twice. */
async function expectCoins(gateway: Gateway, chain: Chain, paid: readonly string[]): Promise<void> {
  const missing = async () => {
    const told = new Set((await coinsOf(gateway)).map(({ message }) => message.transactionId));
    return paid.filter((txid) => !told.has(txid));
  };
  await until(missing, (left) => left.length === 0);
  const coins = await coinsOf(gateway);
  const words = coins.map(({ message }) => `${message.transactionId}:${message.vout} ${message.blockHash}`);
  expect(words.toSorted()).toEqual([...new Set(words)].toSorted());
  for (const txid of paid) {
    const last = coins.filter(({ message }) => message.transactionId === txid).at(-1);
    const { blockhash } = await chain.rpc<{ blockhash: string }>("getrawtransaction", txid, true);
    expect(last?.message.blockHash).toBe(blockhash);
  }
}
