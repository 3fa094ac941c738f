// A gateway with three nodes, one of them the second by another line: their news, their failing, what they refuse, their fees.
import { type Line, openLine, type ServiceProcess, until } from "@sluice/online-service/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, type Chain, type SignedTransaction, startChain } from "./chain.ts";
import { type Gateway, inState, openGateway, wordsOf } from "./gateway.ts";

const NAMES = ["first", "second", "third"] as const;
type Name = (typeof NAMES)[number];

let chain: Chain;
let gateway: Gateway;
let service: ServiceProcess;
/** To each node's RPC, and to what it publishes. */
let lines: Readonly<Record<Name, { readonly rpc: Line; readonly news: Line }>>;

beforeAll(async () => {
  chain = await startChain(1);
  await chain.fund();
  const [second = ""] = chain.peerUrls;
  const urls = { first: chain.rpcUrl, second, third: second };
  const opened = NAMES.map(async (name) => {
    const { hostname, port } = new URL(urls[name]);
    const [published] = (await ask(urls[name], "getzmqnotifications", [])) as readonly { readonly address: string }[];
    const news = await openLine({ host: hostname, port: Number(new URL(published?.address ?? "").port) });
    return [name, { rpc: await openLine({ host: hostname, port: Number(port) }), news }] as const;
  });
  lines = Object.fromEntries(await Promise.all(opened)) as typeof lines;
  const nodes = NAMES.map((name) => ({
    name,
    url: `http://127.0.0.1:${lines[name].rpc.port}`,
    zmq: `tcp://127.0.0.1:${lines[name].news.port}`,
  }));
  const secrets = Object.fromEntries(
    NAMES.map((name) => [name, { user: new URL(urls[name]).username, password: new URL(urls[name]).password }]),
  );
  // So seldom that nothing in here can have waited for it.
  gateway = await openGateway(chain, { SLUICE_POLL_INTERVAL_MS: "1h" }, { nodes, secrets });
  service = await gateway.start();
});
afterAll(async () => {
  await gateway.close();
  for (const { rpc, news } of Object.values(lines)) {
    await rpc.close();
    await news.close();
  }
  await chain.stop();
});

const metric = async (name: string, ...labels: readonly string[]): Promise<number> => {
  const { text } = await service.get("/metrics");
  const line = text
    .split("\n")
    .find((each) => each.startsWith(`${name}{`) && labels.every((label) => each.includes(label)));
  return Number(line?.split(" ").at(-1) ?? 0);
};
/** Every round asks each node once for its chain. */
const rounds = () => metric("sluice_node_requests_total", 'node="first"', 'method="getblockchaininfo"');
const health = async (name: Name, word: string) => metric("sluice_node_info", `node="${name}"`, `health="${word}"`);
const listed = async (txid: string) =>
  (
    (await service.get("/transactions")).json() as { transactions: readonly Record<string, unknown>[] }
  ).transactions.find((each) => each["txid"] === txid);
const payOne = async (): Promise<SignedTransaction> => {
  const signed = await chain.sign();
  await gateway.release(signed);
  await inState(gateway, signed.txid, "broadcast");
  return signed;
};

describe("a gateway of three nodes", () => {
  it("is ready, and names each", async () => {
    const { text } = await until(
      () => service.get("/readyz"),
      ({ status }) => status === 200,
    );
    for (const name of NAMES) expect(text).toMatch(new RegExp(`${name} (ok|unknown)`));
  });

  it("follows the chain by the nodes' news alone, a round or a few for a block", async () => {
    const signed = await payOne();
    const before = await rounds();
    for (const words of [1, 2, 3]) {
      await chain.mine(1);
      await until(
        () => wordsOf(gateway, signed.txid),
        (said) => said.length > words,
      );
    }
    expect(await wordsOf(gateway, signed.txid)).toEqual(["broadcast", "included 1", "included 2", "confirmed 3"]);
    expect(await rounds()).toBeGreaterThanOrEqual(before + 3);
    // One piece of news from each node for each block, and at most one round for each, with one that was under way.
    expect(await rounds()).toBeLessThanOrEqual(before + 2 * 3 * NAMES.length);
  });

  it("tells what nodes agree that blocks ask for: nothing yet on a new chain but the least", async () => {
    const [told] = await until(
      () => gateway.collected("fee.estimated.v1"),
      ({ length }) => length > 0,
    );
    const { mempoolminfee } = await chain.rpc<{ mempoolminfee: number }>("getmempoolinfo");
    const minimumSatPerKvbyte = BigInt(Math.round(mempoolminfee * 100_000_000));
    expect(told).toMatchObject({ key: "bitcoin", message: { estimates: [], minimumSatPerKvbyte, nodes: 3 } });
  });

  it("shows what no node will ever take as unacceptable, with its code, and concludes nothing else", async () => {
    const { bytes } = await chain.sign();
    const forged = Buffer.from(bytes);
    // Near the end, before the lock time, is the last output's script or the last input's key: what was signed is another.
    const at = bytes.length - 4 - 10;
    forged[at] = (forged[at] ?? 0) ^ 1;
    const { txid } = await chain.rpc<{ txid: string }>("decoderawtransaction", forged.toString("hex"));
    await gateway.release({ txid, bytes: forged });
    const shown = await until(
      () => listed(txid),
      (found) => found?.["state"] === "unacceptable",
    );
    expect(shown).toMatchObject({ refusalCode: "SCRIPT_FAILED", lastError: expect.stringContaining("first: m") });
    expect(await metric("sluice_chain_transactions", 'state="unacceptable"')).toBe(1);
    expect(await gateway.row(txid)).toMatchObject({ state: "signed" });
    expect(await wordsOf(gateway, txid)).toEqual([]);
  });

  it("goes on when one is away, waits in sight when two are, and goes on when they are back", async () => {
    lines.third.rpc.cut();
    const signed = await payOne();
    await chain.mine(1);
    await until(
      () => wordsOf(gateway, signed.txid),
      (said) => said.includes("included 1"),
    );
    await until(
      () => health("third", "unreachable"),
      (value) => value === 1,
    );
    const { status, text } = await service.get("/readyz");
    expect([status, text]).toEqual([200, expect.stringContaining("third unreachable")]);
    lines.second.rpc.cut();
    await chain.mine(1);
    const waiting = await until(
      () => service.get("/readyz"),
      (answer) => answer.status === 503,
    );
    expect(waiting.text).toContain("fewer than 2 of 3 nodes agree");
    expect(await wordsOf(gateway, signed.txid)).toEqual(["broadcast", "included 1"]);
    lines.second.rpc.mend();
    lines.third.rpc.mend();
    await chain.mine(1);
    await until(
      () => wordsOf(gateway, signed.txid),
      (said) => said.includes("confirmed 3"),
    );
    const changes = service.log().filter(({ msg }) => msg.startsWith("the node third does not answer"));
    expect(changes).toHaveLength(1);
  });

  it("completes without any news, by asking", async () => {
    await service.stop();
    let swallowed = 0;
    for (const name of NAMES) {
      lines[name].news.watch((bytes, direction) => {
        const isNews = direction === "back" && bytes.includes("sequence");
        if (isNews) swallowed += 1;
        return !isNews;
      });
    }
    service = await gateway.start({ env: { SLUICE_POLL_INTERVAL_MS: "100ms" } });
    const signed = await payOne();
    await chain.mine(3);
    await inState(gateway, signed.txid, "confirmed");
    process.stdout.write(`nodes: ${swallowed} pieces of news were swallowed\n`);
    expect(swallowed).toBeGreaterThan(0);
  });
});
