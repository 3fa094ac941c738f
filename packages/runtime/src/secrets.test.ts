// Secrets: only from a descriptor or a file that is private, once, and nothing of the content in any fault.
import { chmodSync, closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ConfigError, readSecrets, z } from "./index.ts";

const directory = mkdtempSync(join(tmpdir(), "sluice-secrets-"));
afterAll(() => rmSync(directory, { recursive: true }));

const schema = z.strictObject({ databasePassword: z.string().min(8), token: z.string().regex(/^[a-z]+$/) });
const material = { databasePassword: "MATERIAL-one", token: "materialtwo" };

function file(name: string, content: string, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

function faultOf(read: () => unknown): ConfigError {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("it was read");
}

describe("from a file", () => {
  test.each([0o600, 0o400])("of mode %o", (mode) => {
    expect(readSecrets(schema, file(`mode-${mode}`, JSON.stringify(material), mode))).toEqual(material);
  });

  test.each([0o640, 0o604, 0o644, 0o660, 0o606, 0o601, 0o610])("of mode %o is refused", (mode) => {
    const path = file(`open-${mode}`, JSON.stringify(material), mode);
    expect(faultOf(() => readSecrets(schema, path)).message).toContain("may be read by group or others");
  });

  test("that is not there, or is no file, is refused", () => {
    expect(faultOf(() => readSecrets(schema, join(directory, "none"))).message).toContain("cannot be read (ENOENT)");
    expect(faultOf(() => readSecrets(schema, directory)).message).toContain("is not a regular file");
  });

  test("that is too long is refused", () => {
    const path = file("long", " ".repeat(1024 * 1024 + 1));
    expect(faultOf(() => readSecrets(schema, path)).message).toContain("is longer than 1 MiB");
  });

  test.each([
    ["torn", '{"databasePassword":"MATERIAL-one', ["is not JSON"]],
    ["no object", '"MATERIAL-one"', ["secrets: Invalid input"]],
    [
      "all wrong",
      '{"databasePassword":"MAT","token":"MATERIAL","extra":"MATERIAL"}',
      ["secrets.databasePassword", "secrets.token", "extra"],
    ],
  ])("with content that is %s is refused by names only", (name, content, names) => {
    const { message } = faultOf(() => readSecrets(schema, file(name.replace(" ", "-"), content)));
    for (const each of names) expect(message).toContain(each);
    expect(message).not.toContain("MAT");
  });
});

describe("from a descriptor", () => {
  test("is read from where it stands and closed", () => {
    const fd = openSync(file("handed", JSON.stringify(material), 0o644), "r");
    expect(readSecrets(schema, `fd:${fd}`)).toEqual(material);
    expect(() => fstatSync(fd)).toThrow("EBADF");
  });

  test("is closed also when its content is refused", () => {
    const fd = openSync(file("handed-bad", "{}"), "r");
    expect(faultOf(() => readSecrets(schema, `fd:${fd}`)).faults.map(({ name }) => name)).toEqual([
      "secrets.databasePassword",
      "secrets.token",
    ]);
    expect(() => fstatSync(fd)).toThrow("EBADF");
  });

  test("that is not open is refused", () => {
    const fd = openSync(file("gone", "{}"), "r");
    closeSync(fd);
    expect(faultOf(() => readSecrets(schema, `fd:${fd}`)).message).toContain("cannot be read (EBADF)");
  });
});
