// A holder as a real process without a network, over a real bridge; this test speaks for semi-offline-risk.
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bridge, openBridge, unixListener } from "@sluice/bridge";
import { testBridgeSession } from "@sluice/bridge/testing";
import type { Coin } from "@sluice/chains";
import { type OpenedOf, open, seal } from "@sluice/contracts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HOLDER, type Signer, type SignerOptions, startSigner, WITHOUT_NETWORK } from "./signer-process.ts";
import {
  approve,
  type FixtureWallet,
  fund,
  makeApprover,
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

/** One journal for all that a holder's process does here, over all its lives; what may not start has folders of its own. */
const folder = mkdtempSync(join(tmpdir(), "signer-"));
const heard: (OpenedOf<"signing.answered.v1"> | OpenedOf<"holder.reported.v1">)[] = [];
const arrived = new EventTarget();
const signers: Signer[] = [];
const bridge: Bridge = openBridge({
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

afterAll(async () => {
  for (const { child, ended } of signers) {
    child.kill("SIGKILL");
    await ended;
  }
  await bridge.close();
  rmSync(folder, { recursive: true });
});

/** What is above 400,000 satoshi takes two people of this holder's own list. */
const people = ["ann-1", "bob-1"].map((keyId) => makeApprover(keyId));
const APPROVALS = { SLUICE_APPROVALS_FILE: join(folder, "approvals.json") };
const approvalsFile = (approvers: readonly object[]) =>
  JSON.stringify({ approvalTiers: [{ aboveSat: "400000", approvals: 2 }], approvers });
writeFileSync(APPROVALS.SLUICE_APPROVALS_FILE, approvalsFile(people.map(({ entry }) => entry)));

function start(options: Partial<SignerOptions> = {}): Signer {
  const signer = startSigner({ folder, seals, held, ...options, env: { ...APPROVALS, ...options.env } });
  signers.push(signer);
  return signer;
}

/** The one that serves; it is started when there is none. */
let serves: Signer | undefined;
async function serving(): Promise<Signer> {
  if (serves !== undefined) return serves;
  const signer = start();
  await signer.unlock();
  serves = signer;
  return signer;
}

async function end(signal: NodeJS.Signals) {
  const signer = await serving();
  serves = undefined;
  signer.child.kill(signal);
  return signer.ended;
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

/** Sends these and waits for as many answers: what came since. */
async function ask(...orders: readonly Order[]) {
  const before = answers().length;
  for (const order of orders) await bridge.send(envelopeOf(order));
  await until(() => answers().length === before + orders.length);
  return answers().slice(before);
}

/** How often it counted this, by its newest report. */
function counted(outcome: string): number {
  const pattern = new RegExp(`sluice_signer_orders_total\\{outcome="${outcome}",service="${HOLDER}"\\} (\\d+)`);
  return Number(pattern.exec(reports().at(-1)?.metrics ?? "")?.[1] ?? 0);
}

describe("a holder's process", () => {
  test("signs an order, reports what it did, and after being killed answers the same again", async () => {
    await serving();
    const order = makeOrder(seals, wallet, { requests: [request("once")] });
    const [first] = await ask(order);
    await until(() => counted("first") === 1);
    const report = reports().at(-1);
    expect(report).toMatchObject({
      holder: HOLDER,
      state: "serving",
      journalRecords: 1n,
      isolation: { noIp: WITHOUT_NETWORK !== undefined },
    });

    await end("SIGKILL");
    await serving();
    const [again] = await ask(order);
    expect(first?.answer.case).toBe("signatures");
    expect(again).toEqual(first);
  });

  test("signs for the wallet that an order names with that wallet's key, and for none that mixes them", async () => {
    await serving();
    const coins = [fund(wallet), fund(wallet, 90_000n, 5)];
    const said = await ask(
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
    );
    expect(said.map(({ answer }) => (answer.case === "refusal" ? answer.value.code : answer.case))).toEqual([
      "signatures",
      "signatures",
      "INPUT_DERIVATION_PATH",
      "WALLET_UNKNOWN",
      "INPUT_NOT_OWN",
      "WITHDRAWAL_ALREADY_SIGNED",
    ]);
  });

  test("drops an order without semi-offline-risk's seal, and goes on", async () => {
    // A life of its own: it counts from nothing.
    await serving();
    await end("SIGKILL");
    await serving();
    const order = makeOrder(seals, wallet, { requests: [request("sealed")] });
    const before = answers().length;
    await bridge.send(envelopeOf(order, makeSeals().sealer("semi-offline-risk")));
    await bridge.send(Buffer.from("no envelope"));
    await bridge.send(envelopeOf(order));
    await until(() => counted("SEAL_INVALID") > 0 && counted("first") > 0);
    expect([counted("SEAL_INVALID"), counted("first")]).toEqual([1, 1]);
    expect(answers()).toHaveLength(before + 1);
  });

  test("keeps the inspector closed when it is sent SIGUSR1", async () => {
    const signer = await serving();
    signer.child.kill("SIGUSR1");
    await signer.says("SIGUSR1 does nothing here; the inspector stays closed");
    const listening = readFileSync(`/proc/${signer.child.pid}/net/tcp`, "utf8").split("\n").slice(1).filter(Boolean);
    if (WITHOUT_NETWORK !== undefined) expect(listening).toEqual([]);
  });

  test("has a journal of its own: a second process with the same one does not start", async () => {
    await serving();
    const other = start();
    expect(await other.ended).toEqual({ code: 1, signal: null });
    expect(JSON.stringify(other.lines)).toContain("JOURNAL_LOCKED");
  });

  test("refuses over a restart what it may not sign, and says why", async () => {
    await serving();
    expect((await ask(makeOrder(seals, wallet, { requests: [request("twice")] })))[0]?.answer.case).toBe("signatures");
    expect(await end("SIGTERM")).toEqual({ code: 0, signal: null });
    await serving();
    const other = makeOrder(seals, wallet, { requests: [request("twice")], coins: [fund(wallet, 300_000n)] });
    expect((await ask(other))[0]?.answer).toMatchObject({
      case: "refusal",
      value: { code: "WITHDRAWAL_ALREADY_SIGNED" },
    });
  });

  test("counts by a list of its own who has approved what is large", async () => {
    await serving();
    const large = (id: string, count: number) =>
      makeOrder(seals, wallet, {
        ...{ requests: [request(id, { amount: "400001" })], coins: [fund(wallet, 450_000n)] },
        approvals: (body) => people.slice(0, count).map((person) => approve(person, body, NOW_MS)),
      });
    const [refusal] = await ask(large("approved-by-one", 1));
    expect(refusal?.answer).toMatchObject({ case: "refusal", value: { code: "APPROVALS_MISSING" } });
    expect((await ask(large("approved-by-two", 2)))[0]?.answer.case).toBe("signatures");
  });

  test("never says a byte of its key", async () => {
    await serving();
    expect(await end("SIGTERM")).toEqual({ code: 0, signal: null });
    expect(signers.filter(({ lines }) => lines.some(({ msg }) => msg === "serving")).length).toBeGreaterThan(0);
    const said = JSON.stringify(signers.map(({ lines }) => lines));
    for (const form of ["hex", "base64", "latin1"] as const) expect(said).not.toContain(secrets[0].toString(form));
  });
});

describe("a holder's process does not serve", () => {
  const elsewhere = mkdtempSync(join(tmpdir(), "signer-foreign-"));
  const FOREIGN = { SLUICE_CEREMONY_FILE: join(elsewhere, "ceremony.json") };
  const REQUESTING = { SLUICE_APPROVALS_FILE: join(elsewhere, "requesting.json") };
  beforeAll(async () => {
    writeFileSync(FOREIGN.SLUICE_CEREMONY_FILE, JSON.stringify((await makeHeldWallet()).record));
    const [backend] = seals.file.filter(({ producer }) => producer === "exchange-backend");
    const both = people.map(({ entry }, at) => (at === 0 ? { ...entry, publicKey: backend?.publicKey } : entry));
    writeFileSync(REQUESTING.SLUICE_APPROVALS_FILE, approvalsFile(both));
  });
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
    ["with an approver whose key requests as well", { env: REQUESTING }, 78, "is a key that requests or clears"],
    ["with a fee rate of zero", { env: { SLUICE_MAX_FEE_RATE_SAT_PER_VBYTE: "0.000" } }, 78, "is a rate above zero"],
    [
      "where IP is to be had",
      { network: true, env: { SLUICE_REQUIRE_ISOLATION: "yes" } },
      77,
      "does not serve where IP",
    ],
  ])("%s", async (_, options, code, why) => {
    const signer = start({ folder: mkdtempSync(join(elsewhere, "none-")), ...options });
    expect(await signer.ended).toEqual({ code, signal: null });
    expect(JSON.stringify(signer.lines)).toContain(why);
  });
});
