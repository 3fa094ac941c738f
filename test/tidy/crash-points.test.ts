// Every durable effect of a service has a name before and after it, and a test that walks through it: who adds a commit, or a
// message over the bridge, adds its name to a list, and the walk of that service fails until it is reached.
import { describe, expect, it } from "vitest";
import { isTest, type SourceFile, typescript } from "./tree.ts";

/** The list of names beside each walk. */
const LIST = /^(services|packages)\/[^/]+\/test\/crash-points\.ts$/;
const SERVICES = [
  "blockchain-gateway",
  "online-risk",
  "ops-console",
  "semi-offline-risk",
  "semi-offline-signer",
  "treasury",
  "vault",
  "webhooks",
];

/** These are no part of a running service. */
const TOOLS = /^packages\/(postgres|devstack|client|cli|ceremony|crash-points|signing-fixtures)\//;

const lists = typescript.filter(({ path }) => LIST.test(path));
const inList = ({ text }: SourceFile) => [...text.matchAll(/"([\w-]+\/[\w-]+(?: [\w -]+)?)"/g)];
const names = [...new Set(lists.flatMap(inList).map(([, name = ""]) => name))];

describe("crash points", () => {
  it("of every service are walked through", () => {
    const walked = typescript.map(({ path }) => path);
    for (const service of SERVICES) {
      expect(walked).toContain(`services/${service}/test/crash-points.ts`);
      expect(walked).toContain(`services/${service}/test/crash-points.test.ts`);
    }
  });

  it("are there for every function that commits, or sends over the bridge", () => {
    const sources = typescript.filter(
      ({ path }) => /^(services|packages)\/[^/]+\/src\//.test(path) && !isTest(path) && !TOOLS.test(path),
    );
    const sites = sources.flatMap(effectsOf);
    expect(sites.length).toBeGreaterThan(40);
    // Names are those of the running code, where a function that only hands on is not to be seen: so they are counted.
    const byFile = Map.groupBy(sites, ({ file }) => file);
    const faults = [...byFile].flatMap(([file, some]) => {
      const commits = new Set(some.filter(({ sends }) => !sends).map(({ name }) => name));
      const sends = new Set(some.filter(({ sends }) => sends).map(({ name }) => name));
      const named = names.filter((name) => name === file || name.startsWith(`${file} `));
      const said = named.filter((name) => name.endsWith("over the bridge"));
      const isShort = named.length - said.length < commits.size || said.length < sends.size;
      return isShort ? [`${file}: ${[...commits, ...sends].join(", ")}; named: ${named.join(", ")}`] : [];
    });
    expect(faults).toEqual([]);
  });

  it("are named for files that are there", () => {
    const files = new Set(typescript.map(({ path }) => shortOf(path)));
    expect(names.map((name) => name.split(" ")[0] ?? "").filter((file) => !files.has(file))).toEqual([]);
  });
});

type Effect = { readonly file: string; readonly name: string; readonly sends: boolean };

const COMMIT = /\btransaction\(\s*[\w.]*[pP]ool\b/g;
const STATEMENT = /\b(?:pool|database|session)\.query(?:<[^(]*>)?\(\s*[`"]([^`"]*)/g;
const CHANGES = /\b(insert into|delete from|(?<!for )(?<!for no key )update)\b/i;
const SEND = /\bbridge\.send\(/g;

function effectsOf({ path, text }: SourceFile): readonly Effect[] {
  const at = (index: number, sends: boolean): Effect => ({
    ...{ file: shortOf(path), sends },
    name:
      [...text.slice(0, index).matchAll(/\bfunction\*? (\w+)|^export const (\w+)/gm)].at(-1)?.slice(1).join("") ?? "",
  });
  // A transaction that can change nothing is no effect.
  const commits = [...text.matchAll(COMMIT)].filter(
    ({ index }) => !text.slice(index, index + 200).includes("read only"),
  );
  const statements = [...text.matchAll(STATEMENT)].filter(([, sql = ""]) => CHANGES.test(sql));
  return [
    ...[...commits, ...statements].map(({ index }) => at(index, false)),
    ...[...text.matchAll(SEND)].map(({ index }) => at(index, true)),
  ];
}

/** "vault/planner" for services/vault/src/planner.ts. */
function shortOf(path: string): string {
  const [, folder = ""] = path.split("/");
  return `${folder}/${path.split("/").at(-1)?.replace(".ts", "") ?? ""}`;
}
