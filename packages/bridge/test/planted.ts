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
  /** Replaces it wherever it stands, not in the one place where it must. */
  readonly everywhere?: boolean;
}

/** Imports `entry` of the changed sources, lets `use` judge it, and removes the changed sources again. */
export function withPlanted<M, R>(bug: PlantedBug, entry: string, use: (module: M) => R): Promise<R> {
  return withPlantedModules(bug, [entry], ([module]) => use(module as M));
}

/** The same for several entries, which share the changed sources. */
export async function withPlantedModules<R>(
  bug: PlantedBug,
  entries: readonly string[],
  use: (modules: readonly unknown[]) => R,
): Promise<R> {
  const packageFolder = fileURLToPath(new URL("..", import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "bridge-planted-"));
  try {
    cpSync(join(packageFolder, "src"), join(folder, "src"), { recursive: true });
    symlinkSync(join(packageFolder, "node_modules"), join(folder, "node_modules"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const file = join(folder, "src", bug.file);
    const source = readFileSync(file, "utf8");
    const found = source.split(bug.right).length - 1;
    if (bug.everywhere === true ? found < 2 : found !== 1)
      throw new Error(`${bug.file} holds ${found} times: ${bug.right}`);
    writeFileSync(
      file,
      source.replaceAll(bug.right, () => bug.wrong),
    );
    const modules: unknown[] = [];
    for (const entry of entries) modules.push(await import(pathToFileURL(join(folder, "src", entry)).href));
    return use(modules);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
