// The client as a new user has it: from the packed file, in a folder of its own, as JavaScript and with its types, against
// the real API. SLUICE_NEW_USER=npm installs it with npm, from the registry; without it nothing is fetched.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { packClient } from "../../../packages/client/pack.ts";
import { addressNumber } from "./addresses.ts";
import { openInProcess } from "./in-process.ts";
import { countRows, createWorld } from "./world.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

const USER = `
import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSluiceClient, SluiceApiError, type WithdrawalDetails } from "@sluice/client";

const [baseUrl = "", keyId = "", pem = "", address = ""] = process.argv.slice(2);
const client = createSluiceClient({ baseUrl, keyId, privateKey: createPrivateKey(readFileSync(pem, "utf8")) });
const one: WithdrawalDetails = await client.createWithdrawal({ id: "u-1", account: "acme", asset: "BTC", amount: 10_000n, address });
const again = await client.createWithdrawal({ id: "u-1", account: "acme", asset: "BTC", amount: 10_000n, address });
const many = await client.createWithdrawals(
  ["u-2", "u-3", "u-1"].map((id) => ({ id, account: "acme", asset: "BTC", amount: 20_000n, address })),
);
const list = await client.listWithdrawals({ account: "acme", amountMin: 20_000n });
const fees = await client.getFees("BTC");
const cancelled = await client.cancelWithdrawal("u-2");
const refused = await client.getWithdrawal("nothing").catch((error: unknown) => (error instanceof SluiceApiError ? error.code : error));
await client.enforceAllowList("acme", true);
const entry = await client.allowDestination("acme", { address, label: "mine" });
const listed = await client.listDestinations("acme");
console.log(JSON.stringify({
  states: [one.state, again.state, cancelled.state],
  many: many.map(({ withdrawal, error }) => withdrawal?.state ?? error?.code),
  list: list.withdrawals.map(({ id }) => id),
  fees: fees.quotes.length,
  refused,
  listed: listed.destinations.map((each) => each.address === entry.address && each.isActive),
}));
`;

it("is installed from the packed file into a folder of its own, type-checks, and speaks to the API", async () => {
  const folder = mkdtempSync(join(tmpdir(), "new-user-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const packed = packClient(folder);
  const manifest = { type: "module", private: true, dependencies: { "@sluice/client": `file:${packed}` } };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  const how = process.env["SLUICE_NEW_USER"] ?? "unpacked";
  if (how === "npm") execFileSync("npm", ["install", "--silent", "--no-audit", "--no-fund"], { cwd: folder });
  else unpack(packed, folder);
  writeFileSync(join(folder, "user.ts"), USER);
  symlinkSync(join(ROOT, "node_modules/@types"), join(folder, "node_modules/@types"));
  const strict = [
    "--strict",
    "--skipLibCheck",
    "false",
    "--module",
    "nodenext",
    "--target",
    "es2024",
    "--types",
    "node",
  ];
  execFileSync(join(ROOT, "node_modules/.bin/tsc"), [...strict, "--outDir", "built", "user.ts"], { cwd: folder });

  const world = await createWorld();
  const { keys, pool } = world;
  const api = await openInProcess(world, onTestFinished, ({ apiKeys }) => ({
    apiKeys: {
      get: (keyId) => {
        const key = apiKeys.get(keyId);
        return key && { ...key, scopes: [...key.scopes, "destinations" as const] };
      },
    },
  }));
  const baseUrl = await api.listen({ host: "127.0.0.1", port: 0 });
  const pem = join(folder, "key.pem");
  writeFileSync(pem, keys.backend.privateKey.export({ format: "pem", type: "pkcs8" }), { mode: 0o600 });
  const child = spawn(process.execPath, ["built/user.js", baseUrl, keys.backend.keyId, pem, addressNumber(1)], {
    ...{ cwd: folder, env: { PATH: process.env["PATH"] }, stdio: ["ignore", "pipe", "inherit"] },
  });
  expect(JSON.parse(await text(child.stdout))).toEqual({
    states: ["received", "received", "cancelled"],
    many: ["received", "received", "WITHDRAWAL_ID_REUSED"],
    list: ["u-3", "u-2"],
    ...{ fees: 3, refused: "WITHDRAWAL_UNKNOWN", listed: [false] },
  });
  expect(await countRows(pool, "withdrawal")).toBe(3);
  process.stderr.write(`new user: ${how}\n`);
  // Eight processes one after the other, most of them compilers: on a busy machine that is a minute.
}, 180_000);

/** As a package manager would, with the versions that are installed here: they have to be those that the client asks for. */
function unpack(packed: string, folder: string): void {
  const client = join(folder, "node_modules/@sluice/client");
  mkdirSync(client, { recursive: true });
  execFileSync("tar", ["xzf", packed, "--strip-components=1", "-C", client]);
  const read = (path: string) =>
    JSON.parse(readFileSync(path, "utf8")) as { version: string; dependencies: Record<string, string> };
  for (const [name, version] of Object.entries(read(join(client, "package.json")).dependencies)) {
    if (name.startsWith("@sluice/")) continue;
    const here = realpathSync(join(ROOT, "packages/contracts/node_modules", name));
    expect([name, read(join(here, "package.json")).version]).toEqual([name, version]);
    mkdirSync(join(folder, "node_modules", name, ".."), { recursive: true });
    symlinkSync(here, join(folder, "node_modules", name));
  }
}
