// Passphrases are kept as salted scrypt hashes. Hashing one takes a good part of a tenth of a second, so the right one is remembered
// for as long as the process lives, as a MAC under a key of the process.
import { createHmac, randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(scrypt);
const BYTES = 32;
const FORM = /^scrypt:(1[0-9]):8:1:([A-Za-z0-9+/]{22}==):([A-Za-z0-9+/]{43}=)$/;

type Hash = { readonly log2N: number; readonly salt: Buffer; readonly hash: Buffer };

export function readPassphraseHash(text: string): Hash | null {
  const [, log2N = "", salt = "", hash = ""] = FORM.exec(text) ?? [];
  return log2N === ""
    ? null
    : { log2N: Number(log2N), salt: Buffer.from(salt, "base64"), hash: Buffer.from(hash, "base64") };
}

export async function hashPassphrase(passphrase: string, log2N = 15, salt = randomBytes(16)): Promise<string> {
  const hash = await hashed(passphrase, log2N, salt);
  return `scrypt:${log2N}:8:1:${salt.toString("base64")}:${hash.toString("base64")}`;
}

/**
 * Whether it is the right one. `isAuthentic` says whether the request's signature holds: only then is anything slow done, and only
 * until the right one is known. So strangers cannot make this process work, and time tells them nothing: whether key or
 * signature or passphrase is wrong, two MACs are made and compared. (Who has the secret already could see that it
 * is right, by the slow hash, until the first good request after a start.)
 */
export type PassphraseCheck = (given: string, isAuthentic: boolean) => Promise<boolean>;

export function passphraseCheck({ log2N, salt, hash }: Hash): PassphraseCheck {
  const own = randomBytes(BYTES);
  let known: Buffer | null = null;
  // One at a time for each key: a burst at a start does not become a burst of slow hashes.
  let last: Promise<unknown> = Promise.resolve();
  return async (given, isAuthentic) => {
    const mac = createHmac("sha256", own).update(given).digest();
    const isKnown = timingSafeEqual(mac, known ?? own);
    if (known !== null || !isAuthentic) return isKnown && isAuthentic;
    const turn = last.then(async () => {
      if (known !== null) return timingSafeEqual(mac, known);
      const isRight = timingSafeEqual(await hashed(given, log2N, salt), hash);
      if (isRight) known = mac;
      return isRight;
    });
    last = turn.catch(() => undefined);
    return turn;
  };
}

function hashed(passphrase: string, log2N: number, salt: Buffer): Promise<Buffer> {
  const N = 2 ** log2N;
  return derive(passphrase.normalize("NFC"), salt, BYTES, { N, r: 8, p: 1, maxmem: 256 * N * 8 });
}
