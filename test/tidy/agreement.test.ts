// Places that say the same thing agree: the services in travel order, generated code and its source, compose and code.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SERVICES } from "@sluice/core";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { folders, paths, ROOT, read } from "./tree.ts";

const travelOrder = SERVICES.map(({ name }) => name);

/** The services in the order in which a text names them first under a heading. */
function firstNamed(text: string): readonly string[] {
  return travelOrder
    .map((name) => ({ name, at: text.indexOf(`\`${name}\``) }))
    .filter(({ at }) => at >= 0)
    .toSorted((left, right) => left.at - right.at)
    .map(({ name }) => name);
}

function section(text: string, heading: string): string {
  const from = text.indexOf(heading);
  if (from < 0) throw new Error(`there is no "${heading}"`);
  const to = text.indexOf("\n## ", from + heading.length);
  return text.slice(from, to < 0 ? undefined : to);
}

describe("the services in travel order", () => {
  it("are the folders", () => {
    const own = folders
      .filter((folder) => folder.startsWith("services/"))
      .map((folder) => folder.replace("services/", ""));
    expect(own.toSorted()).toEqual(travelOrder.toSorted());
  });
  it("in the README", () => expect(firstNamed(section(read("README.md"), "## The processes"))).toEqual(travelOrder));
  it("in ARCHITECTURE", () => {
    expect(firstNamed(section(read("docs/ARCHITECTURE.md"), "## Processes"))).toEqual(travelOrder);
  });
  it("in docker-compose", () => {
    const compose = parse(read("docker-compose.yml")) as { services: Record<string, unknown> };
    const named = Object.keys(compose.services).map((name) => name.replace(/^(semi-offline-signer)-[abc]$/, "$1"));
    expect([...new Set(named.filter((name) => travelOrder.includes(name as never)))]).toEqual(travelOrder);
  });
});

describe("generated code", () => {
  it("is what buf makes of proto/ today", () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-gen-"));
    try {
      execFileSync("buf", ["generate", "--output", folder], { cwd: ROOT, stdio: "pipe" });
      const made = `${folder}/packages/contracts/gen/sluice/v1`;
      const kept = `${ROOT}packages/contracts/gen/sluice/v1`;
      expect(readdirSync(made)).toEqual(readdirSync(kept));
      for (const file of readdirSync(made)) {
        expect(readFileSync(`${made}/${file}`, "utf8"), file).toBe(readFileSync(`${kept}/${file}`, "utf8"));
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("settings", () => {
  it("are all in OPERATIONS, and it names no others", () => {
    const sources = paths.filter((path) =>
      /^services\/[^/]+\/src\/config\.ts$|^packages\/(online-service|planning|screening)\/src\/settings\.ts$/.test(
        path,
      ),
    );
    const known = new Set(sources.flatMap((path) => read(path).match(/\bSLUICE_[A-Z_]+/g) ?? []));
    const described = new Set(read("docs/OPERATIONS.md").match(/\bSLUICE_[A-Z_]+[A-Z]\b/g) ?? []);
    expect([...known].filter((name) => !described.has(name))).toEqual([]);
    expect([...described].filter((name) => !known.has(name) && name !== "SLUICE_LOG_LEVEL")).toEqual([]);
  });

  it("are read in one place of each service", () => {
    const readers = paths
      .filter((path) => /^services\/[^/]+\/src\/.*\.ts$/.test(path) && !path.endsWith(".test.ts"))
      .filter((path) => /process\.env\b/.test(read(path)) && !path.endsWith("/main.ts"));
    expect(readers).toEqual([]);
  });
});

describe("migrations", () => {
  it("of each folder are numbered from 1 without a gap and without a number twice", () => {
    const byFolder = Map.groupBy(
      paths.filter((path) => /\/migrations\/[^/]+\.sql$/.test(path)),
      (path) => path.replace(/\/[^/]+$/, ""),
    );
    expect(byFolder.size).toBeGreaterThan(5);
    for (const [folder, files] of byFolder) {
      const numbers = files.map((path) => Number(/\/(\d{4})-[^/]+$/.exec(path)?.[1]));
      expect([folder, numbers.toSorted((left, right) => left - right)]).toEqual([folder, files.map((_, at) => at + 1)]);
    }
  });
});
