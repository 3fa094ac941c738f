// A list's way by hand: imported, sealed, verified, installed, looked up; bad rows leave nothing, and what a list drops is removed.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLabelStore } from "@sluice/address-labels";
import { afterAll, expect, it } from "vitest";
import { runCommand } from "../run-command.ts";
import { COMMANDS } from "./index.ts";

const root = mkdtempSync(join(tmpdir(), "labels-"));
afterAll(() => rmSync(root, { recursive: true }));
const at = (name: string) => join(root, name);
const ADDRESSES = ["1AjZPMsnmpdK2Rv9KQNfMurTXinscVro9V", "149w62rY42aZBox8fGcmqNsXUzSStKeq8C"] as const;
const listed = (...addresses: readonly string[]) =>
  addresses.map((address) => `x; Digital Currency Address - XBT ${address};\n`).join("");

async function sluice(...given: readonly string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCommand(COMMANDS, ["labels", ...given], {
    stdout: (l) => out.push(l),
    stderr: (l) => err.push(l),
  });
  return { code, out, err };
}

it("takes a list from its file to the answer", async () => {
  const key = await runKey();
  writeFileSync(at("signers.json"), JSON.stringify({ threshold: 1, signers: [{ keyId: "research", publicKey: key }] }));
  writeFileSync(at("one.txt"), listed(...ADDRESSES));
  writeFileSync(at("two.txt"), listed(ADDRESSES[1]));
  writeFileSync(
    at("own.csv"),
    `chain,address,tier,category,confidence,since\nbitcoin,${ADDRESSES[0]},grey,watch,40,2024-01-02\n`,
  );
  const ofac = ["--format", "ofac", "--source", "ofac-sdn", "--since", "2018-11-28"];
  expect(
    await sluice(
      "build",
      "--list",
      `ofac:ofac-sdn:${at("one.txt")}`,
      "--list",
      `csv:own:${at("own.csv")}`,
      "--since",
      "2018-11-28",
      "--out",
      at("1"),
    ),
  ).toMatchObject({
    code: 0,
    out: [`${at("1")}: snapshot 1 with 3 records, not sealed`, expect.any(String), "follows nothing"],
  });
  expect(await sluice("verify", "--update", at("1"), "--signers", at("signers.json"))).toMatchObject({
    code: 65,
    err: [expect.stringContaining("LABELS_SIGNERS_TOO_FEW")],
  });
  const imported = await sluice(
    "import",
    "--file",
    at("two.txt"),
    "--before",
    at("one.txt"),
    ...ofac,
    "--after",
    at("1"),
    "--out",
    at("2"),
  );
  expect(imported.out[0]).toBe(`${at("2")}: delta 2 with 2 records, not sealed`);
  for (const update of ["1", "2"]) {
    await sluice("sign", "--update", at(update), "--key-id", "research", "--key", at("key.pem"));
    const verified = await sluice("verify", "--update", at(update), "--signers", at("signers.json"));
    expect([verified.code, verified.out[0]]).toEqual([0, expect.stringContaining("sealed by research")]);
  }
  const store = await install();
  const lookUp = (address: string) => sluice("lookup", "--store", store, "--chain", "bitcoin", "--address", address);
  expect((await lookUp(ADDRESSES[0])).out).toEqual([
    "grey: watch, says own since 2024-01-02T00:00:00.000Z, confidence 40 of 100",
    "by version 2 of the labels",
  ]);
  expect((await lookUp(ADDRESSES[1])).out).toEqual([
    "black: sanctions, says ofac-sdn since 2018-11-28T00:00:00.000Z, confidence 100 of 100",
    "by version 2 of the labels",
  ]);
  expect((await lookUp("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa")).out[0]).toBe("no label");
  expect((await lookUp("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb")).err[0]).toContain("ADDRESS_CHECKSUM");
  expect((await sluice("verify", "--store", store)).out[0]).toContain("every byte is whole");
  const [segment = ""] = readdirSync(store).filter((name) => name.endsWith(".segment"));
  writeFileSync(join(store, segment), "torn");
  expect(await sluice("verify", "--store", store)).toMatchObject({
    code: 65,
    err: [expect.stringMatching(/^LABELS_/)],
  });
});

it("keeps nothing of a list with a bad row, and names every one", async () => {
  writeFileSync(at("bad.txt"), listed(ADDRESSES[0], "149w62rY42aZBox8fGcmqNsXUzSStKeq8D", ADDRESSES[1]));
  const refused = await sluice(
    "import",
    "--file",
    at("bad.txt"),
    "--format",
    "ofac",
    "--source",
    "x",
    "--out",
    at("bad"),
  );
  expect(refused).toMatchObject({ code: 65, err: [expect.stringMatching(/^ROW_REFUSED: line 2: ADDRESS_CHECKSUM/)] });
  expect(existsSync(at("bad"))).toBe(false);
  const before = readdirSync(root).length;
  expect(
    (await sluice("import", "--file", at("none"), "--format", "ofac", "--source", "x", "--out", at("bad"))).code,
  ).toBe(64);
  expect(
    (await sluice("import", "--file", at("bad.txt"), "--format", "xls", "--source", "x", "--out", at("bad"))).code,
  ).toBe(64);
  expect(readdirSync(root)).toHaveLength(before);
});

async function runKey(): Promise<string> {
  const out: string[] = [];
  await runCommand(COMMANDS, ["key", "make", "--out", at("key.pem"), "--json"], {
    stdout: (line) => out.push(line),
    stderr: () => undefined,
  });
  return (JSON.parse(out[0] ?? "{}") as { readonly publicKey: string }).publicKey;
}

async function install(): Promise<string> {
  const directory = at("store");
  mkdirSync(directory);
  const signers = JSON.parse(readFileSync(at("signers.json"), "utf8")) as never;
  const store = openLabelStore({
    directory,
    signers,
    now: Date.now,
    onMergeFailed: (reason) => expect.unreachable(reason),
  });
  for (const update of ["1", "2"]) expect(await store.install(at(update))).toMatchObject({ ok: true });
  await store.settled();
  store.close();
  return directory;
}
