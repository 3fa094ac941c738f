// The bundle commands as people use them: a key each, make, two seals, verify; and what each refuses.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleContent, makeOffice, makeSeals } from "@sluice/second-opinion/fixtures";
import { afterAll, expect, test } from "vitest";
import { runCommand } from "../run-command.ts";
import { COMMANDS } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-cli-"));
const at = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

async function sluice(...words: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const output = { stdout: (line: string) => void out.push(line), stderr: (line: string) => void err.push(line) };
  const code = await runCommand(COMMANDS, words, output);
  return { code, out: out.join("\n"), err: err.join("\n") };
}

async function makeSigner(keyId: string): Promise<{ readonly keyId: string; readonly publicKey: string }> {
  const made = await sluice("key", "make", "--out", at(`${keyId}.pem`), "--json");
  expect(made.code).toBe(0);
  expect(statSync(at(`${keyId}.pem`)).mode & 0o777).toBe(0o600);
  return { keyId, publicKey: (JSON.parse(made.out) as { publicKey: string }).publicKey };
}

const sign = (keyId: string) =>
  sluice("bundle", "sign", "--bundle", at("1.bundle"), "--key-id", keyId, "--key", at(`${keyId}.pem`));
const verify = () => sluice("bundle", "verify", "--bundle", at("1.bundle"), "--signers", at("signers.json"));

test("a bundle is made, sealed by two people, and verified", async () => {
  const signers = [await makeSigner("anna"), await makeSigner("bert")];
  writeFileSync(at("signers.json"), JSON.stringify({ threshold: 2, signers }));
  const content = bundleContent(makeSeals(), makeOffice());
  writeFileSync(at("content.json"), JSON.stringify(content, null, 2));
  const made = await sluice("bundle", "make", "--content", at("content.json"), "--out", at("1.bundle"));
  expect(made).toMatchObject({ code: 0, out: expect.stringContaining("version 1 for regtest, not sealed") });
  expect(await verify()).toMatchObject({ code: 65, err: expect.stringContaining("BUNDLE_SIGNERS_TOO_FEW") });
  expect((await sign("anna")).code).toBe(0);
  expect(await verify()).toMatchObject({ code: 65, err: expect.stringContaining("BUNDLE_SIGNERS_TOO_FEW") });
  expect((await sign("bert")).code).toBe(0);
  expect(await verify()).toMatchObject({ code: 0, out: expect.stringContaining("sealed by anna and bert") });

  // The first file stays: nothing is overwritten that was not read.
  const again = await sluice("bundle", "make", "--content", at("content.json"), "--out", at("1.bundle"));
  expect(again.code).toBe(64);
  const bytes = readFileSync(at("1.bundle"), "latin1");
  writeFileSync(at("1.bundle"), bytes.replace('"maxPaymentSat":"500000"', '"maxPaymentSat":"900000"'), "latin1");
  expect(await verify()).toMatchObject({ code: 65, err: expect.stringContaining("BUNDLE_SEAL_WRONG") });
});

test("a content that is not one is refused with all its faults, and no file is written", async () => {
  writeFileSync(at("bad.json"), JSON.stringify({ version: 0, more: 1 }));
  const refused = await sluice("bundle", "make", "--content", at("bad.json"), "--out", at("bad.bundle"));
  expect(refused.code).toBe(65);
  expect(refused.err).toMatch(/BUNDLE_CONTENT_INVALID: version .*\n(.*\n)*.*BUNDLE_CONTENT_INVALID/);
  expect(() => statSync(at("bad.bundle"))).toThrow();
});

test.each([
  [["bundle", "sign", "--bundle", "/nowhere", "--key-id", "a", "--key", "/nowhere"], "cannot be read"],
  [["zone", "release", "--console", "/nowhere", "--task", "t"], "--transaction is needed"],
])("%j is a usage error", async (words, said) => {
  expect(await sluice(...words)).toMatchObject({ code: 64, err: expect.stringContaining(said) });
});

test("nobody at the console is said so", async () => {
  expect((await sluice("zone", "waiting", "--console", at("no.sock"))).code).toBe(69);
  expect((await sluice("zone", "bundle", "--console", at("no.sock"))).code).toBe(69);
});
