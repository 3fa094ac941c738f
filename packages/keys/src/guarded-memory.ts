// Memory for secrets: locked against swapping, left out of core dumps, between guard pages. Never a string or a number.
import { readFileSync } from "node:fs";
import sodium, { type SecureBuffer } from "sodium-native";
import { SecretKeyError } from "./secret-key-error.ts";

export type { SecureBuffer };

/** All zero. libsodium goes on without a word when the system refuses to lock its pages, so the kernel's own count is asked. */
export function guarded(length: number): SecureBuffer {
  const before = lockedKilobytes();
  const memory = sodium.sodium_malloc(length);
  if (lockedKilobytes() <= before) {
    throw new SecretKeyError("KEY_NOT_LOCKED", "memory cannot be locked against swapping: raise RLIMIT_MEMLOCK");
  }
  // libsodium fills it with 0xdb.
  sodium.sodium_memzero(memory);
  return memory;
}

/** Guarded memory with random content: a key, a mask. */
export function guardedRandom(length: number): SecureBuffer {
  const memory = guarded(length);
  sodium.randombytes_buf(memory);
  return memory;
}

/** Overwrites memory in a way that no compiler leaves out. Plain memory may be given as well. */
export function wipe(...memories: readonly Uint8Array[]): void {
  for (const memory of memories) {
    sodium.sodium_memzero(Buffer.from(memory.buffer, memory.byteOffset, memory.byteLength));
  }
}

function lockedKilobytes(): number {
  return Number(/^VmLck:\s+([0-9]+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0);
}
