// The receiver's side of webhooks: whether what was posted here is ours, and what it says (Standard Webhooks).
import { createHmac, createPublicKey, type KeyObject, timingSafeEqual, verify } from "node:crypto";
import { WITHDRAWAL_STATES } from "@sluice/core";
import { z } from "zod";

/** The body of a webhook. Fields may be added: what is not known here is left out of what is returned. */
export const webhookEventSchema = z
  .object({
    type: z.string().describe("withdrawal. and the state that it came to."),
    timestamp: z.iso.datetime().describe("When it happened."),
    series: z.iso.datetime().describe("Sequence numbers count within a series; a later one starts at 1 again."),
    sequence: z.number().int().min(1).describe("Counts what this endpoint is sent, without gaps."),
    data: z
      .object({
        id: z.string().describe("The withdrawal's own id, as the backend chose it."),
        revision: z.number().int().min(1).describe("Counts the changes of this withdrawal from 1."),
        account: z.string(),
        asset: z.string(),
        amount: z.string().regex(/^[0-9]+$/),
        address: z.string(),
        state: z.enum(WITHDRAWAL_STATES),
        detail: z.string(),
        txid: z.string().nullable(),
        confirmations: z.number().int().min(0),
      })
      .readonly(),
  })
  .readonly();

export type WebhookEvent = z.infer<typeof webhookEventSchema>;

export type WebhookRefusal =
  | "WEBHOOK_HEADER_MISSING"
  | "WEBHOOK_TIMESTAMP_INVALID"
  /** Too old, or from the future: sent again by somebody else, or a clock is wrong. */
  | "WEBHOOK_TIMESTAMP_OUTSIDE"
  | "WEBHOOK_SIGNATURE_WRONG"
  /** Signed by us, and still not in the form that is known here. */
  | "WEBHOOK_BODY_INVALID";

export type VerifiedWebhook =
  /** `id` stays the same however often it is sent: keep it, and do nothing when it comes again. */
  | { readonly ok: true; readonly id: string; readonly sentAtMs: number; readonly event: WebhookEvent }
  | { readonly ok: false; readonly code: WebhookRefusal };

export type ReceivedWebhook = {
  /** The bytes as they came; what was parsed and written again has another signature. */
  readonly body: Uint8Array;
  /** Names in any case, as node or fetch give them. */
  readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
  /** `whpk_…` of each key that counts, or `whsec_…` of each shared secret: several while they are being changed. */
  readonly keys: readonly string[];
  readonly nowMs: number;
  /** How far its time may be from now; 5 minutes unless told. */
  readonly toleranceMs?: number;
};

/** @throws TypeError when one of `keys` is no key. */
export function verifyWebhook({ body, headers, keys, nowMs, toleranceMs = 300_000 }: ReceivedWebhook): VerifiedWebhook {
  const checks = keys.map(checkOf);
  const id = headerOf(headers, "webhook-id");
  const timestamp = headerOf(headers, "webhook-timestamp");
  const signatures = headerOf(headers, "webhook-signature");
  if (id === undefined || timestamp === undefined || signatures === undefined) return no("WEBHOOK_HEADER_MISSING");
  if (!/^(0|[1-9][0-9]{0,11})$/.test(timestamp)) return no("WEBHOOK_TIMESTAMP_INVALID");
  const sentAtMs = Number(timestamp) * 1_000;
  // Before the signature: what nobody would take needs no look at a curve.
  if (Math.abs(nowMs - sentAtMs) > toleranceMs) return no("WEBHOOK_TIMESTAMP_OUTSIDE");
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  const given = signatures.split(" ").slice(0, MOST_SIGNATURES);
  if (!checks.some((matches) => given.some((signature) => matches(signed, signature)))) {
    return no("WEBHOOK_SIGNATURE_WRONG");
  }
  const event = webhookEventSchema.safeParse(parseJson(body));
  return event.success ? { ok: true, id, sentAtMs, event: event.data } : no("WEBHOOK_BODY_INVALID");
}

/** More than anybody needs while keys are changed, and few enough to be looked at by whoever is flooded. */
const MOST_SIGNATURES = 8;

function no(code: WebhookRefusal): VerifiedWebhook {
  return { ok: false, code };
}

type Matches = (signed: Uint8Array, signature: string) => boolean;

function checkOf(key: string): Matches {
  if (key.startsWith("whsec_")) {
    const secret = bytesOf(key, "whsec_");
    if (secret.length < 24 || secret.length > 64) throw new TypeError("a webhook's shared secret has 24 to 64 bytes");
    return (signed, signature) => {
      const expected = createHmac("sha256", secret).update(signed).digest();
      const given = signatureBytes(signature, "v1,");
      return given?.length === expected.length && timingSafeEqual(given, expected);
    };
  }
  if (!key.startsWith("whpk_")) throw new TypeError("a webhook's key begins with whpk_ or whsec_");
  const raw = bytesOf(key, "whpk_");
  if (raw.length !== 32) throw new TypeError("a webhook's public key has 32 bytes");
  const publicKey = ed25519(raw);
  return (signed, signature) => {
    const given = signatureBytes(signature, "v1a,");
    return given?.length === 64 && verify(null, signed, publicKey, given);
  };
}

/** RFC 8410: what goes before the 32 bytes of a public key. */
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

function ed25519(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI, raw]), format: "der", type: "spki" });
}

function bytesOf(text: string, prefix: string): Buffer {
  const bytes = exactBase64(text.slice(prefix.length));
  if (bytes === undefined) throw new TypeError(`what comes after ${prefix} is base64`);
  return bytes;
}

function signatureBytes(text: string, prefix: "v1," | "v1a,"): Buffer | undefined {
  return text.startsWith(prefix) ? exactBase64(text.slice(prefix.length)) : undefined;
}

/** Base64 has more than one form of the same bytes; only the one that we write counts. */
function exactBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.length > 0 && bytes.toString("base64") === text ? bytes : undefined;
}

/** A header that is there twice says nothing certain, so it counts as missing. */
function headerOf(headers: ReceivedWebhook["headers"], name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined;
  const found = Object.entries(headers).filter(([key, value]) => key.toLowerCase() === name && value !== undefined);
  const [first, ...more] = found.flatMap(([, value]) => value ?? []);
  return more.length === 0 && first !== "" ? first : undefined;
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}
