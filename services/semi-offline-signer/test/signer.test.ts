// A holder as a real process without a network, over a real bridge; this test speaks for semi-offline-risk.
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bridge, openBridge, unixListener } from "@sluice/bridge";
import { testBridgeSession } from "@sluice/bridge/testing";
import type { Coin } from "@sluice/chains";
import { type OpenedOf, open, seal } from "@sluice/contracts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { HOLDER, type Signer, type SignerOptions, startSigner, WITHOUT_NETWORK } from "./signer-process.ts";
import {
  type FixtureWallet,
  fund,
  makeHeldWallet,
  makeOrder,
  makeSeals,
  makeWallet,
  NOW_MS,
  type Order,
  request,
  withInputOf,
} from "./zone.ts";

const seals = makeSeals();
const held = await makeHeldWallet(20, "hot", ["hot-2"]);
const { wallet, secrets } = held;
const second = held.others[0] as FixtureWallet;

let folder = "";
let bridge: Bridge | undefined;
let signers: Signer[] = [];
let heard: (OpenedOf<"signing.answered.v1"> | OpenedOf<"holder.reported.v1">)[] = [];
let arrived: EventTarget = new EventTarget();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "signer-"));
  heard = [];
  arrived = new EventTarget();
});

afterEach(async () => {
  for (const { child, ended } of signers) {
    child.kill("SIGKILL");
    await ended;
  }
  signers = [];
  await bridge?.close();
  bridge = undefined;
  rmSync(folder, { recursive: true });
});

function start(options: Partial<SignerOptions> = {}): Signer {
  const signer = startSigner({ folder, seals, held, ...options });
  signers.push(signer);
  return signer;
}

async function serve(options: Partial<SignerOptions> = {}): Promise<Signer> {
  const signer = start(options);
  await signer.unlock();
  return signer;
}

function listen(): Bridge {
  bridge ??= openBridge({
    carrier: unixListener(join(folder, "holder.sock")),
    localName: "semi-offline-risk",
    peerName: HOLDER,
    session: testBridgeSession("semi-offline-risk", HOLDER),
    onMessage: async (bytes) => {
      const opened = open(seals.trust, bytes, ["signing.answered.v1", "holder.reported.v1"]);
      if (!opened.ok) throw new Error(opened.refusal.code);
      heard.push(opened.value);
      arrived.dispatchEvent(new Event("message"));
    },
  });
  return bridge;
}

function envelopeOf(order: Order, sealer = seals.sealer("semi-offline-risk")): Uint8Array {
  const { taskId, walletId } = order;
  return seal(sealer, "signing.ordered.v1", { id: taskId, key: walletId, occurredAtMs: NOW_MS, message: order });
}

const answers = () => heard.flatMap((opened) => (opened.type === "signing.answered.v1" ? [opened.message] : []));
const reports = () => heard.flatMap((opened) => (opened.type === "holder.reported.v1" ? [opened.message] : []));

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await once(arrived, "message");
}

describe("a holder's process", () => {
  test("signs an order, reports what it did, and after being killed answers the same again", async () => {
    const order = makeOrder(seals, wallet);
    await serve();
    await listen().send(envelopeOf(order));
    await until(() => answers().length === 1);
    await until(() => reports().some(({ journalRecords }) => journalRecords === 1n));
    const report = reports().at(-1);
    expect(report).toMatchObject({
      holder: HOLDER,
      state: "serving",
      isolation: { noIp: WITHOUT_NETWORK !== undefined },
    });
    expect(report?.metrics).toContain('sluice_signer_orders_total{outcome="first"');

    signers[0]?.child.kill("SIGKILL");
    await signers[0]?.ended;
    await serve();
    await listen().send(envelopeOf(order));
    await until(() => answers().length === 2);
    expect(answers()[0]?.answer.case).toBe("signatures");
    expect(answers()[1]).toEqual(answers()[0]);
  });

  test("signs for the wallet that an order names with that wallet's key, and for none that mixes them", async () => {
    await serve();
    const coins = [fund(wallet), fund(wallet, 90_000n, 5)];
    const orders = [
      makeOrder(seals, wallet, { requests: [request("w1")] }),
      makeOrder(seals, second.wallet, { requests: [request("w2")] }),
      { ...makeOrder(seals, second.wallet, { requests: [request("w3")] }), walletId: "hot" },
      { ...makeOrder(seals, wallet, { requests: [request("w4")] }), walletId: "hot-3" },
      withInputOf(
        makeOrder(seals, wallet, { requests: [request("w5")], coins }),
        { wallet, coin: coins[1] as Coin },
        second.wallet,
      ),
      // Once it was signed for in one wallet, a withdrawal is never signed for in the other.
      makeOrder(seals, second.wallet, { requests: [request("w1")] }),
    ];
    for (const order of orders) await listen().send(envelopeOf(order));
    await until(() => answers().length === orders.length);
    const said = answers().map(({ answer }) => (answer.case === "refusal" ? answer.value.code : answer.case));
    expect(said).toEqual([
      "signatures",
      "signatures",
      "INPUT_DERIVATION_PATH",
      "WALLET_UNKNOWN",
      "INPUT_NOT_OWN",
      "WITHDRAWAL_ALREADY_SIGNED",
    ]);
  });

  test("refuses over a restart what it may not sign, and says why", async () => {
    const first = await serve();
    await listen().send(envelopeOf(makeOrder(seals, wallet)));
    await until(() => answers().length === 1);
    first.child.kill("SIGTERM");
    expect(await first.ended).toEqual({ code: 0, signal: null });
    await serve();
    await listen().send(envelopeOf(makeOrder(seals, wallet, { coins: [fund(wallet, 300_000n)] })));
    await until(() => answers().length === 2);
    expect(answers()[1]?.answer).toMatchObject({ case: "refusal", value: { code: "WITHDRAWAL_ALREADY_SIGNED" } });
  });

  test("drops an order without semi-offline-risk's seal, and goes on", async () => {
    const order = makeOrder(seals, wallet);
    await serve();
    await listen().send(envelopeOf(order, makeSeals().sealer("semi-offline-risk")));
    await listen().send(Buffer.from("no envelope"));
    await listen().send(envelopeOf(order));
    await until(() => reports().some(({ metrics }) => metrics.includes('outcome="first"')));
    const { metrics = "" } = reports().at(-1) ?? {};
    expect(metrics).toContain('sluice_signer_orders_total{outcome="SEAL_INVALID",service="semi-offline-signer-a"} 1');
    expect(answers()).toHaveLength(1);
  });

  test("keeps the inspector closed when it is sent SIGUSR1", async () => {
    const signer = await serve();
    signer.child.kill("SIGUSR1");
    await signer.says("SIGUSR1 does nothing here; the inspector stays closed");
    const listening = readFileSync(`/proc/${signer.child.pid}/net/tcp`, "utf8").split("\n").slice(1).filter(Boolean);
    if (WITHOUT_NETWORK !== undefined) expect(listening).toEqual([]);
  });

  test("has a journal of its own: a second process with the same one does not start", async () => {
    await start().says("ready");
    expect(await start().ended).toEqual({ code: 1, signal: null });
    expect(JSON.stringify(signers[1]?.lines)).toContain("JOURNAL_LOCKED");
  });
});

describe("a holder's process does not serve", () => {
  const elsewhere = mkdtempSync(join(tmpdir(), "signer-foreign-"));
  const FOREIGN = { SLUICE_CEREMONY_FILE: join(elsewhere, "ceremony.json") };
  beforeAll(async () => writeFileSync(FOREIGN.SLUICE_CEREMONY_FILE, JSON.stringify((await makeHeldWallet()).record)));
  afterAll(() => rmSync(elsewhere, { recursive: true }));

  test.each<[string, Partial<SignerOptions>, number, string]>([
    [
      "with a wallet under the other's name",
      { held: { ...held, others: [{ ...second, wallet: { ...second.wallet, walletId: "hot-3" } }] } },
      78,
      "is not, under this name and with this descriptor, a wallet of",
    ],
    [
      "with a stranger's wallet under the name of one of its own",
      { held: { ...held, others: [makeWallet(20, "hot-2")] } },
      78,
      "is not, under this name and with this descriptor, a wallet of",
    ],
    ["with the ceremony of another wallet", { env: FOREIGN }, 78, "names for semi-offline-signer-a a key of a listed"],
    ["with a ceremony that is none", { env: { SLUICE_CEREMONY_FILE: "/dev/null" } }, 78, "SLUICE_CEREMONY_FILE"],
    ["with a ceremony of another network", { env: { SLUICE_NETWORK: "signet" } }, 78, "is of SLUICE_NETWORK"],
    ["with a console that others may enter", { env: { SLUICE_CONSOLE_SOCKET: "/tmp/a.sock" } }, 78, "DIRECTORY_OPEN"],
    ["with NODE_OPTIONS set", { env: { NODE_OPTIONS: "--no-deprecation" } }, 78, "NODE_OPTIONS"],
    ["with an inspector", { flags: ["--inspect=127.0.0.1:0"] }, 78, "--inspect"],
    ["with a setting that nobody knows", { env: { SLUICE_MAX_FEES: "1" } }, 78, "SLUICE_MAX_FEES"],
    [
      "with no key of its bridge's peer",
      { env: { SLUICE_BRIDGE_KEYS_FILE: "/dev/null" } },
      78,
      "SLUICE_BRIDGE_KEYS_FILE",
    ],
    ["with a fee rate of zero", { env: { SLUICE_MAX_FEE_RATE_SAT_PER_VBYTE: "0.000" } }, 78, "is a rate above zero"],
    [
      "where IP is to be had",
      { network: true, env: { SLUICE_REQUIRE_ISOLATION: "yes" } },
      77,
      "does not serve where IP",
    ],
  ])("%s", async (_, options, code, why) => {
    const signer = start(options);
    expect(await signer.ended).toEqual({ code, signal: null });
    expect(JSON.stringify(signer.lines)).toContain(why);
  });

  test("and never says a byte of its key", async () => {
    const signer = await serve();
    signer.child.kill("SIGTERM");
    await signer.ended;
    const said = JSON.stringify(signer.lines);
    for (const form of ["hex", "base64", "latin1"] as const) expect(said).not.toContain(secrets[0].toString(form));
  });
});
