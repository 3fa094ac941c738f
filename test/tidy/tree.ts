// Reads the project as it stands in git's eyes: what is tracked, and what is new and not ignored.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export type SourceFile = { readonly path: string; readonly text: string };

const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
  cwd: ROOT,
  encoding: "utf8",
})
  .split("\0")
  .filter((path) => path !== "" && existsSync(`${ROOT}${path}`));

export const paths: readonly string[] = [...new Set(listed)].toSorted();

export function read(path: string): string {
  return readFileSync(`${ROOT}${path}`, "utf8");
}

/** Everything that we wrote in TypeScript; what is generated is not ours. */
export const typescript: readonly SourceFile[] = paths
  .filter((path) => path.endsWith(".ts") && !path.includes("/gen/") && !path.endsWith(".d.ts"))
  .map((path) => ({ path, text: read(path) }));

export function isTest(path: string): boolean {
  return path.endsWith(".test.ts") || /(^|\/)test\//.test(path) || /\/(testing|fixtures)\.ts$/.test(path);
}

/** "packages/core" for packages/core/src/amount.ts; the first folder for what is no package. */
export function packageOf(path: string): string {
  const [first = "", second = ""] = path.split("/");
  return first === "packages" || first === "services" ? `${first}/${second}` : first;
}

/** The modules that a file imports, types too. */
export function importsOf(text: string): readonly string[] {
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\s[^"';]*?from\s+"([^"]+)"|(?:^|\n)\s*import\s+"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/g,
  );
  return [...found].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

export type Manifest = {
  readonly name: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};

export function manifestOf(folder: string): Manifest {
  const manifest = JSON.parse(read(`${folder === "" ? "" : `${folder}/`}package.json`)) as Partial<Manifest>;
  return {
    name: manifest.name ?? "",
    dependencies: manifest.dependencies ?? {},
    devDependencies: manifest.devDependencies ?? {},
  };
}

export const folders: readonly string[] = paths
  .filter((path) => /^((packages|services)\/[^/]+|demo|bench)\/package\.json$/.test(path))
  .map((path) => path.replace("/package.json", ""));
