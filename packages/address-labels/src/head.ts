// The first page of an update: seals over a content that names version, predecessor and the hash of all bytes behind it.
import { createHash, type KeyObject, sign, verify } from "node:crypto";
import { ed25519PublicKey } from "@sluice/contracts";
import { ok, type Result } from "@sluice/core";
import { z } from "zod";
import { bodySchema, PAGE_BYTES } from "./format.ts";
import { type LabelRefusal, refuseLabels } from "./refusals.ts";

const DOMAIN = "sluice/labels/v1";
const FORMAT = "sluice-labels-v1";
const SIGNERS_MAX = 8;

const keyId = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "is 1 to 64 of A-Z a-z 0-9 . _ -");
const ed25519Key = z.base64().refine((text) => Buffer.from(text, "base64").length === 32, "is base64 of 32 bytes");

/** Who may seal updates, pinned where a store is, and how many of them have to. */
export const labelSignersSchema = z
  .strictObject({
    threshold: z.number().int().min(1),
    signers: z
      .array(z.strictObject({ keyId, publicKey: ed25519Key }))
      .min(1)
      .max(SIGNERS_MAX),
  })
  .refine(({ threshold, signers }) => threshold <= signers.length, "asks for more signers than there are")
  .refine(
    ({ signers }) =>
      new Set(signers.map((each) => each.keyId)).size === signers.length &&
      new Set(signers.map((each) => each.publicKey)).size === signers.length,
    "names a signer twice",
  );

export type LabelSigners = { readonly threshold: number; readonly keys: ReadonlyMap<string, KeyObject> };

export function readLabelSigners({ threshold, signers }: z.output<typeof labelSignersSchema>): LabelSigners {
  const keys = signers.map((each) => [each.keyId, ed25519PublicKey(Buffer.from(each.publicKey, "base64"))] as const);
  return { threshold, keys: new Map(keys) };
}

const contentSchema = z.strictObject({
  /** A snapshot is all labels there are; a delta changes those that it names. `merged` is a store's own and never travels. */
  kind: z.enum(["snapshot", "delta", "merged"]),
  version: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
  /** Of the content of the version before; empty in the first. */
  previousSha256: z.string().regex(/^([0-9a-f]{64})?$/, "is empty or 64 lower-case hexadecimal digits"),
  madeAtMs: z.number().int().min(0).max(8_640_000_000_000_000),
  body: bodySchema,
});

export type SealKey = { readonly keyId: string; readonly privateKey: KeyObject };

export type UpdateContent = z.output<typeof contentSchema>;

/** 64 bytes leave four bits of the last digit unused: only one spelling of a seal counts. */
const signatureText = z
  .base64()
  .refine((text) => Buffer.from(text, "base64").toString("base64") === text, "is canonical");

const sealsSchema = z.strictObject({
  format: z.literal(FORMAT),
  signatures: z.array(z.strictObject({ keyId, signature: signatureText })).max(SIGNERS_MAX),
});

export type UpdateHead = {
  readonly content: UpdateContent;
  /** Of the content's exact bytes: what the next version names. */
  readonly sha256: string;
  readonly signedBy: readonly string[];
};

type Parts = { readonly seals: z.output<typeof sealsSchema>; readonly content: Buffer };

export function makeHead(content: UpdateContent): Buffer {
  return assemble({ seals: { format: FORMAT, signatures: [] }, content: Buffer.from(JSON.stringify(content), "utf8") });
}

/** The same page with one seal more; a signer's second seal takes the place of the first. */
export function sealHead(page: Uint8Array, signer: SealKey): Result<Buffer, LabelRefusal> {
  const parts = split(page);
  if (parts === undefined) return refuseLabels("LABELS_MALFORMED");
  const signature = sign(null, sealedBytes(signer.keyId, parts.content), signer.privateKey).toString("base64");
  const others = parts.seals.signatures.filter((each) => each.keyId !== signer.keyId);
  const signatures = [...others, { keyId: signer.keyId, signature }];
  return ok(assemble({ seals: { format: FORMAT, signatures }, content: parts.content }));
}

/** Form, seals, content: nothing of the content is looked at before enough seals held. */
export function openHead(page: Uint8Array, signers: LabelSigners): Result<UpdateHead, LabelRefusal> {
  const parts = split(page);
  if (parts === undefined) return refuseLabels("LABELS_MALFORMED");
  const names = parts.seals.signatures.map((each) => each.keyId);
  const stranger = names.find((name) => !signers.keys.has(name));
  if (stranger !== undefined) return refuseLabels("LABELS_SIGNER_UNKNOWN", stranger);
  for (const { keyId: name, signature } of parts.seals.signatures) {
    const key = signers.keys.get(name);
    const raw = Buffer.from(signature, "base64");
    const holds = key !== undefined && raw.length === 64 && verify(null, sealedBytes(name, parts.content), key, raw);
    if (!holds) return refuseLabels("LABELS_SEAL_WRONG", name);
  }
  const different = new Set(names).size;
  if (different < signers.threshold) {
    return refuseLabels("LABELS_SIGNERS_TOO_FEW", `${different} of ${signers.threshold}`);
  }
  return readContent(parts, names);
}

/** What a person sees before it is sealed, and what a store reads of its own files. */
export function readUnsealedHead(page: Uint8Array): Result<UpdateHead, LabelRefusal> {
  const parts = split(page);
  if (parts === undefined) return refuseLabels("LABELS_MALFORMED");
  return readContent(
    parts,
    parts.seals.signatures.map((each) => each.keyId),
  );
}

function readContent({ content }: Parts, signedBy: readonly string[]): Result<UpdateHead, LabelRefusal> {
  const read = contentSchema.safeParse(parseCanonical(content));
  if (!read.success) return refuseLabels("LABELS_MALFORMED", "the content has not its form");
  return ok({ content: read.data, sha256: createHash("sha256").update(content).digest("hex"), signedBy });
}

/** Two lines, then zeros to the end of the page: one form only. */
function split(page: Uint8Array): Parts | undefined {
  if (page.length !== PAGE_BYTES) return undefined;
  const buffer = Buffer.from(page.buffer, page.byteOffset, page.length);
  const first = buffer.indexOf(0x0a);
  const second = buffer.indexOf(0x0a, first + 1);
  if (first < 0 || second < 0 || buffer.subarray(second + 1).some((byte) => byte !== 0)) return undefined;
  const seals = sealsSchema.safeParse(parseCanonical(buffer.subarray(0, first)));
  return seals.success ? { seals: seals.data, content: Buffer.from(buffer.subarray(first + 1, second)) } : undefined;
}

function assemble({ seals, content }: Parts): Buffer {
  const { format, signatures } = seals;
  const text = Buffer.concat([
    Buffer.from(`${JSON.stringify({ format, signatures })}\n`, "utf8"),
    content,
    Buffer.from("\n", "utf8"),
  ]);
  if (text.length > PAGE_BYTES) throw new Error(`the head of an update has ${text.length} bytes and one page`);
  return Buffer.concat([text, Buffer.alloc(PAGE_BYTES - text.length)]);
}

/** JSON in the form that JSON.stringify writes: no name twice, no space, no second spelling, no bytes that are no UTF-8. */
export function parseCanonical(bytes: Buffer): unknown {
  const text = bytes.toString("utf8");
  try {
    const value: unknown = JSON.parse(text);
    return Buffer.from(JSON.stringify(value), "utf8").equals(bytes) ? value : undefined;
  } catch {
    return undefined;
  }
}

function sealedBytes(name: string, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${DOMAIN}\0${name}\0`, "utf8"), content]);
}
