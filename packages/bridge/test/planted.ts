// Plants a bug: loads the package's own sources with one line changed, so that a checker can show that it would notice.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export interface PlantedBug {
  readonly name: string;
  /** A file of `src/`, a text that occurs in it exactly once, and what stands there instead. */
  readonly file: string;
  readonly right: string;
  readonly wrong: string;
}

/** Imports `entry` of the changed sources, lets `use` judge it, and removes the changed sources again. */
export async function withPlanted<M, R>(bug: PlantedBug, entry: string, use: (module: M) => R): Promise<R> {
  const packageFolder = fileURLToPath(new URL("..", import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "bridge-planted-"));
  try {
    cpSync(join(packageFolder, "src"), join(folder, "src"), { recursive: true });
    symlinkSync(join(packageFolder, "node_modules"), join(folder, "node_modules"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const file = join(folder, "src", bug.file);
    const source = readFileSync(file, "utf8");
    if (source.split(bug.right).length !== 2) throw new Error(`${bug.file} does not hold exactly one: ${bug.right}`);
    writeFileSync(file, source.replace(bug.right, bug.wrong));
    const module: M = await import(pathToFileURL(join(folder, "src", entry)).href);
    return use(module);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
