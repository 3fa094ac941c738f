// Signs what is posted, as Standard Webhooks prescribes: v1a (Ed25519) or v1 (HMAC-SHA256), with every key of an endpoint.
import { createHmac, createPrivateKey, sign } from "node:crypto";

/** Makes one entry of webhook-signature. What it closes over is the secret, so that no log can show it. */
export type SigningKey = (signed: Uint8Array) => string;

/** The headers of one attempt; its time is signed, so that an old one cannot be taken for a new one. */
export function signedHeaders(
  keys: readonly SigningKey[],
  webhookId: string,
  nowMs: number,
  body: Uint8Array,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(nowMs / 1_000));
  const signed = Buffer.concat([Buffer.from(`${webhookId}.${timestamp}.`), body]);
  return {
    "webhook-id": webhookId,
    "webhook-timestamp": timestamp,
    "webhook-signature": keys.map((key) => key(signed)).join(" "),
  };
}

/** Null when the text is no key. `whsk_` may hold the seed alone or, as NaCl writes it, the public half behind it. */
export function readSigningKey(text: string): SigningKey | null {
  const [, kind, base64 = ""] = /^(whsk|whsec)_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  const bytes = Buffer.from(base64, "base64");
  if (kind === undefined || bytes.toString("base64") !== base64) return null;
  if (kind === "whsec") {
    if (bytes.length < 24 || bytes.length > 64) return null;
    return (signed) => `v1,${createHmac("sha256", bytes).update(signed).digest("base64")}`;
  }
  if (bytes.length !== 32 && bytes.length !== 64) return null;
  const der = Buffer.concat([PKCS8, bytes.subarray(0, 32)]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  return (signed) => `v1a,${sign(null, signed, key).toString("base64")}`;
}

/** RFC 8410: what goes before the 32 bytes of a private key. */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
