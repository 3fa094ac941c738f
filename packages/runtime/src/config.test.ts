// Config: every fault at once, each by name and rule, and never the value of anything that could be a secret.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { ConfigError, type Environment, readConfig, setting, z } from "./index.ts";

const directory = mkdtempSync(join(tmpdir(), "sluice-config-"));
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function faultsOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ name, rule }) => `${name}: ${rule}`);
    throw error;
  }
  return [];
}

const schema = z.strictObject({
  SLUICE_PORT: setting.port(),
  SLUICE_DATABASE_URL: setting.url({ protocols: ["postgres:"] }),
  SLUICE_BROKERS: setting.list(setting.hostAndPort()),
  SLUICE_POLL: setting.durationMs().default(250),
  SLUICE_NOTE: z.string().optional(),
});

const sound: Environment = {
  SLUICE_PORT: "8080",
  SLUICE_DATABASE_URL: "postgres://app@db/app",
  SLUICE_BROKERS: "a:9092, b:9092",
};

describe("readConfig", () => {
  test("reads what it knows, fills in defaults, and takes no notice of other programs' variables", () => {
    expect(readConfig(schema, { ...sound, PATH: "/bin", DATABASE_PASSWORD: "x" })).toEqual({
      SLUICE_PORT: 8080,
      SLUICE_DATABASE_URL: "postgres://app@db/app",
      SLUICE_BROKERS: ["a:9092", "b:9092"],
      SLUICE_POLL: 250,
    });
  });

  test("names all faults together", () => {
    const env = {
      SLUICE_PORT: "80000",
      SLUICE_DATABASE_URL: "",
      SLUICE_POLL: "soon",
      SLUICE_TYPO: "1",
      SLUICE_DATABASE_PASSWORD: "hunter2hunter2",
      SLUICE_LOG_LEVEL: "loud",
    };
    expect(faultsOf(() => readConfig(schema, env))).toEqual([
      "SLUICE_BROKERS: is missing",
      "SLUICE_DATABASE_PASSWORD: is a secret: it belongs into the secrets, not the environment",
      "SLUICE_DATABASE_URL: is missing",
      "SLUICE_LOG_LEVEL: is one of trace, debug, info, warn, error, fatal, silent",
      "SLUICE_POLL: is a length of time such as 250ms, 30s, 5m, 2h or 1d",
      "SLUICE_PORT: is a whole number from 0 to 65535",
      "SLUICE_TYPO: is not known here",
    ]);
  });

  test("takes a blank optional variable as missing", () => {
    expect(readConfig(schema, { ...sound, SLUICE_NOTE: "  ", SLUICE_POLL: "" })).toMatchObject({ SLUICE_POLL: 250 });
  });

  test("lets every process have its log level", () => {
    expect(faultsOf(() => readConfig(schema, { ...sound, SLUICE_LOG_LEVEL: "debug" }))).toEqual([]);
  });

  test.each(["SLUICE_DB_PASSWORD", "SLUICE_SIGNING_KEY", "SLUICE_CLIENT_SECRET"])(
    "no schema may ask for %s",
    (name) => {
      expect(() => readConfig(z.strictObject({ [name]: z.string() }), {})).toThrow("secret");
    },
  );

  test("never repeats the value of a variable", () => {
    const values = fc.string({ minLength: 12, maxLength: 30 }).map((text) => `VALUE<${text}>`);
    const names = fc.constantFrom(
      ...Object.keys(schema.shape).filter((name) => name !== "SLUICE_NOTE"),
      "SLUICE_A_KEY",
      "SLUICE_TYPO",
    );
    fc.assert(
      fc.property(names, values, (name, value) => {
        const faults = faultsOf(() => readConfig(schema, { ...sound, [name]: value }));
        expect(faults.length).toBeGreaterThan(0);
        expect(faults.join("\n")).not.toContain(value);
      }),
    );
  });

  test("a rule between settings is a fault of all of them", () => {
    const pair = z
      .strictObject({ SLUICE_LOW: setting.whole({ min: 0, max: 9 }), SLUICE_HIGH: setting.whole({ min: 0, max: 9 }) })
      .refine(({ SLUICE_LOW, SLUICE_HIGH }) => SLUICE_LOW < SLUICE_HIGH, "SLUICE_LOW is below SLUICE_HIGH");
    expect(faultsOf(() => readConfig(pair, { SLUICE_LOW: "5", SLUICE_HIGH: "5" }))).toEqual([
      "SLUICE_*: SLUICE_LOW is below SLUICE_HIGH",
    ]);
  });
});

describe("a setting", () => {
  const listing = z.object({ label: z.string(), entries: z.array(z.object({ address: z.string() })) });
  const good = file("good.json", '{"label":"x","entries":[{"address":"a"}]}');
  const bad = file("bad.json", '{"label":7,"entries":[{"address":"a"},{}]}');
  const torn = file("torn.json", '{"label":"MATERIAL');
  mkdirSync(join(directory, "state"));

  test.each<[string, z.ZodType, string, unknown]>([
    ["port", setting.port(), "0", 0],
    ["port", setting.port(), "65535", 65_535],
    ["whole", setting.whole({ min: -2, max: 2 }), "-2", -2],
    ["minorUnits", setting.minorUnits(), "2100000000000000", 2_100_000_000_000_000n],
    ["flag", setting.flag(), "true", true],
    ["flag", setting.flag(), "false", false],
    ["url", setting.url({ protocols: ["postgres:"] }), "postgres:///a?host=/run/x", "postgres:///a?host=/run/x"],
    ["hostAndPort", setting.hostAndPort(), "[::1]:1", "[::1]:1"],
    ["list", setting.list(setting.port()), "1,2", [1, 2]],
    ["parsed", setting.parsed((text) => ({ ok: true, value: text.length })), "four", 4],
    ["interfaceNames", setting.interfaceNames(), "eth1, wan-0.7", ["eth1", "wan-0.7"]],
    ["durationMs", setting.durationMs(), "250", 250],
    ["durationMs", setting.durationMs(), "250ms", 250],
    ["durationMs", setting.durationMs(), "30s", 30_000],
    ["durationMs", setting.durationMs(), "5m", 300_000],
    ["durationMs", setting.durationMs(), "2h", 7_200_000],
    ["durationMs", setting.durationMs(), "1d", 86_400_000],
    ["directory", setting.directory(), directory, directory],
    ["path", setting.path(), "/a/b", "/a/b"],
    ["secretsSource", setting.secretsSource(), "fd:3", "fd:3"],
    ["jsonFile", setting.jsonFile(listing), good, { label: "x", entries: [{ address: "a" }] }],
    ["logLevel", setting.logLevel(), "warn", "warn"],
  ])("%s reads %o", (_, one, text, value) => {
    expect(readConfig(z.strictObject({ SLUICE_X: one }), { SLUICE_X: text })).toEqual({ SLUICE_X: value });
  });

  test.each<[string, z.ZodType, string, readonly string[]]>([
    ["port", setting.port(), "65536", ["is a whole number from 0 to 65535"]],
    ["port", setting.port(), "0x50", ["is a whole number from 0 to 65535"]],
    ["port", setting.port(), "1e3", ["is a whole number from 0 to 65535"]],
    ["minorUnits", setting.minorUnits(), "007", ["is a whole number of minor units, without sign or leading zero"]],
    ["flag", setting.flag(), "yes", ["is true or false"]],
    [
      "url",
      setting.url({ protocols: ["http:", "https:"] }),
      "ftp://a",
      ["is an address that begins with http: or https:"],
    ],
    ["url", setting.url({ protocols: ["http:"] }), "nowhere", ["is an address that begins with http:"]],
    [
      "url",
      setting.url({ protocols: ["postgres:"] }),
      "postgres://u:pw@h/d",
      ["carries a password: it belongs into the secrets"],
    ],
    [
      "url",
      setting.url({ protocols: ["postgres:"] }),
      "postgres://h/d?password=pw",
      ["carries a password: it belongs into the secrets"],
    ],
    ["hostAndPort", setting.hostAndPort(), "a", ["is host:port"]],
    ["list", setting.list(z.string()), "a,,b", ["is a list with commas between values that are not blank"]],
    ["list", setting.list(z.string()), "a,b,a", ["is a list that names nothing twice"]],
    ["list", setting.list(setting.port()), "1,x", ["1: is a whole number from 0 to 65535"]],
    ["parsed", setting.parsed(() => ({ ok: false, rule: "is even" })), "odd", ["is even"]],
    ["interfaceNames", setting.interfaceNames(), "eth0/..", ["0: is the name of a network interface"]],
    ["durationMs", setting.durationMs(), "-5s", ["is a length of time such as 250ms, 30s, 5m, 2h or 1d"]],
    ["directory", setting.directory(), good, ["is the absolute path of a directory that exists"]],
    ["directory", setting.directory(), "relative", ["is the absolute path of a directory that exists"]],
    ["path", setting.path(), "a/b", ["is an absolute path"]],
    ["secretsSource", setting.secretsSource(), "fd:x", ["is fd:N (an open descriptor) or the absolute path of a file"]],
    ["jsonFile", setting.jsonFile(listing), torn, ["is the path of a file whose content is JSON"]],
    [
      "jsonFile",
      setting.jsonFile(listing),
      join(directory, "none"),
      ["is the path of a file that can be read (ENOENT)"],
    ],
    [
      "jsonFile",
      setting.jsonFile(listing),
      bad,
      [
        "label: Invalid input: expected string, received number",
        "entries.1.address: Invalid input: expected string, received undefined",
      ],
    ],
  ])("%s refuses %o", (_, one, text, rules) => {
    const faults = faultsOf(() => readConfig(z.strictObject({ SLUICE_X: one }), { SLUICE_X: text }));
    expect(faults).toEqual(rules.map((rule) => `SLUICE_X: ${rule}`));
  });
});
