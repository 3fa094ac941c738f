// What the bundle commands share: files with their faults as usage errors, keys from PEM files, one way to show a bundle.
import { createPrivateKey, type KeyObject } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import type { Outcome } from "../command.ts";
import { UsageError } from "../command.ts";

export function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${codeOf(error)}`);
  }
}

export function readJson(path: string): unknown {
  const text = readBytes(path).toString("utf8");
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${path} holds no JSON`);
  }
}

/** A file that is there already is not overwritten, unless it is the one that was read. */
export function writeBytes(
  path: string,
  bytes: Uint8Array | string,
  how: { readonly replace: boolean; readonly mode?: number },
): void {
  try {
    writeFileSync(path, bytes, { flag: how.replace ? "w" : "wx", mode: how.mode ?? 0o644 });
  } catch (error) {
    throw new UsageError(`${path} cannot be written: ${codeOf(error)}`);
  }
}

/** PKCS #8 in PEM, as `sluice key make` and `openssl genpkey -algorithm ed25519` write it. */
export function readPrivateKey(path: string): KeyObject {
  const pem = readBytes(path);
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch {
    // The same answer as for a key of another kind.
  } finally {
    pem.fill(0);
  }
  throw new UsageError(`${path} holds no Ed25519 private key in PEM`);
}

export function refusedWith({ code, detail }: { readonly code: string; readonly detail: string }): Outcome {
  return { kind: "refused", faults: [{ code, message: detail }] };
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
