// OKX's signature (docs-v5, "REST Authentication"): Base64 of HMAC-SHA256 over timestamp + method + requestPath + body.
import { createHmac } from "node:crypto";

export type SignedParts = {
  /** As the header has it. */
  readonly timestamp: string;
  /** Upper case. */
  readonly method: string;
  /** With the query, exactly as it stands in the request line. */
  readonly requestPath: string;
  /** The exact bytes; empty when there are none. */
  readonly body: Uint8Array;
};

export function macOf(secret: string | Uint8Array, { timestamp, method, requestPath, body }: SignedParts): Buffer {
  return createHmac("sha256", secret).update(`${timestamp}${method}${requestPath}`, "latin1").update(body).digest();
}

/** 32 bytes, or null: another spelling of the same bytes is no signature. */
export function readMac(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64");
  return bytes.length === 32 && bytes.toString("base64") === text ? bytes : null;
}

/** OKX: ISO in UTC with milliseconds, such as 2020-12-08T09:08:57.715Z. Null for everything else. */
export function readTimestamp(text: string): number | null {
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/.test(text)) return null;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) || new Date(atMs).toISOString() !== text ? null : atMs;
}
