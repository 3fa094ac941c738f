// A ceremony in a folder: what it leaves holds no secret, every set of shares restores its key, and every damage is found.
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDescriptor } from "@sluice/chains";
import { HOLDERS } from "@sluice/contracts";
import { loadNativeCurve } from "@sluice/keys";
import {
  type CeremonyFile,
  deriveAccounts,
  guardedRandom,
  hardenedChild,
  masterNode,
  seedOf,
  wordsOf,
} from "@sluice/keys/custody";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  addWallet,
  type Custodian,
  folderFaults,
  holdCeremony,
  openShare,
  readCeremony,
  readIdentityFile,
  readPlan,
  rehearse,
  shareFileOf,
  subsets,
  writeCeremony,
} from "../src/index.ts";
import { makeCustodians, makePlan } from "./fixture.ts";

const publicKeysOf = ({ accounts }: CeremonyFile["holders"][number]) => accounts.map(({ publicKey }) => publicKey);
const root = mkdtempSync(join(tmpdir(), "ceremony-"));
const folder = join(root, "made");
/** Copies of what was drawn, which the ceremony itself has wiped. */
const drawn: Buffer[] = [];
let custodians: ReadonlyMap<string, Custodian>;
const identityOf = (name: string) => custodians.get(name)?.identity ?? null;

beforeAll(async () => {
  custodians = await makeCustodians(["alice", "bob", "carol"]);
  const ceremony = await holdCeremony(makePlan(custodians), (length) => {
    const entropy = guardedRandom(length);
    drawn.push(Buffer.from(entropy));
    return entropy;
  });
  writeCeremony(folder, ceremony);
});

afterAll(() => rmSync(root, { recursive: true }));

function filesIn(path: string): readonly string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

describe("what a ceremony leaves", () => {
  test("is the record, the wallets and a sealed file per holder and custodian", () => {
    expect(filesIn(folder).map((path) => path.slice(folder.length + 1))).toEqual([
      "ceremony.json",
      ...HOLDERS.flatMap((holder) => ["alice", "bob", "carol"].map((name) => `shares/${holder}/${name}.age`)),
      "wallets.json",
    ]);
    const record = JSON.parse(readFileSync(join(folder, "ceremony.json"), "utf8"));
    const listed = JSON.parse(readFileSync(join(folder, "wallets.json"), "utf8"));
    expect(listed).toMatchObject([
      { walletId: "hot", asset: "BTC", gapLimit: 20 },
      { walletId: "hot-2", asset: "BTC", gapLimit: 30 },
    ]);
    for (const [at, { walletId, descriptor }] of listed.entries()) {
      expect(parseDescriptor(descriptor, "regtest")).toMatchObject({ ok: true });
      expect(record.wallets[at]).toEqual({ walletId, account: at, descriptor });
    }
    for (const { accounts } of record.holders) {
      expect(accounts.map(({ path }: { path: string }) => path)).toEqual(["48h/1h/0h/2h", "48h/1h/1h/2h"]);
    }
  });

  test("holds no run of bytes of any secret, in no spelling", async () => {
    const secrets = await everySecret();
    expect(findIn(folder, secrets)).toEqual([]);
    // The control: the same search finds one that is planted, in each spelling.
    for (const spelling of SPELLINGS) {
      const planted = join(root, "planted");
      cpSync(folder, planted, { recursive: true });
      const secret = secrets[secrets.length - 1] as Buffer;
      writeFileSync(
        join(planted, "shares", "note.txt"),
        Buffer.concat([Buffer.from("x"), spelling(secret.subarray(3, 12)), Buffer.from("y")]),
      );
      expect(findIn(planted, secrets).length).toBeGreaterThan(0);
      rmSync(planted, { recursive: true });
    }
  });

  test("was made from what was drawn, and what was drawn is overwritten", async () => {
    const record = JSON.parse(readFileSync(join(folder, "ceremony.json"), "utf8"));
    const made = drawn.map((entropy) =>
      deriveAccounts(entropy, 1, [0, 1]).map(({ publicKey }) => Buffer.from(publicKey).toString("hex")),
    );
    expect(record.holders.map(publicKeysOf)).toEqual(made);
    const kept: Buffer[] = [];
    await holdCeremony(makePlan(custodians), (length) => {
      const entropy = guardedRandom(length);
      kept.push(entropy);
      return entropy;
    });
    expect(kept.map((entropy) => entropy.toString("hex"))).toEqual(Array(3).fill("00".repeat(32)));
  });

  test("is never written over, and nothing half done is left", async () => {
    expect(folderFaults(folder)).toMatchObject([{ code: "FOLDER_EXISTS" }]);
    expect(folderFaults(join(root, "no", "parent"))).toMatchObject([{ code: "FOLDER_PARENT_MISSING" }]);
    const before = filesIn(root).length;
    const ceremony = await holdCeremony(makePlan(custodians));
    expect(() => writeCeremony(folder, ceremony)).toThrow("appeared meanwhile");
    expect(filesIn(root).length).toBe(before);
  });
});

describe("the rehearsal", () => {
  test("restores every set of shares of every holder", async () => {
    expect(await rehearse(folder, identityOf)).toEqual({
      faults: [],
      holders: HOLDERS.map((holder) => ({ holder, shares: 3, sets: 3 })),
    });
  });

  const [a, b] = HOLDERS;
  const changeRecord = (path: string, change: (record: CeremonyFile) => void) => {
    const file = join(path, "ceremony.json");
    const record = JSON.parse(readFileSync(file, "utf8"));
    change(record);
    writeFileSync(file, JSON.stringify(record));
  };
  const damages: readonly [string, (path: string) => void, string][] = [
    ["a share file is gone", (path) => rmSync(shareFileOf(path, a, "bob")), "SHARE_FILE_MISSING"],
    [
      "two share files were swapped",
      (path) => cpSync(shareFileOf(path, a, "bob"), shareFileOf(path, b, "bob")),
      "SHARE_FILE_ALTERED",
    ],
    [
      "a share of another holder stands under a right digest",
      (path) =>
        changeRecord(path, (record) => {
          const [first, second] = record.holders;
          cpSync(shareFileOf(path, a, "bob"), shareFileOf(path, b, "bob"));
          if (first?.shares[1] && second?.shares[1]) second.shares[1].fileDigest = first.shares[1].fileDigest;
        }),
      "SHARE_ALTERED",
    ],
    [
      "the record names another key of the second wallet",
      (path) =>
        changeRecord(path, (record) => {
          const [first, second] = record.holders.map(({ accounts }) => accounts[1]);
          if (first && second) first.publicKey = second.publicKey;
        }),
      "KEY_DIFFERS",
    ],
    [
      "the record names another xpub",
      (path) =>
        changeRecord(path, (record) => {
          const [first, second] = record.holders.map(({ accounts }) => accounts[0]);
          if (first && second) first.xpub = second.xpub;
        }),
      "DESCRIPTOR_DIFFERS",
    ],
    [
      "the record gives a wallet the descriptor of the other",
      (path) =>
        changeRecord(path, ({ wallets: [one, two] }) => Object.assign(one ?? {}, { descriptor: two?.descriptor })),
      "DESCRIPTOR_DIFFERS",
    ],
    [
      "the wallets file gives a wallet the other's name",
      (path) => {
        const [one, two] = JSON.parse(readFileSync(join(path, "wallets.json"), "utf8"));
        const swapped = [
          { ...one, walletId: two.walletId },
          { ...two, walletId: one.walletId },
        ];
        writeFileSync(join(path, "wallets.json"), JSON.stringify(swapped));
      },
      "WALLETS_DIFFER",
    ],
    [
      "a holder has no key for one of the wallets",
      (path) => changeRecord(path, ({ holders }) => void holders[2]?.accounts.pop()),
      "CEREMONY_INVALID",
    ],
    ["the wallets file is gone", (path) => rmSync(join(path, "wallets.json")), "WALLETS_UNREADABLE"],
    ["the record is gone", (path) => rmSync(join(path, "ceremony.json")), "CEREMONY_UNREADABLE"],
    [
      "the record has a field more",
      (path) => changeRecord(path, (record) => Object.assign(record, { note: "" })),
      "CEREMONY_INVALID",
    ],
  ];

  test.each(damages)("finds that %s", async (_, damage, code) => {
    const copy = mkdtempSync(join(root, "damaged-"));
    cpSync(folder, copy, { recursive: true });
    damage(copy);
    const { faults } = await rehearse(copy, identityOf);
    expect(faults.map((fault) => fault.code)).toContain(code);
  });

  test("reads a record of the first version, which made one wallet, and restores its key", async () => {
    const copy = mkdtempSync(join(root, "first-version-"));
    cpSync(folder, copy, { recursive: true });
    asFirstVersion(copy);
    expect(await rehearse(copy, identityOf)).toMatchObject({
      faults: [],
      holders: [{ sets: 3 }, { sets: 3 }, { sets: 3 }],
    });
    const read = readCeremony(copy);
    if ("faults" in read) throw new Error("refused");
    expect(read.record).toMatchObject({ version: 2, wallets: [{ walletId: null, account: 0 }] });
    changeRecord(copy, (record) => Object.assign(record.holders[0] ?? {}, { publicKey: "ab" }));
    expect((await rehearse(copy, identityOf)).faults).toMatchObject([
      { code: "CEREMONY_INVALID", message: expect.stringContaining("holders.0.publicKey") },
    ]);
    changeRecord(copy, (record) => Object.assign(record, { version: 3 }));
    expect((await rehearse(copy, identityOf)).faults).toEqual([
      { code: "CEREMONY_INVALID", message: "version: is 1 or 2" },
    ]);
  });

  test("needs no new shares for one more wallet: what is added is what the ceremony would have made", async () => {
    const copy = mkdtempSync(join(root, "growing-"));
    cpSync(folder, copy, { recursive: true });
    asFirstVersion(copy);
    const wallets = JSON.parse(readFileSync(join(folder, "wallets.json"), "utf8"));
    writeFileSync(join(copy, "wallets.json"), JSON.stringify(wallets.slice(0, 1)));
    // Two custodians are enough, and the third one's share need not be brought.
    for (const holder of HOLDERS) rmSync(shareFileOf(copy, holder, "carol"));
    const second = { walletId: "hot-2", account: 1, gapLimit: 30 };
    const added = await addWallet(copy, second, identityOf);
    if ("faults" in added) throw new Error(JSON.stringify(added.faults));
    expect(added.ceremony.record).toEqual(JSON.parse(readFileSync(join(folder, "ceremony.json"), "utf8")));
    expect(added.ceremony.wallets).toEqual(wallets);
    const whole = mkdtempSync(join(root, "grown-"));
    cpSync(folder, whole, { recursive: true });
    writeFileSync(join(whole, "ceremony.json"), JSON.stringify(added.ceremony.record));
    expect((await rehearse(whole, identityOf)).faults).toEqual([]);

    const codes = async (path: string, wallet: typeof second, identity = identityOf) => {
      const refused = await addWallet(path, wallet, identity);
      return "faults" in refused ? [...new Set(refused.faults.map(({ code }) => code))] : [];
    };
    expect(await codes(folder, second)).toEqual(["WALLET_ID_TAKEN", "ACCOUNT_TAKEN"]);
    const third = { walletId: "hot-3", account: 2, gapLimit: 30 };
    expect(await codes(folder, third, (name) => (name === "alice" ? identityOf(name) : null))).toEqual([
      "SHARES_TOO_FEW",
    ]);
    writeFileSync(join(copy, "wallets.json"), JSON.stringify(wallets.slice(1)));
    expect(await codes(copy, third)).toEqual(["WALLETS_DIFFER"]);
  });

  /** As this folder's record would have been written for its first wallet alone. */
  function asFirstVersion(path: string): void {
    const file = join(path, "ceremony.json");
    const { wallets, holders, ...record } = JSON.parse(readFileSync(file, "utf8"));
    const first = holders.map(({ accounts, ...holder }: { accounts: readonly { account: number }[] }) => {
      const { account: _, ...key } = accounts[0] ?? { account: 0 };
      return { ...holder, ...key };
    });
    writeFileSync(file, JSON.stringify({ ...record, version: 1, descriptor: wallets[0].descriptor, holders: first }));
  }

  test("lists every custodian whose identity is missing or wrong", async () => {
    const stranger = (await makeCustodians(["mallory"])).get("mallory")?.identity ?? "";
    const { faults } = await rehearse(folder, (name) => {
      if (name === "alice") return null;
      return name === "bob" ? stranger : identityOf(name);
    });
    const codes = faults.map(({ code }) => code);
    expect(codes.filter((code) => code === "IDENTITY_MISSING")).toHaveLength(3);
    expect(codes.filter((code) => code === "IDENTITY_DOES_NOT_OPEN")).toHaveLength(3);
    expect(codes.filter((code) => code === "SHARES_TOO_FEW")).toHaveLength(3);
  });

  test("takes all sets where they are few, and every share at least once where they are many", () => {
    expect(subsets(3, 2)).toEqual([
      [0, 1],
      [0, 2],
      [1, 2],
    ]);
    expect(subsets(5, 3)).toHaveLength(10);
    expect(subsets(1, 2)).toEqual([]);
    const many = subsets(16, 5);
    expect(many).toHaveLength(16);
    expect(new Set(many.flat()).size).toBe(16);
    for (const set of many) expect(new Set(set).size).toBe(5);
  });
});

describe("a plan", () => {
  test("is taken when it is right", () => {
    expect(readPlan(JSON.stringify(makePlan(custodians)))).toEqual({ plan: makePlan(custodians) });
  });

  test("of one wallet, as it was written before there were several, is one with account 0; a gap limit may be left out", () => {
    const { wallets: _, ...rest } = makePlan(custodians);
    const [wallet] = makePlan(custodians).wallets;
    const one = { ...rest, walletId: "hot", gapLimit: 20 };
    expect(readPlan(JSON.stringify(one))).toEqual({ plan: { ...rest, wallets: [wallet] } });
    const { gapLimit: __, ...bare } = wallet ?? { gapLimit: 0 };
    expect(readPlan(JSON.stringify({ ...rest, wallets: [bare] }))).toEqual({ plan: { ...rest, wallets: [wallet] } });
  });

  test("is refused with all its faults", () => {
    const plan = JSON.parse(JSON.stringify(makePlan(custodians, 4)));
    plan.holders[HOLDERS[0]].custodians[0].name = "Alice!";
    plan.holders[HOLDERS[1]].custodians[1].recipient = plan.holders[HOLDERS[1]].custodians[0].recipient;
    plan.holders[HOLDERS[2]].custodians[2].recipient = plan.holders[HOLDERS[2]].custodians[2].recipient.replace(
      /.$/,
      "b",
    );
    plan.wallets[1].walletId = "";
    plan.wallets[1].gapLimit = 0;
    const read = readPlan(JSON.stringify(plan));
    if (!("faults" in read)) throw new Error("taken");
    const text = read.faults.map(({ message }) => message).join("\n");
    for (const part of [
      "custodians.0.name",
      "seals to no recipient twice",
      "X25519 recipient",
      "wallets.1.walletId",
      "wallets.1.gapLimit",
    ]) {
      expect(text).toContain(part);
    }
    const faultsOf = (change: object) => {
      const other = readPlan(JSON.stringify({ ...makePlan(custodians), ...change }));
      return "faults" in other ? other.faults.map(({ message }) => message) : [];
    };
    const [one, two] = makePlan(custodians).wallets;
    expect(faultsOf({ wallets: [one, { ...two, account: 0 }] })).toEqual(["wallets: has no account twice"]);
    expect(faultsOf({ wallets: [one, { ...two, walletId: one?.walletId }] })).toEqual([
      "wallets: names no wallet twice",
    ]);
    expect(faultsOf({ wallets: [{ walletId: "hot" }] })[0]).toContain("wallets.0.account");
    expect(faultsOf({ walletId: "hot" })[0]).toContain("walletId");
    expect(readPlan("{")).toMatchObject({ faults: [{ code: "PLAN_INVALID" }] });
  });
});

test("an identity file is read as age reads it, and nothing else is one", () => {
  const identity = identityOf("alice") ?? "";
  expect(readIdentityFile(`# created: today\n# public key: age1…\n${identity}\n`)).toBe(identity);
  for (const text of ["", identity.toLowerCase(), `${identity}\n${identity}`, "AGE-SECRET-KEY-1ABC"]) {
    expect(readIdentityFile(text)).toBeNull();
  }
});

/** Entropy, words, seed, every key down to the account, and every share. */
async function everySecret(): Promise<readonly Buffer[]> {
  const curve = loadNativeCurve();
  const secrets: Buffer[] = [];
  for (const entropy of drawn) {
    const seed = seedOf(entropy);
    secrets.push(entropy, Buffer.from(wordsOf(entropy)), Buffer.from(seed));
    let node = masterNode(seed, curve);
    secrets.push(Buffer.from(node.key));
    for (const step of [48, 1]) {
      secrets.push(Buffer.from(node.chainCode));
      node = hardenedChild(node, step, curve);
      secrets.push(Buffer.from(node.key));
    }
    // An account's chain code is public; those above it are not.
    secrets.push(Buffer.from(node.chainCode));
    for (const account of [0, 1]) {
      const parent = hardenedChild(node, account, curve);
      secrets.push(Buffer.from(parent.key), Buffer.from(parent.chainCode));
      secrets.push(Buffer.from(hardenedChild(parent, 2, curve).key));
    }
  }
  for (const holder of HOLDERS) {
    for (const { name, identity } of custodians.values()) {
      const share = await openShare(readFileSync(shareFileOf(folder, holder, name)), identity);
      secrets.push(Buffer.from(share ?? []).subarray(-33, -1));
    }
  }
  expect(secrets).toHaveLength(3 * (3 + 1 + 2 * 2 + 1 + 2 * 3) + 9);
  expect(new Set(secrets.map((secret) => createHash("sha256").update(secret).digest("hex"))).size).toBe(secrets.length);
  return secrets;
}

const SPELLINGS: readonly ((bytes: Buffer) => Buffer)[] = [
  (bytes) => bytes,
  (bytes) => Buffer.from(bytes.toString("hex")),
  (bytes) => Buffer.from(bytes.toString("hex").toUpperCase()),
  (bytes) => Buffer.from(bytes).reverse(),
  // Whole groups of three bytes, which are the same characters wherever a run begins.
  (bytes) => Buffer.from(bytes.toString("base64").slice(0, 8)),
  (bytes) => Buffer.from(bytes.toString("base64url").slice(0, 8)),
];

/** Files in which eight bytes in a row of a secret stand. */
function findIn(path: string, secrets: readonly Buffer[]): readonly string[] {
  const needles = secrets.flatMap((secret) =>
    Array.from({ length: secret.length - 7 }, (_, at) => secret.subarray(at, at + 8)).flatMap((run) =>
      SPELLINGS.map((spell) => spell(run)),
    ),
  );
  return filesIn(path).filter((file) => {
    const content = readFileSync(file);
    return needles.some((needle) => content.includes(needle));
  });
}
