// The rules of the house that a machine can check. A rule that is not here or in the linter is only a wish.
import { describe, expect, it } from "vitest";
import { folders, isTest, manifestOf, packageOf, paths, read, typescript } from "./tree.ts";

const LINES_PER_FILE = 300;
const LINES_PER_SERVICE = 900;
/** Above it today. A number here may only go down; what is beyond 900 is to move out (see STATUS). */
const LARGER: Readonly<Record<string, number>> = {
  "services/vault": 1_305,
};

const lines = (text: string): number => text.split("\n").length - 1;
const namesOf = (files: readonly { readonly path: string }[]) => files.map(({ path }) => path);

describe("files", () => {
  it("are there at all", () => expect(typescript.length).toBeGreaterThan(100));

  it("say in their first line what they are for", () => {
    const faults = typescript.filter(
      ({ path, text }) => !/^(#!.*\n)?(\/\/|\/\*\*) \S/.test(text) && !/\.config\.ts$/.test(path),
    );
    expect(namesOf(faults)).toEqual([]);
  });

  it(`have at most ${LINES_PER_FILE} lines`, () => {
    const faults = typescript.filter(({ path, text }) => !isTest(path) && lines(text) > LINES_PER_FILE);
    expect(faults.map(({ path, text }) => `${path}: ${lines(text)}`)).toEqual([]);
  });

  it("are named in kebab-case, and never after a drawer", () => {
    const drawer = /(^|[/-])(utils?|helpers?|manager|common|misc)([.-]|$)/;
    const faults = typescript.filter(({ path }) => drawer.test(path) || !/^[a-z0-9./-]+$/.test(path));
    expect(namesOf(faults)).toEqual([]);
  });

  it("use no enum, namespace or any", () => {
    const code = (text: string) =>
      text.replace(/\/\/.*|\/\*[\s\S]*?\*\//g, "").replace(/"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`/g, '""');
    const faults = typescript.filter(({ text }) =>
      /(^|\n)\s*(export )?(const )?(enum|namespace) \w|[:<,] ?any\b(?!\()|\bas any\b/.test(code(text)),
    );
    expect(namesOf(faults)).toEqual([]);
  });

  it("skip no test without saying why", () => {
    const faults = typescript.filter(
      ({ path, text }) => isTest(path) && /\b(it|test|describe)\.(skip|todo|only)\(/.test(text),
    );
    expect(namesOf(faults)).toEqual([]);
  });

  it("name no machine and no registry", () => {
    const own = paths.filter((path) => !/^pnpm-lock\.yaml$|\.(png|bin)$/.test(path));
    const faults = own.filter((path) => /registry\.npm|repo1?\.maven|deb\.debian|\/work\/main/.test(read(path)));
    expect(faults.filter((path) => path !== "test/tidy/style.test.ts")).toEqual([]);
  });
});

describe("services", () => {
  const services = folders.filter((folder) => folder.startsWith("services/"));

  it.each(services)("%s looks like every other", (folder) => {
    const needed = ["README.md", "src/main.ts", "src/config.ts"];
    // A holder has its journal, and okx-facade nothing at all.
    const stateless = ["services/semi-offline-signer", "services/okx-facade"];
    if (!stateless.includes(folder)) needed.push("migrations/");
    // All SQL about the tables of these two stands in packages.
    if (![...stateless, "services/online-risk", "services/semi-offline-risk"].includes(folder))
      needed.push("src/store");
    const missing = needed.filter((file) => !paths.some((path) => path.startsWith(`${folder}/${file}`)));
    expect(missing).toEqual([]);
  });

  it.each(services)("%s has at most its lines of code", (folder) => {
    const own = typescript.filter(({ path }) => packageOf(path) === folder && !isTest(path));
    const code = own.flatMap(({ text }) => text.split("\n").filter((line) => !/^\s*(\/\/|\/?\*|$)/.test(line)));
    expect(code.length).toBeLessThanOrEqual(LARGER[folder] ?? LINES_PER_SERVICE);
  });

  it("are named after their message in handlers/", () => {
    const handlers = paths.filter(
      (path) =>
        /^services\/[^/]+\/src\/handlers\/[^/]+\.ts$/.test(path) && !isTest(path) && !path.endsWith("/index.ts"),
    );
    const table = read("packages/contracts/src/table.ts");
    const faults = handlers.filter((path) => {
      const name = /handlers\/(.+)\.ts$/.exec(path)?.[1] ?? "";
      return !table.includes(`"${name.replace("-", ".")}.v1"`);
    });
    expect(handlers.length).toBeGreaterThan(5);
    expect(faults).toEqual([]);
  });
});

describe("dependencies", () => {
  it.each(["", ...folders])("of '%s' have exact versions", (folder) => {
    const { dependencies, devDependencies } = manifestOf(folder);
    const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(
      ([, version]) => version !== "workspace:*" && !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
    );
    expect(loose).toEqual([]);
  });
});
