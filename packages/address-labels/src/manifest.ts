// Which segments are the store: one small file with its own checksum, replaced as a whole. What it does not name does not count.
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { DISK, type Disk } from "./disk.ts";
import { parseCanonical } from "./head.ts";
import { LabelsBroken } from "./refusals.ts";

const FORMAT = "sluice-label-store-v1";
const FILE = "CURRENT";
const SEGMENT_FILE = /^[0-9]{10}-[0-9a-f]{8}\.segment$/;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "is 64 lower-case hexadecimal digits");

const manifestSchema = z.strictObject({
  format: z.literal(FORMAT),
  /** Rises with every change; files are named by it. */
  generation: z.number().int().min(1).max(9_999_999_999),
  /** Of the newest update in force. */
  version: z.number().int().min(1),
  sha256,
  madeAtMs: z.number().int().min(0),
  /** Oldest first. */
  segments: z.array(z.strictObject({ file: z.string().regex(SEGMENT_FILE), sha256 })).min(1),
});

export type Manifest = z.output<typeof manifestSchema>;

export type ManifestRead = { readonly manifest: Manifest | null; readonly text: string };

/** @throws LabelsBroken when there is one that is not whole: what was in force is then not known */
export function readManifest(directory: string): ManifestRead {
  const text = readText(join(directory, FILE));
  if (text === null) {
    const left = listSegments(directory);
    if (left.length === 0) return { manifest: null, text: "" };
    // The first installation may have been cut short; anything later has a manifest.
    if (left.every((file) => file.startsWith(numberOf(1)))) return { manifest: null, text: "" };
    throw new LabelsBroken("LABELS_STORE_DAMAGED", "there are segments and nothing that names them");
  }
  const [line = "", sum, end, ...more] = text.split("\n");
  const isWhole = end === "" && more.length === 0 && sum === sumOf(line);
  const manifest = isWhole ? manifestSchema.safeParse(parseCanonical(Buffer.from(line, "utf8"))) : undefined;
  if (manifest?.success !== true) throw new LabelsBroken("LABELS_STORE_DAMAGED", "the file that names the segments");
  return { manifest: manifest.data, text };
}

export function writeManifest(directory: string, manifest: Omit<Manifest, "format">, disk: Disk = DISK): ManifestRead {
  const whole = { format: FORMAT, ...manifest } as const;
  const line = JSON.stringify(whole);
  const text = `${line}\n${sumOf(line)}\n`;
  const draft = join(directory, `${FILE}.new`);
  const file = disk.create(draft);
  try {
    disk.write(file, Buffer.from(text, "utf8"), 0);
    disk.sync(file);
  } finally {
    disk.close(file);
  }
  disk.rename(draft, join(directory, FILE));
  return { manifest: whole, text };
}

/** By chance as well: a process that should not be here does not write over what another one serves. */
export function segmentFile(generation: number): string {
  return `${numberOf(generation)}-${randomBytes(4).toString("hex")}.segment`;
}

const numberOf = (generation: number): string => String(generation).padStart(10, "0");

/** Left by an update or a merge that did not come to its end, or that is over. */
export function removeOthers(directory: string, manifest: Manifest | null, disk: Disk = DISK): void {
  const named = new Set(manifest?.segments.map(({ file }) => file));
  for (const file of listSegments(directory)) if (!named.has(file)) disk.remove(join(directory, file));
}

function listSegments(directory: string): readonly string[] {
  return readdirSync(directory).filter((file) => SEGMENT_FILE.test(file));
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw new LabelsBroken("LABELS_UNREADABLE", path);
  }
}

function sumOf(line: string): string {
  return createHash("sha256").update(line).digest("hex");
}
