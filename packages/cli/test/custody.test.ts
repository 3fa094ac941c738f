// The commands as people give them: a ceremony, its rehearsal, and a real holder that custodians unlock with them.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Custodian, createCustodian } from "@sluice/ceremony";
import { answered, refusedAs, serveConsole } from "@sluice/console";
import { loadNativeCurve } from "@sluice/keys";
import { ceremonyFileSchema, createKeyLock, type KeyLock, SHARE_REFUSALS } from "@sluice/keys/custody";
import { afterAll, beforeAll, expect, test } from "vitest";
import { COMMANDS } from "../src/commands/index.ts";
import { runCommand } from "../src/run-command.ts";

const HOLDERS = ["semi-offline-signer-a", "semi-offline-signer-b", "semi-offline-signer-c"] as const;
const MAIN = join(import.meta.dirname, "../src/main.ts");
const root = mkdtempSync(join(tmpdir(), "sluice-cli-"));
const folder = join(root, "made");
const identities = join(root, "identities");
let custodians: readonly Custodian[];

beforeAll(async () => {
  custodians = await Promise.all(["alice", "bob", "carol"].map(createCustodian));
  mkdirSync(identities, { mode: 0o700 });
  for (const { name, identity } of custodians) {
    writeFileSync(join(identities, `${name}.txt`), `# ${name}\n${identity}\n`, { mode: 0o600 });
  }
  writeFileSync(join(root, "plan.json"), JSON.stringify(plan()));
});

afterAll(() => rmSync(root, { recursive: true }));

function plan(threshold = 2) {
  const custody = { threshold, custodians: custodians.map(({ name, recipient }) => ({ name, recipient })) };
  return {
    network: "regtest",
    walletId: "hot",
    gapLimit: 20,
    holders: Object.fromEntries(HOLDERS.map((holder) => [holder, custody])),
  };
}

/** In this process: what a start of Node costs is not what is tested, but for one. */
async function sluice(...words: readonly string[]) {
  const said = { out: "", err: "" };
  const code = await runCommand(COMMANDS, words, {
    stdout: (line) => {
      said.out += `${line}\n`;
    },
    stderr: (line) => {
      said.err += `${line}\n`;
    },
  });
  return { code, stdout: said.out, stderr: said.err };
}

test("the command is started as people start it", () => {
  const { status, stdout } = spawnSync(process.execPath, [MAIN, "ceremony", "--help"], { encoding: "utf8" });
  expect([status, stdout]).toEqual([0, expect.stringContaining("--plan FILE")]);
});

test("a ceremony, its rehearsal, and what they refuse", async () => {
  const refused = await sluice("ceremony", "--plan", join(root, "no.json"), "--out", join(root, "no", "folder"));
  expect(refused.code).toBe(65);
  expect(refused.stderr).toContain("PLAN_INVALID");
  expect(refused.stderr).toContain("FOLDER_PARENT_MISSING");

  const made = await sluice("ceremony", "--plan", join(root, "plan.json"), "--out", folder);
  expect([made.code, made.stderr]).toEqual([0, ""]);
  for (const holder of HOLDERS) expect(made.stdout).toContain(`${holder}: `);
  expect(made.stdout).toContain("at m/48h/1h/0h/2h, any 2 of alice, bob, carol");
  expect(readdirSync(folder).toSorted()).toEqual(["ceremony.json", "shares", "wallets.json"]);
  expect(await sluice("ceremony", "--plan", join(root, "plan.json"), "--out", folder)).toMatchObject({
    code: 65,
    stderr: expect.stringContaining("FOLDER_EXISTS"),
  });

  const rehearsed = await sluice("ceremony", "rehearse", "--folder", folder, "--identities", identities, "--json");
  expect(rehearsed).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(rehearsed.stdout)).toEqual({
    ok: true,
    holders: HOLDERS.map((holder) => ({ holder, shares: 3, sets: 3 })),
  });
  const grown = ["ceremony", "add-wallet", "--folder", folder, "--identities", identities, "--out", `${folder}-grown`];
  expect(await sluice(...grown, "--wallet", "hot", "--account", "0")).toMatchObject({
    code: 65,
    stderr: expect.stringMatching(/WALLET_ID_TAKEN[\s\S]*ACCOUNT_TAKEN/),
  });
  expect(await sluice(...grown, "--wallet", "", "--account", "1")).toMatchObject({ code: 64 });
  expect((await sluice(...grown, "--wallet", "hot 2", "--account", "x")).stderr).toMatch(/walletId[\s\S]*account/);
  const added = await sluice(...grown, "--wallet", "hot-2", "--account", "1");
  expect([added.code, added.stdout]).toEqual([0, expect.stringContaining("wallet hot-2: wsh(sortedmulti(2,[")]);
  expect(readdirSync(`${folder}-grown`).toSorted()).toEqual(["ceremony.json", "wallets.json"]);

  chmodSync(join(identities, "bob.txt"), 0o644);
  const open = await sluice("ceremony", "rehearse", "--folder", folder, "--identities", identities);
  chmodSync(join(identities, "bob.txt"), 0o600);
  expect(open.code).toBe(65);
  expect(open.stderr.split("\n").filter((line) => line.startsWith("IDENTITY_MISSING"))).toHaveLength(3);
});

test("status, unlock and lock at a holder's console", async () => {
  const record = ceremonyFileSchema.parse(JSON.parse(readFileSync(join(folder, "ceremony.json"), "utf8")));
  const lock = createKeyLock(record, HOLDERS[0], loadNativeCurve());
  const console = join(root, "console", "holder.sock");
  expect(await sluice("holder", "status", "--console", console)).toMatchObject({ code: 69 });
  const served = await serveLock(console, lock);
  const run = async (...words: readonly string[]) => {
    const { code, stdout, stderr } = await sluice("holder", ...words, "--console", console);
    return { code, out: (stdout + stderr).trim() };
  };
  const unlock = (name: string, holder: string = HOLDERS[0], identity = name) =>
    run(
      "unlock",
      "--share",
      join(folder, "shares", holder, `${name}.age`),
      "--identity",
      join(identities, `${identity}.txt`),
    );
  try {
    expect(await run("status")).toEqual({ code: 0, out: `${HOLDERS[0]}: locked, 0 of 2 shares` });
    expect(await unlock("alice")).toEqual({ code: 0, out: `${HOLDERS[0]}: locked, 1 of 2 shares (alice)` });
    expect(await unlock("alice")).toMatchObject({ code: 65, out: expect.stringContaining("SHARE_DOUBLED") });
    expect(await unlock("bob", HOLDERS[1])).toMatchObject({
      code: 65,
      out: expect.stringContaining("SHARE_OF_OTHER_HOLDER"),
    });
    expect(await unlock("bob", HOLDERS[0], "carol")).toMatchObject({
      code: 65,
      out: expect.stringContaining("IDENTITY_DOES_NOT_OPEN"),
    });
    expect(await unlock("nobody")).toMatchObject({ code: 65, out: expect.stringContaining("SHARE_FILE_MISSING") });
    expect(await unlock("carol")).toEqual({ code: 0, out: `${HOLDERS[0]}: serving` });
    expect(lock.keys()).not.toBeNull();
    expect(await run("lock")).toEqual({ code: 0, out: `${HOLDERS[0]}: locked, 0 of 2 shares` });
  } finally {
    await served.close();
  }
});

/** What the holder's own console does, without the holder around it: services/semi-offline-signer tests that. */
function serveLock(path: string, lock: KeyLock) {
  const status = () => {
    const recipient = Buffer.from(lock.recipient()).toString("hex");
    return answered({ holder: HOLDERS[0], ...lock.status(), recipient });
  };
  return serveConsole({
    path,
    logger: { info: () => {}, error: () => {} },
    commands: {
      status,
      feed: async (_, sealed) => {
        const code = await lock.feed(sealed);
        return code === null ? status() : refusedAs(code, SHARE_REFUSALS[code]);
      },
      lock: () => {
        lock.lock();
        return status();
      },
    },
  });
}
