// Lists as they are published become labels; a bad row is named with its line and its rule, and its address is not repeated.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { type BadRow, canonicalAddress, type ListFormat, loadList } from "../src/index.ts";

const root = mkdtempSync(join(tmpdir(), "lists-"));
afterAll(() => rmSync(root, { recursive: true }));
const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

function load(format: ListFormat, path: string) {
  const bad: BadRow[] = [];
  const changes = [...loadList({ format, path, source: "list", since: "2018-11-28" }, bad)];
  return { changes, bad };
}

function loadText(format: ListFormat, text: string) {
  const path = join(root, `${Math.random()}`);
  writeFileSync(path, text);
  return load(format, path);
}

const scriptOf = (address: string) => {
  const read = canonicalAddress("bitcoin", address);
  return read.ok ? read.value : read.refusal.code;
};
const LISTED = ["1AjZPMsnmpdK2Rv9KQNfMurTXinscVro9V", "149w62rY42aZBox8fGcmqNsXUzSStKeq8C"];
const HEADER = "chain,address,tier,category,confidence,since";
const SEGWIT = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";

describe("OFAC's list", () => {
  it.each(["ofac-2018-11-28.txt", "ofac-2018-11-28.xml", "ofac-2018-11-28-advanced.xml"])("%s", (name) => {
    const { changes, bad } = load("ofac", fixture(name));
    expect(bad).toEqual([]);
    expect(changes).toEqual(
      LISTED.map((address) => ({
        chain: "bitcoin",
        canonical: scriptOf(address),
        label: {
          ...{ tier: "black", category: "sanctions", source: "list", confidence: 100 },
          sinceMs: Date.parse("2018-11-28"),
        },
      })),
    );
  });

  it("knows its symbols, and takes one that it does not know as the chain's name", () => {
    const eth = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96";
    const tron = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t";
    const { changes, bad } = loadText(
      "ofac",
      [
        `1,"NAME","-0-","Digital Currency Address - ETH ${eth}; alt. Digital Currency Address - USDT ${eth}; x"`,
        `alt. Digital Currency Address - USDT ${tron}; Digital Currency Address - NEWCOIN abc;`,
        `Digital Currency Address - USDT ${LISTED[0]}.`,
      ].join("\r\n"),
    );
    expect(changes.map(({ chain }) => chain)).toEqual(["evm", "evm", "tron", "newcoin"]);
    // A full stop at the end is no part of a Bitcoin address, and nobody guesses here.
    expect(bad).toMatchObject([{ line: 3, rule: expect.stringMatching(/^ADDRESS_MALFORMED/) }]);
  });

  it("without a single address is another file", () => {
    expect(loadText("ofac", "<html>not found</html>\n").bad).toEqual([
      { line: 1, rule: "OFAC_EMPTY: the file names no digital currency address" },
    ]);
  });
});

describe("a table", () => {
  const row = `bitcoin,${SEGWIT},black,scam,90,2024-05-06T07:08:09Z`;

  it("in CSV or a JSON object a line says the same", () => {
    const csv = loadText("csv", `\uFEFF${HEADER}\r\n${row}\r\ntron,"T""x",removed,scam,0,2024-05-06\n`);
    const ndjson = loadText(
      "ndjson",
      [
        {
          chain: "bitcoin",
          address: SEGWIT,
          tier: "black",
          category: "scam",
          confidence: 90,
          since: "2024-05-06T07:08:09Z",
        },
        { chain: "tron", address: 'T"x', tier: "removed", category: "scam", confidence: "0", since: "2024-05-06" },
      ]
        .map((one) => JSON.stringify(one))
        .join("\n\n"),
    );
    expect([csv.bad, ndjson.bad]).toEqual([[], []]);
    expect(csv.changes).toEqual(ndjson.changes);
    expect(csv.changes).toMatchObject([
      { chain: "bitcoin", label: { tier: "black", confidence: 90, sinceMs: Date.parse("2024-05-06T07:08:09Z") } },
      { chain: "tron", label: { tier: "removed" } },
    ]);
  });

  it("of several megabytes is read in pieces", () => {
    const { changes, bad } = loadText("csv", `${HEADER}\n${`${row}\n`.repeat(20_000)}`);
    expect([changes.length, bad.length]).toEqual([20_000, 0]);
  });

  const rows: readonly (readonly [ListFormat, string, string, readonly number[]])[] = [
    ["csv", "chain,address\nx,y", "HEADER_INVALID", [1]],
    ["csv", "", "HEADER_INVALID", [1]],
    ["csv", `${HEADER}\n${row},more`, "COLUMNS_INVALID", [2]],
    ["csv", `${HEADER}\n"bitcoin,${SEGWIT},black,scam,90,2024-05-06`, "COLUMNS_INVALID", [2]],
    ["csv", `${HEADER}\n${row.replace("bitcoin", "Bitcoin")}`, "CHAIN_UNKNOWN", [2]],
    ["csv", `${HEADER}\n${row}\n${row.replace("f3t4", "f3t5")}`, "ADDRESS_CHECKSUM", [3]],
    ["csv", `${HEADER}\n${row.replace("black", "BLACK")}\n${row.replace("black", "")}`, "TIER_UNKNOWN", [2, 3]],
    ["csv", `${HEADER}\n${row.replace("scam", "a scam")}`, "CATEGORY_INVALID", [2]],
    ["csv", `${HEADER}\n${row.replace("90", "101")}\n${row.replace("90", "9.5")}`, "CONFIDENCE_INVALID", [2, 3]],
    ["csv", `${HEADER}\n${row.replace("2024-05-06T", "2024-13-06T")}`, "SINCE_INVALID", [2]],
    ["csv", `${HEADER}\n${row.replace("2024", "2199")}`, "SINCE_INVALID", [2]],
    ["ndjson", "{}\n[1]\nx", "JSON_INVALID", [2, 3]],
    ["ndjson", '{"colour":"red"}', "FIELD_UNKNOWN", [1]],
    ["ndjson", '{"chain":["bitcoin"]}', "FIELD_INVALID", [1]],
  ];

  it.each(rows)("%s %j is refused: %s", (format, text, code, lines) => {
    const { bad } = loadText(format, text);
    expect(bad.filter(({ rule }) => rule.startsWith(`${code}:`)).map(({ line }) => line)).toEqual(lines);
    expect(JSON.stringify(bad)).not.toContain("bc1q");
  });
});
