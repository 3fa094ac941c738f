// A holder's process from its start: locked, fed by custodians, serving, killed, locked again. Nothing of it is kept.
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bridge, openBridge, unixListener } from "@sluice/bridge";
import { testBridgeSession } from "@sluice/bridge/testing";
import { callConsole } from "@sluice/console";
import { type OpenedOf, open, seal } from "@sluice/contracts";
import { sealToBox } from "@sluice/keys/custody";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HOLDER, type Signer, startSigner } from "./signer-process.ts";
import { makeHeldWallet, makeOrder, makeSeals, NOW_MS, type Order } from "./zone.ts";

const seals = makeSeals();
const held = await makeHeldWallet();

let folder = "";
let bridge: Bridge;
let signer: Signer;
let heard: (OpenedOf<"signing.answered.v1"> | OpenedOf<"holder.reported.v1">)[] = [];
let arrived = new EventTarget();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "locked-"));
  heard = [];
  arrived = new EventTarget();
  bridge = openBridge({
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
});

afterEach(async () => {
  signer.child.kill("SIGKILL");
  await signer.ended;
  await bridge.close();
  rmSync(folder, { recursive: true });
});

async function start(): Promise<void> {
  signer = startSigner({ folder, seals, held });
  await signer.says("ready");
}

function send(order: Order, id = order.taskId): Promise<void> {
  const fields = { id, key: order.walletId, occurredAtMs: NOW_MS, message: order };
  return bridge.send(seal(seals.sealer("semi-offline-risk"), "signing.ordered.v1", fields));
}

const answers = () => heard.flatMap((opened) => (opened.type === "signing.answered.v1" ? [opened.message.answer] : []));
const state = () => heard.findLast((opened) => opened.type === "holder.reported.v1")?.message;

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await once(arrived, "message");
}

const status = async () => {
  const answer = await callConsole(signer.console, "status");
  if (!answer.ok) throw new Error(answer.code);
  return answer.output;
};

test("locked, unlocked, signing, killed, locked again, unlocked, signing the same", async () => {
  const order = makeOrder(seals, held.wallet);
  await start();
  await until(() => state() !== undefined);
  expect(state()).toMatchObject({ state: "locked" });
  await send(order);
  await until(() => answers().length === 1);
  expect(answers()[0]).toMatchObject({ case: "refusal", value: { code: "HOLDER_LOCKED" } });

  const progress: unknown[] = [];
  await held.unlock(HOLDER, signer.console, (name) => progress.push(name));
  expect(progress).toEqual(["alice", "bob"]);
  expect(await status()).toMatchObject({ holder: HOLDER, state: "serving", shares: 0, custodians: [] });
  await until(() => state()?.["state"] === "serving");
  await send(order, "again");
  await until(() => answers().length === 2);
  expect(answers()[1]?.case).toBe("signatures");

  signer.child.kill("SIGKILL");
  await signer.ended;
  heard = heard.filter(({ type }) => type === "signing.answered.v1");
  await start();
  expect(await status()).toMatchObject({ state: "locked", shares: 0, threshold: 2 });
  await until(() => state() !== undefined);
  expect(state()).toMatchObject({ state: "locked", journalRecords: 1n });
  await send(order, "locked again");
  await until(() => answers().length === 3);
  // It says that a signature of this very transaction may be about.
  expect(answers()[2]).toMatchObject({ case: "refusal", value: { code: "HOLDER_LOCKED", signedBefore: true } });
  await signer.unlock();
  await send(order, "and again");
  await until(() => answers().length === 4);
  expect(answers()[3]).toEqual(answers()[1]);
});

test("one share is one of two; locking forgets it, and the key as well", async () => {
  await start();
  const first = await status();
  expect(first).toMatchObject({ state: "locked", shares: 0, threshold: 2, custodians: [] });
  const halfWay = held.unlock(HOLDER, signer.console, (name) => {
    throw new Error(`stopped after ${name}`);
  });
  await expect(halfWay).rejects.toThrow("stopped after alice");
  expect(await status()).toMatchObject({ state: "locked", shares: 1, custodians: ["alice"] });
  await expect(held.unlock(HOLDER, signer.console)).rejects.toThrow("SHARE_DOUBLED");
  expect(await callConsole(signer.console, "lock")).toMatchObject({ ok: true, output: { shares: 0 } });
  await held.unlock(HOLDER, signer.console);
  await expect(held.unlock(HOLDER, signer.console)).rejects.toThrow("HOLDER_SERVING");
  await until(() => state()?.["state"] === "serving");
  await callConsole(signer.console, "lock");
  await until(() => state()?.["state"] === "locked");
  expect((await status())["recipient"]).not.toBe(first["recipient"]);
  await send(makeOrder(seals, held.wallet));
  await until(() => answers().length === 1);
  expect(answers()[0]).toMatchObject({ case: "refusal", value: { code: "HOLDER_LOCKED" } });
});

test("what is no share of it is refused at the console, each with its code, and it goes on", async () => {
  await start();
  const other = await makeHeldWallet();
  const recipient = Buffer.from(String((await status())["recipient"]), "hex");
  const feed = async (bytes: Uint8Array) => {
    const answer = await callConsole(signer.console, "feed", {}, bytes);
    return answer.ok ? "taken" : answer.code;
  };
  expect(await feed(new Uint8Array(0))).toBe("SHARE_SEALED_OTHERWISE");
  expect(await feed(Buffer.alloc(104, 7))).toBe("SHARE_SEALED_OTHERWISE");
  expect(await feed(sealToBox(recipient, Buffer.alloc(56, 7)))).toBe("SHARE_MALFORMED");
  expect(await feed(Buffer.alloc(10_000))).toBe("CONSOLE_FRAME_TOO_LARGE");
  await expect(other.unlock(HOLDER, signer.console)).rejects.toThrow("SHARE_OF_OTHER_CEREMONY");
  await expect(held.unlock("semi-offline-signer-b", signer.console)).rejects.toThrow("SHARE_OF_OTHER_HOLDER");
  expect(await callConsole(signer.console, "sign")).toMatchObject({ code: "CONSOLE_COMMAND_UNKNOWN" });
  expect(await status()).toMatchObject({ state: "locked", shares: 0 });
  await signer.unlock();
});

test("neither log nor environment nor arguments nor any file hold a byte run of key or shares", async () => {
  await start();
  await signer.unlock();
  const pid = signer.child.pid ?? 0;
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const places = [
    Buffer.from(JSON.stringify(signer.lines)),
    readFileSync(`/proc/${pid}/cmdline`),
    readFileSync(`/proc/${pid}/environ`),
    ...files.map(({ parentPath, name }) => readFileSync(join(parentPath, name))),
  ];
  expect(places.length).toBeGreaterThan(5);
  const holdsKey = (place: Buffer): boolean =>
    [0, 8, 16, 24].some((at) => {
      const run = held.secrets[0].subarray(at, at + 8);
      return [run, run.toString("hex"), run.toString("base64").slice(0, 10)].some((spelt) => place.includes(spelt));
    });
  expect(places.filter(holdsKey)).toEqual([]);
  expect(holdsKey(Buffer.from(`{"planted":"${held.secrets[0].toString("hex")}"}`))).toBe(true);
});
