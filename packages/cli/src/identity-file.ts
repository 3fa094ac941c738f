// A custodian's identity file: for its owner's eyes only, and exactly one identity in it.
import { readFileSync, statSync } from "node:fs";
import { readIdentityFile } from "@sluice/ceremony";
import type { Fault } from "./command.ts";

export function readIdentity(path: string): { readonly identity: string } | { readonly fault: Fault } {
  try {
    if ((statSync(path).mode & 0o077) !== 0) {
      return { fault: { code: "IDENTITY_FILE_OPEN", message: `${path} may be read by others: chmod 600` } };
    }
    const identity = readIdentityFile(readFileSync(path, "utf8"));
    if (identity !== null) return { identity };
    return { fault: { code: "IDENTITY_FILE_INVALID", message: `${path} holds no identity of age, or several` } };
  } catch {
    return { fault: { code: "IDENTITY_FILE_MISSING", message: `${path} cannot be read` } };
  }
}
