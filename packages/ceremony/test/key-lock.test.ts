// The lock of a holder: opened by any k custodians, with a code of its own for everything that is not one of its shares.
import { HOLDERS } from "@sluice/contracts";
import { loadNativeCurve } from "@sluice/keys";
import { createKeyLock, guardedRandom, type KeyLock, SHARE_REFUSALS, sealToBox } from "@sluice/keys/custody";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { type Ceremony, type Custodian, holdCeremony, openShare } from "../src/index.ts";
import { makeCustodians, makePlan } from "./fixture.ts";

const NAMES = ["alice", "bob", "carol", "dave"] as const;
const [OWN, OTHER] = HOLDERS;
const curve = loadNativeCurve();
let custodians: ReadonlyMap<string, Custodian>;
let ceremony: Ceremony;
let foreign: Ceremony;
let lock: KeyLock;
const seen = new Set<string>();

beforeAll(async () => {
  custodians = await makeCustodians(NAMES);
  ceremony = await holdCeremony(makePlan(custodians, 3));
  foreign = await holdCeremony(makePlan(custodians, 3));
});

beforeEach(() => {
  lock = createKeyLock(ceremony.record, OWN, curve);
});

async function shareOf(name: string, holder: string = OWN, from = ceremony): Promise<Uint8Array> {
  const file = from.shares.find((share) => share.holder === holder && share.custodian === name);
  const share = await openShare(file?.bytes ?? Buffer.alloc(0), custodians.get(name)?.identity ?? "");
  if (share === null) throw new Error("not opened");
  return share;
}

async function feed(share: Uint8Array): Promise<string | null> {
  const code = await lock.feed(sealToBox(lock.recipient(), share));
  if (code !== null) seen.add(code);
  return code;
}

const keysOf = (opened: KeyLock) => opened.keys()?.map(({ publicKey }) => Buffer.from(publicKey).toString("hex"));

test("any three of four open it, and the keys are the recorded ones, one for each wallet", async () => {
  const recorded = ceremony.record.holders[0]?.accounts.map(({ publicKey }) => publicKey);
  expect(new Set(recorded).size).toBe(2);
  for (const left of NAMES) {
    const chosen = NAMES.filter((name) => name !== left);
    for (const [at, name] of chosen.entries()) {
      expect(lock.status()).toEqual({ state: "locked", shares: at, threshold: 3, custodians: chosen.slice(0, at) });
      expect(lock.keys()).toBeNull();
      expect(await feed(await shareOf(name))).toBeNull();
    }
    expect(lock.status().state).toBe("serving");
    expect(keysOf(lock)).toEqual(recorded);
    const recipient = lock.recipient();
    lock.lock();
    expect(lock.keys()).toBeNull();
    expect(lock.recipient()).not.toEqual(recipient);
  }
});

test("each share that does not belong has its own code, and those that were taken stay", async () => {
  expect(await feed(await shareOf("alice"))).toBeNull();
  const altered = Uint8Array.from(await shareOf("bob"));
  altered[altered.length - 5] = (altered[altered.length - 5] ?? 0) ^ 1;
  const wrong: readonly [Uint8Array, string][] = [
    [guardedRandom(56), "SHARE_MALFORMED"],
    [Buffer.from("x"), "SHARE_MALFORMED"],
    [await shareOf("bob", OWN, foreign), "SHARE_OF_OTHER_CEREMONY"],
    [await shareOf("bob", OTHER), "SHARE_OF_OTHER_HOLDER"],
    [altered, "SHARE_ALTERED"],
    [await shareOf("alice"), "SHARE_DOUBLED"],
  ];
  for (const [share, code] of wrong) {
    expect(await feed(share)).toBe(code);
    expect(lock.status()).toMatchObject({ state: "locked", shares: 1, custodians: ["alice"] });
  }
  const elsewhere = createKeyLock(ceremony.record, OWN, curve);
  expect(await lock.feed(sealToBox(elsewhere.recipient(), await shareOf("bob")))).toBe("SHARE_SEALED_OTHERWISE");
  expect(await lock.feed(new Uint8Array(0))).toBe("SHARE_SEALED_OTHERWISE");
  seen.add("SHARE_SEALED_OTHERWISE");
  for (const name of ["bob", "carol"]) expect(await feed(await shareOf(name))).toBeNull();
  expect(lock.status().state).toBe("serving");
  expect(await feed(await shareOf("dave"))).toBe("HOLDER_SERVING");
});

test.each([0, 1])("shares that make another key of account %i than the recorded one open nothing", async (account) => {
  const other = ceremony.record.holders[1]?.accounts[account]?.publicKey ?? "";
  const holders = ceremony.record.holders.map((each, at) => {
    if (at > 0) return each;
    const accounts = each.accounts.map((own) => (own.account === account ? { ...own, publicKey: other } : own));
    return { ...each, accounts };
  });
  lock = createKeyLock({ ...ceremony.record, holders }, OWN, curve);
  expect(await feed(await shareOf("alice"))).toBeNull();
  expect(await feed(await shareOf("bob"))).toBeNull();
  expect(await feed(await shareOf("carol"))).toBe("SHARES_MAKE_OTHER_KEY");
  expect(lock.status()).toMatchObject({ state: "locked", shares: 0 });
  expect(lock.keys()).toBeNull();
});

test("locking in the middle begins anew, and what was sealed before opens nowhere", async () => {
  expect(await feed(await shareOf("alice"))).toBeNull();
  const late = sealToBox(lock.recipient(), await shareOf("bob"));
  lock.lock();
  expect(lock.status().shares).toBe(0);
  expect(await lock.feed(late)).toBe("SHARE_SEALED_OTHERWISE");
});

test("locked keys sign nothing, even for whoever kept them", async () => {
  for (const name of ["alice", "bob", "carol"]) await feed(await shareOf(name));
  const keys = lock.keys() ?? [];
  expect(keys).toHaveLength(2);
  const digest = new Uint8Array(32).fill(1);
  for (const key of keys) expect(key.sign(digest, digest)).toHaveLength(64);
  lock.lock();
  for (const key of keys) expect(() => key.sign(digest, digest)).toThrow("overwritten");
});

test("every code of a refused share was seen", () => {
  expect([...seen].toSorted()).toEqual(Object.keys(SHARE_REFUSALS).toSorted());
});
