// The folders of a stack, and the files of public configuration in them.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HOLDERS } from "@sluice/contracts";

export async function makeFolders(directory: string) {
  const folders = {
    config: join(directory, "config"),
    sockets: join(directory, "bridge"),
    consoles: join(directory, "consoles"),
    journals: join(directory, "journals"),
    logs: join(directory, "logs"),
  };
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const holder of HOLDERS) await mkdir(join(folders.journals, holder), { mode: 0o700 });
  return folders;
}

export async function writeFiles<K extends string>(
  folder: string,
  contents: Record<K, unknown>,
): Promise<Record<K, string>> {
  const paths: Partial<Record<K, string>> = {};
  for (const [name, content] of Object.entries(contents) as [K, unknown][]) {
    const path = join(folder, `${name}.json`);
    const bytes = content instanceof Uint8Array ? content : `${JSON.stringify(content, null, 2)}\n`;
    await writeFile(path, bytes, { mode: 0o644 });
    paths[name] = path;
  }
  return paths as Record<K, string>;
}
