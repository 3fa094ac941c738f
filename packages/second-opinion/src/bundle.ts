// A bundle: everything the zone judges by, as one signed version. Its exact bytes are sealed by people who are offline
// (four eyes), each version names the one before it, and nothing is believed before the seals held. Pure.
import { createHash, type KeyObject, sign, verify } from "node:crypto";
import type { BitcoinNetwork } from "@sluice/chains";
import { ed25519PublicKey } from "@sluice/contracts";
import { ok, type Result, refused } from "@sluice/core";
import { z } from "zod";
import { BUNDLE_FORMAT, type BundleContent, bundleContentSchema, type RegisteredKey } from "./bundle-content.ts";
import { BUNDLE_REFUSALS, type BundleRefusal, type BundleRefusalCode } from "./bundle-refusals.ts";
import { type People, readPeople } from "./people.ts";
import { type Policy, readPolicy } from "./policy.ts";

/** It has to cross the bridge inside an envelope. About 7,000 labels. */
export const BUNDLE_MAX_BYTES = 1_000_000;
const HEADER_MAX_BYTES = 8_192;
const DOMAIN = "sluice/bundle/v1";

const ed25519Key = z.base64().refine((text) => Buffer.from(text, "base64").length === 32, "is base64 of 32 bytes");
const keyId = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "is 1 to 64 of A-Z a-z 0-9 . _ -");

/** Who may seal a bundle, pinned where the zone is installed. At least two of them have to agree. */
export const bundleSignersSchema = z
  .strictObject({
    threshold: z.number().int().min(2),
    signers: z.array(z.strictObject({ keyId, publicKey: ed25519Key })).min(2),
  })
  .refine(({ threshold, signers }) => threshold <= signers.length, "asks for more signers than there are")
  .refine(
    ({ signers }) =>
      new Set(signers.map((each) => each.keyId)).size === signers.length &&
      new Set(signers.map((each) => each.publicKey)).size === signers.length,
    "names a signer twice",
  );

export type BundleSignersFile = z.output<typeof bundleSignersSchema>;

export type BundleSigners = { readonly threshold: number; readonly keys: ReadonlyMap<string, KeyObject> };

export function readBundleSigners({ threshold, signers }: BundleSignersFile): BundleSigners {
  const keys = signers.map((each) => [each.keyId, ed25519PublicKey(Buffer.from(each.publicKey, "base64"))] as const);
  return { threshold, keys: new Map(keys) };
}

/** 64 bytes leave four bits of the last digit unused; with those set a bundle would have a second form of the same seal. */
const signatureText = z
  .base64()
  .refine((text) => Buffer.from(text, "base64").toString("base64") === text, "is canonical");

const headerSchema = z.strictObject({
  format: z.literal(BUNDLE_FORMAT),
  signatures: z.array(z.strictObject({ keyId, signature: signatureText })).max(32),
});

type Header = z.output<typeof headerSchema>;

export type Bundle = {
  readonly version: number;
  /** Of its content, in lower-case hex. */
  readonly sha256: string;
  readonly previousSha256: string;
  readonly madeAtMs: number;
  readonly policy: Policy;
  readonly keys: readonly RegisteredKey[];
  readonly people: People;
  readonly signedBy: readonly string[];
  /** Header, seals and content, exactly as they came. */
  readonly bytes: Uint8Array;
};

/** A bundle without seals. @throws z.ZodError naming every fault of the content */
export function makeBundle(content: z.input<typeof bundleContentSchema>): Uint8Array {
  bundleContentSchema.parse(content);
  return assemble({ format: BUNDLE_FORMAT, signatures: [] }, Buffer.from(JSON.stringify(content), "utf8"));
}

/** The same bundle with one seal more; a signer's second seal takes the place of the first. */
export function sealBundle(
  bytes: Uint8Array,
  signer: { readonly keyId: string; readonly privateKey: KeyObject },
): Result<Uint8Array, BundleRefusal> {
  const parts = split(bytes);
  if (parts === undefined) return refuse("BUNDLE_MALFORMED");
  const signature = sign(null, sealedBytes(signer.keyId, parts.content), signer.privateKey).toString("base64");
  const others = parts.header.signatures.filter((each) => each.keyId !== signer.keyId);
  const signatures = [...others, { keyId: signer.keyId, signature }];
  return ok(assemble({ ...parts.header, signatures }, parts.content));
}

/** Size, form, seals, content: in this order, and the content is not looked at before enough seals held. Never throws. */
export function openBundle(
  bytes: Uint8Array,
  around: { readonly signers: BundleSigners; readonly network: BitcoinNetwork },
): Result<Bundle, BundleRefusal> {
  if (bytes.length > BUNDLE_MAX_BYTES) return refuse("BUNDLE_TOO_LARGE", `${bytes.length} bytes`);
  const parts = split(bytes);
  if (parts === undefined) return refuse("BUNDLE_MALFORMED");
  const sealed = checkSeals(parts, around.signers);
  if (sealed !== null) return sealed;
  const content = readContent(parts.content);
  if (!content.ok) return content;
  if (content.value.network !== around.network) {
    return refuse("BUNDLE_FOR_OTHER_NETWORK", `for ${content.value.network}, here is ${around.network}`);
  }
  const { policy, faults } = readPolicy(content.value, around.network);
  const { people, faults: peopleFaults } = readPeople(content.value.people);
  const all = [...faults, ...peopleFaults].map(({ name, rule }) => `${name} ${rule}`);
  if (all.length > 0) return refuse("BUNDLE_CONTENT_INVALID", all.join("; "));
  const { version, previousSha256, madeAtMs, keys } = content.value;
  const signedBy = parts.header.signatures.map((each) => each.keyId);
  const sha256 = createHash("sha256").update(parts.content).digest("hex");
  return ok({ version, sha256, previousSha256, madeAtMs, policy, keys, people, signedBy, bytes });
}

/** What a person sees of a bundle before it is sealed; the seals are not asked for. */
export function readUnsealed(bytes: Uint8Array): Result<BundleContent, BundleRefusal> {
  const parts = split(bytes);
  return parts === undefined ? refuse("BUNDLE_MALFORMED") : readContent(parts.content);
}

function checkSeals({ header, content }: Parts, { threshold, keys }: BundleSigners): ReturnType<typeof refuse> | null {
  for (const { keyId: id } of header.signatures) {
    if (!keys.has(id)) return refuse("BUNDLE_SIGNER_UNKNOWN", id);
  }
  for (const { keyId: id, signature } of header.signatures) {
    const key = keys.get(id);
    const raw = Buffer.from(signature, "base64");
    const holds = key !== undefined && raw.length === 64 && verify(null, sealedBytes(id, content), key, raw);
    if (!holds) return refuse("BUNDLE_SEAL_WRONG", id);
  }
  const different = new Set(header.signatures.map((each) => each.keyId)).size;
  return different < threshold ? refuse("BUNDLE_SIGNERS_TOO_FEW", `${different} of ${threshold}`) : null;
}

type Parts = { readonly header: Header; readonly content: Buffer };

/** One line of JSON with the seals, then the content. The line has one form only. */
function split(bytes: Uint8Array): Parts | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = buffer.subarray(0, HEADER_MAX_BYTES).indexOf(0x0a);
  if (end < 0) return undefined;
  const line = buffer.subarray(0, end).toString("utf8");
  const header = headerSchema.safeParse(parseCanonical(line));
  return header.success ? { header: header.data, content: buffer.subarray(end + 1) } : undefined;
}

function assemble(header: Header, content: Uint8Array): Uint8Array {
  const { format, signatures } = header;
  return Buffer.concat([Buffer.from(`${JSON.stringify({ format, signatures })}\n`, "utf8"), content]);
}

function readContent(content: Buffer): Result<BundleContent, BundleRefusal> {
  const text = content.toString("utf8");
  // Bytes that are no UTF-8 do not come back the same.
  const parsed = Buffer.from(text, "utf8").equals(content) ? parseCanonical(text) : undefined;
  if (parsed === undefined) return refuse("BUNDLE_MALFORMED", "the content is not JSON in its one form");
  const read = bundleContentSchema.safeParse(parsed);
  if (read.success) return ok(read.data);
  const faults = read.error.issues.map(({ path, message }) => `${path.join(".") || "content"} ${message}`);
  return refuse("BUNDLE_CONTENT_INVALID", faults.join("; ").slice(0, 2_000));
}

/** JSON in the form that JSON.stringify writes: no name twice, no space, no second spelling. */
function parseCanonical(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return JSON.stringify(value) === text ? value : undefined;
  } catch {
    return undefined;
  }
}

function sealedBytes(id: string, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${DOMAIN}\0${id}\0`, "utf8"), content]);
}

function refuse(code: BundleRefusalCode, detail = ""): { ok: false; refusal: BundleRefusal } {
  return refused({ code, detail: detail === "" ? BUNDLE_REFUSALS[code] : `${BUNDLE_REFUSALS[code]}: ${detail}` });
}
