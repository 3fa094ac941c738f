// The folder that a ceremony leaves: the public record, the wallets file, and for every holder a sealed file a custodian.
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { type CeremonyFile, ceremonyFileSchema } from "@sluice/keys/custody";
import type { Ceremony } from "./hold-ceremony.ts";
import type { CeremonyFault } from "./plan.ts";

export const CEREMONY_FILE = "ceremony.json";
export const WALLETS_FILE = "wallets.json";

export function shareFileOf(folder: string, holder: string, custodian: string): string {
  return join(folder, "shares", holder, `${custodian}.age`);
}

/** A folder that is there is never written to, not even an empty one: it may be another ceremony's. */
export function folderFaults(folder: string): readonly CeremonyFault[] {
  const there = statSync(folder, { throwIfNoEntry: false }) !== undefined;
  if (there) return [{ code: "FOLDER_EXISTS", message: `${folder} is there already; nothing is overwritten` }];
  const parent = statSync(dirname(resolve(folder)), { throwIfNoEntry: false });
  if (parent?.isDirectory()) return [];
  return [{ code: "FOLDER_PARENT_MISSING", message: `${dirname(resolve(folder))} is no folder` }];
}

/** All or nothing: the folder gets its name when everything is in it. */
export function writeCeremony(folder: string, { record, wallets, shares }: Ceremony): void {
  const target = resolve(folder);
  const draft = join(dirname(target), `.${basename(target)}.unfinished-${record.ceremonyId.slice(0, 8)}`);
  try {
    mkdirSync(draft, { mode: 0o755 });
    writeJson(join(draft, CEREMONY_FILE), record);
    writeJson(join(draft, WALLETS_FILE), wallets);
    for (const { holder, custodian, bytes } of shares) {
      const path = shareFileOf(draft, holder, custodian);
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
      writeFileSync(path, bytes, { mode: 0o600, flag: "wx", flush: true });
    }
    if (folderFaults(target).length > 0) throw new Error(`${target} appeared meanwhile`);
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  }
}

export function readCeremony(
  folder: string,
): { readonly record: CeremonyFile } | { readonly faults: readonly CeremonyFault[] } {
  const path = join(folder, CEREMONY_FILE);
  let given: unknown;
  try {
    given = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return { faults: [{ code: "CEREMONY_UNREADABLE", message: `${path} is no JSON file that can be read` }] };
  }
  const read = ceremonyFileSchema.safeParse(given);
  if (read.success) return { record: read.data };
  const faults = read.error.issues.map((issue) => ({
    code: "CEREMONY_INVALID",
    message: `${issue.path.join(".")}: ${issue.message}`,
  }));
  return { faults };
}

function writeJson(path: string, content: unknown): void {
  writeFileSync(path, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o644, flag: "wx", flush: true });
}
