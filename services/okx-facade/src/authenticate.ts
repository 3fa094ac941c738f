// Who asks: OKX's four headers. A stranger learns of a key neither whether it exists nor which of the three was wrong.
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "@sluice/http";
import type { OkxKey, Permission, User } from "./config.ts";
import { hashPassphrase, passphraseCheck, readPassphraseHash } from "./passphrase.ts";
import { type OkxErrorName, refuse } from "./refusals.ts";
import { macOf, readMac, readTimestamp } from "./signature.ts";

/** OKX: requests that differ from the server's time by more than this are refused (50102). */
export const WINDOW_MS = 30_000;
const LONGEST_HEADER = 256;
const NO_MAC = Buffer.alloc(32);

export type Authenticate = (request: FastifyRequest, permission: Permission) => Promise<User>;

export async function createAuthenticate(
  keys: Pick<ReadonlyMap<string, OkxKey>, "get">,
  now: () => number,
  windowMs = WINDOW_MS,
): Promise<Authenticate> {
  const stranger = await createStranger();
  return async (request, permission) => {
    const apiKey = header(request, "ok-access-key", "KEY_MISSING");
    const sign = header(request, "ok-access-sign", "SIGN_MISSING");
    const timestamp = header(request, "ok-access-timestamp", "TIMESTAMP_MISSING");
    const passphrase = header(request, "ok-access-passphrase", "PASSPHRASE_MISSING");
    const atMs = readTimestamp(timestamp);
    if (atMs === null) throw refuse("TIMESTAMP_INVALID");
    if (Math.abs(now() - atMs) > windowMs) throw refuse("TIMESTAMP_EXPIRED");
    const key = keys.get(apiKey);
    const { secret, isPassphrase } = key ?? stranger;
    const { method = "", url: requestPath = "" } = request.raw;
    const body = (request as FastifyRequest & { readonly rawBody: Buffer }).rawBody;
    const given = readMac(sign);
    const isSame = timingSafeEqual(macOf(secret, { timestamp, method, requestPath, body }), given ?? NO_MAC);
    const isAuthentic = isSame && given !== null && key !== undefined;
    const isRight = await isPassphrase(passphrase, isAuthentic);
    if (key === undefined || !isAuthentic || !isRight) throw refuse("UNAUTHORIZED");
    if (!key.allowedAddresses.check(request.ip, request.ip.includes(":") ? "ipv6" : "ipv4")) {
      throw refuse("IP_NOT_ALLOWED", request.ip);
    }
    if (!key.permissions.includes(permission)) throw refuse("NOT_PERMITTED");
    return key.user;
  };
}

/** In the place of a key that there is not, so that the same is done for it. */
async function createStranger(): Promise<Pick<OkxKey, "secret" | "isPassphrase">> {
  const hash = readPassphraseHash(await hashPassphrase(randomBytes(32).toString("base64"), 10));
  if (hash === null) throw new Error("a passphrase's hash that was made here does not read");
  return { secret: randomBytes(32).toString("hex"), isPassphrase: passphraseCheck(hash) };
}

function header({ headers }: FastifyRequest, name: string, missing: OkxErrorName): string {
  const value = headers[name];
  if (typeof value !== "string" || value === "") throw refuse(missing);
  if (value.length > LONGEST_HEADER) throw refuse("UNAUTHORIZED");
  return value;
}
