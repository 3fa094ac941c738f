// BIP39: entropy to words to seed. The words of a secret exist only as bytes in guarded memory, and only for a moment.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import sodium, { type SecureBuffer } from "sodium-native";
import { guarded, wipe } from "./guarded-memory.ts";
import { pbkdf2Sha512 } from "./hmac-sha512.ts";

const ROUNDS = 2_048;
const WORD_BITS = 11;
const LONGEST_WORD = 8;
/** Of bip39-english.txt, as the BIP's repository has it. */
const WORDS_SHA256 = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda";

/** The 64-byte seed of 16, 20, 24, 28 or 32 bytes of entropy. Holders have no passphrase; the vectors have one. */
export function seedOf(entropy: Uint8Array, passphrase = ""): SecureBuffer {
  const words = wordsOf(entropy);
  const seed = pbkdf2Sha512(words, Buffer.from(`mnemonic${passphrase}`.normalize("NFKD"), "utf8"), ROUNDS);
  wipe(words);
  return seed;
}

/** The sentence as bytes, exactly as long as it is: English, lower case, single spaces. */
export function wordsOf(entropy: Uint8Array): SecureBuffer {
  const count = wordCount(entropy.length);
  const bits = guarded(entropy.length + 1);
  const checksum = guarded(32);
  sodium.crypto_hash_sha256(checksum, Buffer.from(entropy.buffer, entropy.byteOffset, entropy.byteLength));
  bits.set(entropy);
  bits[entropy.length] = checksum[0] ?? 0;
  const sentence = guarded(count * (LONGEST_WORD + 1));
  let length = 0;
  for (let at = 0; at < count; at += 1) {
    if (at > 0) sentence[length++] = 0x20;
    const word = words()[numberAt(bits, at * WORD_BITS)];
    if (word === undefined) throw new Error("a word has a number below 2048");
    sentence.set(word, length);
    length += word.length;
  }
  const exact = guarded(length);
  exact.set(sentence.subarray(0, length));
  wipe(bits, checksum, sentence);
  return exact;
}

function wordCount(entropyBytes: number): number {
  if (entropyBytes < 16 || entropyBytes > 32 || entropyBytes % 4 !== 0) {
    throw new Error("BIP39 knows entropy of 16, 20, 24, 28 or 32 bytes");
  }
  return (entropyBytes * 8 + entropyBytes / 4) / WORD_BITS;
}

/** Eleven bits from the given one on. One word's number is not a secret worth guarding; the sentence is. */
function numberAt(bits: Uint8Array, from: number): number {
  let number = 0;
  for (let bit = from; bit < from + WORD_BITS; bit += 1) {
    number = (number << 1) | (((bits[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1);
  }
  return number;
}

let known: readonly Buffer[] | undefined;

function words(): readonly Buffer[] {
  if (known !== undefined) return known;
  const file = readFileSync(new URL("./bip39-english.txt", import.meta.url));
  if (createHash("sha256").update(file).digest("hex") !== WORDS_SHA256) throw new Error("the word list was changed");
  known = file
    .toString("latin1")
    .trimEnd()
    .split("\n")
    .map((word) => Buffer.from(word, "latin1"));
  return known;
}
