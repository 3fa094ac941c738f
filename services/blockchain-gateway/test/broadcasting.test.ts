// From released bytes to a confirmed transaction on a real node, and everything that the node may say against it.
import type { Line } from "@sluice/online-service/testing";
import { type ServiceProcess, until } from "@sluice/online-service/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Chain, startChain } from "./chain.ts";
import { factsOf, type Gateway, inState, openGateway, readUp, released, wordsOf } from "./gateway.ts";

let chain: Chain;
let gateway: Gateway;
let line: Line;
let service: ServiceProcess;

beforeAll(async () => {
  chain = await startChain();
  await chain.fund();
  gateway = await openGateway(chain);
  line = gateway.line;
  service = await gateway.start();
});
afterAll(async () => {
  await gateway.close();
  await chain.stop();
});

type Letters = {
  readonly deadLetters: readonly { readonly id: string; readonly code: string; readonly key: string }[];
};
type Listed = { readonly transactions: readonly Readonly<Record<string, unknown>>[] };

const deadLetters = async () => ((await service.get("/dead-letters")).json() as Letters).deadLetters;
const listed = async (txid: string) =>
  ((await service.get("/transactions")).json() as Listed).transactions.find((one) => one["txid"] === txid);

/** One block after the other, so that every number of confirmations is told. */
async function mineSlowly(txid: string, words: readonly string[]): Promise<void> {
  for (const word of words) {
    await chain.mine(1);
    await until(
      () => wordsOf(gateway, txid),
      (said) => said.includes(word),
    );
  }
}

describe("a released transaction", () => {
  it("is stored before the node sees it, broadcast once, included, and confirmed at the required depth", async () => {
    const signed = await chain.sign();
    line.cut();
    await gateway.release(signed, ["w-1", "w-2"]);
    const row = await inState(gateway, signed.txid, "signed");
    expect(row.transaction.equals(signed.bytes)).toBe(true);
    expect(row.sends).toBe(0);
    expect(await chain.isInMempool(signed.txid)).toBe(false);
    line.mend();
    await inState(gateway, signed.txid, "broadcast");
    expect(await chain.isInMempool(signed.txid)).toBe(true);
    expect(await chain.rpc("getrawtransaction", signed.txid)).toBe(signed.bytes.toString("hex"));
    await mineSlowly(signed.txid, ["included 1", "included 2", "confirmed 3"]);
    await chain.mine(2);
    await readUp(gateway);
    expect(await wordsOf(gateway, signed.txid)).toEqual(["broadcast", "included 1", "included 2", "confirmed 3"]);
    const [broadcast, ...inBlock] = await factsOf(gateway, signed.txid);
    expect(broadcast?.id).toBe(`${signed.txid}/broadcast`);
    expect(new Set(inBlock.map(({ revision }) => revision)).size).toBe(3);
    expect(new Set(inBlock.map(({ height }) => height)).size).toBe(1);
    for (const { blockHash, height } of inBlock) expect(await chain.rpc("getblockhash", height)).toBe(blockHash);
    const withdrawals = [
      { withdrawalId: "w-1", attempt: 1 },
      { withdrawalId: "w-2", attempt: 1 },
    ];
    expect((await gateway.collected("transaction.confirmed.v1")).at(-1)?.message).toMatchObject({ withdrawals });
    expect((await gateway.collected("transaction.included.v1")).at(-1)?.message).toMatchObject({
      withdrawals,
      requiredConfirmations: 3,
    });
    expect(await listed(signed.txid)).toMatchObject({
      state: "confirmed",
      confirmations: 3,
      lastError: null,
      withdrawals,
    });
  });

  it("that the node does not take stays signed with the reason, holds up nobody, and goes once its input appears", async () => {
    const parent = await chain.sign();
    const child = await chain.signChild(parent);
    await gateway.release(child);
    const refused = await until(
      () => listed(child.txid),
      (found) => found?.["lastError"] != null,
    );
    expect(refused).toMatchObject({
      state: "signed",
      refusalCode: "INPUT_MISSING_OR_SPENT",
      lastError: "first: missing-inputs",
    });
    expect((await service.get("/transactions")).text).not.toContain(child.bytes.toString("hex"));
    const other = await chain.sign();
    await gateway.release(other);
    await inState(gateway, other.txid, "broadcast");
    const tries = (await gateway.row(child.txid))?.sends ?? 0;
    await until(
      () => gateway.row(child.txid),
      (row) => (row?.sends ?? 0) > tries + 2,
    );
    expect(await wordsOf(gateway, child.txid)).toEqual([]);
    // It says so when it changes, not every time.
    const told = service.log().filter(({ msg, transactionId, level }) => {
      return level === "warn" && transactionId === child.txid && msg.startsWith("the node does not take");
    });
    expect(told).toHaveLength(1);
    await gateway.release(parent);
    await inState(gateway, child.txid, "broadcast");
    expect(await listed(child.txid)).toMatchObject({ state: "broadcast", lastError: null });
    await mineSlowly(child.txid, ["included 1", "included 2", "confirmed 3"]);
    const words = await until(
      () => wordsOf(gateway, parent.txid),
      (said) => said.includes("confirmed 3"),
    );
    expect(words).toEqual(["broadcast", "included 1", "included 2", "confirmed 3"]);
  });

  it("waits for a node that is away, which readiness names, and goes when it is back", async () => {
    await until(
      () => service.get("/readyz"),
      ({ status }) => status === 200,
    );
    const signed = await chain.sign();
    line.cut();
    try {
      const away = await until(
        () => service.get("/readyz"),
        ({ status }) => status === 503,
      );
      expect(away.json()).toMatchObject({
        detail: "bitcoin nodes",
        dependencies: [
          { name: "postgres", ok: true },
          { name: "outbox relay", ok: true },
          { name: "consumer", ok: true },
          // Whichever question came first: an earlier transaction may be due to be sent again.
          { name: "bitcoin nodes", ok: false, detail: expect.stringMatching(/; first unreachable \([a-z]+: ./) },
        ],
      });
      await gateway.release(signed);
      await inState(gateway, signed.txid, "signed");
      await chain.mine(1);
    } finally {
      line.mend();
    }
    await until(
      () => service.get("/readyz"),
      ({ status }) => status === 200,
    );
    await inState(gateway, signed.txid, "broadcast");
    await readUp(gateway);
    expect((await service.get("/metrics")).text).toMatch(
      /sluice_node_requests_total\{node="first",method="[a-z]+",outcome="unreachable",service="blockchain-gateway"\} [1-9]/,
    );
  });

  it("is found in its block when it was mined and read before it was released", async () => {
    const mined = await chain.sign();
    await chain.mineOnly([mined.bytes.toString("hex")]);
    await readUp(gateway);
    await gateway.release(mined);
    await until(
      () => wordsOf(gateway, mined.txid),
      (said) => said.includes("included 1"),
    );
    await mineSlowly(mined.txid, ["included 2", "confirmed 3"]);
    expect(await wordsOf(gateway, mined.txid)).toEqual(["broadcast", "included 1", "included 2", "confirmed 3"]);
  });

  it("is found in its block also when its outputs are spent, so that the node calls its inputs missing", async () => {
    const parent = await chain.sign();
    const child = await chain.signChild(parent);
    const grandchild = await chain.signChild(child);
    await chain.mineOnly([parent, child, grandchild].map(({ bytes }) => bytes.toString("hex")));
    await readUp(gateway);
    await gateway.release(child);
    await mineSlowly(child.txid, ["included 2", "confirmed 3"]);
    const said = await wordsOf(gateway, child.txid);
    expect(said.filter((word) => word !== "included 1")).toEqual(["broadcast", "included 2", "confirmed 3"]);
    expect(await listed(child.txid)).toMatchObject({ lastError: null });
  });
});

describe("transaction.signed", () => {
  it("has one effect, however often it comes and under whatever id", async () => {
    const signed = await chain.sign();
    await gateway.release(signed);
    await gateway.release(signed);
    await gateway.publish("transaction.signed.v1", { ...released(signed), id: "the same under another id" });
    await inState(gateway, signed.txid, "broadcast");
    const handled = async () =>
      (await gateway.pool.query("select from inbox where message_id = 'the same under another id'")).rowCount;
    await until(handled, (count) => count === 1);
    await mineSlowly(signed.txid, ["included 1"]);
    expect(await wordsOf(gateway, signed.txid)).toEqual(["broadcast", "included 1"]);
    expect(await deadLetters()).toEqual([]);
  });

  it("whose bytes are not what it says is parked with the reason, and no node sees them", async () => {
    const [named, other, taken] = [await chain.sign(), await chain.sign(), await chain.sign()];
    const garbage = { ...released(named), id: "garbage" };
    const publish = (outgoing: ReturnType<typeof released>) => gateway.publish("transaction.signed.v1", outgoing);
    await publish({ ...garbage, message: { ...garbage.message, transaction: Buffer.from("not a transaction") } });
    await publish({ ...garbage, id: "swapped", message: { ...garbage.message, transaction: other.bytes } });
    const cut = named.bytes.subarray(0, -1);
    await publish({ ...garbage, id: "cut short", message: { ...garbage.message, transaction: cut } });
    await gateway.release(taken, ["w-first"]);
    await publish({ ...released(taken, ["w-second"]), id: "for another withdrawal" });
    const letters = await until(deadLetters, ({ length }) => length === 4);
    expect(letters.map(({ key, code }) => `${key} ${code}`).toSorted()).toEqual(
      [
        `${named.txid} TRANSACTION_MALFORMED`,
        `${named.txid} TRANSACTION_MALFORMED`,
        `${named.txid} TXID_MISMATCH`,
        `${taken.txid} TRANSACTION_CHANGED`,
      ].toSorted(),
    );
    await inState(gateway, taken.txid, "broadcast");
    for (const { txid } of [named, other]) {
      expect(await gateway.row(txid)).toBeUndefined();
      expect(await chain.isInMempool(txid)).toBe(false);
    }
    expect((await listed(taken.txid))?.["withdrawals"]).toEqual([{ withdrawalId: "w-first", attempt: 1 }]);
    for (const { id } of letters) expect((await service.post(`/dead-letters/${id}/retry`)).status).toBe(409);
  });
});

describe("the process", () => {
  it("sends at once what was released, and does not wait for its next look at the chain", async () => {
    expect((await service.stop()).code).toBe(0);
    const patient = await gateway.start({ env: { SLUICE_POLL_INTERVAL_MS: "1h" } });
    await until(
      () => patient.get("/readyz"),
      ({ status }) => status === 200,
    );
    const signed = await chain.sign();
    await gateway.release(signed);
    await inState(gateway, signed.txid, "broadcast");
    expect((await patient.stop()).code).toBe(0);
  });

  it("stops in order while its node takes every question and answers none", async () => {
    const hanging = await gateway.start();
    const asked = Promise.withResolvers<void>();
    line.watch(() => {
      asked.resolve();
      return false;
    });
    await asked.promise;
    expect((await hanging.stop()).code).toBe(0);
    expect(hanging.log().at(-1)).toMatchObject({ msg: "stopped" });
    line.watch(() => true);
    service = await gateway.start();
    await until(
      () => service.get("/readyz"),
      ({ status }) => status === 200,
    );
  });
});

it("says nothing that the others could not take, and shows no secret", async () => {
  expect(await gateway.refusedByOthers()).toEqual([]);
  expect((await service.stop()).code).toBe(0);
  expect(gateway.secretTexts).toHaveLength(4);
  const output = service.output.join("\n");
  for (const secret of gateway.secretTexts.filter((text) => text !== "sluice")) expect(output).not.toContain(secret);
});
