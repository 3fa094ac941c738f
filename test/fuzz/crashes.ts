// Inputs that broke something once. Each is a file named after its target, and every run of the suite tries them again.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Crash } from "./fuzz-target.ts";

const FOLDER = join(import.meta.dirname, "crashes");

/** Resolves to the file's path. */
export function storeCrash({ target, input }: Crash, folder: string = FOLDER): string {
  const digest = createHash("sha256").update(input).digest("hex").slice(0, 16);
  const path = join(folder, `${target.replaceAll(" ", "-")}.${digest}.bin`);
  writeFileSync(path, input);
  return path;
}

export function storedCrashes(
  folder: string = FOLDER,
): readonly { readonly file: string; readonly target: string; readonly input: Uint8Array }[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".bin"))
    .toSorted()
    .map((file) => ({
      file,
      target: (file.split(".")[0] ?? "").replaceAll("-", " "),
      input: readFileSync(join(folder, file)),
    }));
}
