// A share's file: sealed to one custodian in age's format, armoured, so that any implementation of age opens it.
import { armor, Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";

export type Custodian = { readonly name: string; readonly identity: string; readonly recipient: string };

/** For a demo and for tests. A real custodian makes an identity at home and brings the recipient. */
export async function createCustodian(name: string): Promise<Custodian> {
  const identity = await generateX25519Identity();
  return { name, identity, recipient: await identityToRecipient(identity) };
}

export async function sealShare(share: Uint8Array, recipient: string): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return Buffer.from(armor.encode(await encrypter.encrypt(share)), "utf8");
}

/** The share, in ordinary memory: whoever opens it wipes it. `null` when this identity does not open the file. */
export async function openShare(file: Uint8Array, identity: string): Promise<Uint8Array | null> {
  try {
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    return await decrypter.decrypt(armor.decode(Buffer.from(file).toString("latin1")));
  } catch {
    return null;
  }
}

export function isRecipient(text: string): boolean {
  if (!/^age1[0-9a-z]{58}$/.test(text)) return false;
  try {
    new Encrypter().addRecipient(text);
    return true;
  } catch {
    return false;
  }
}

/** The one identity in an identity file of age: lines that begin with # are comments. `null` for anything else. */
export function readIdentityFile(text: string): string | null {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  const [identity] = lines;
  return lines.length === 1 && identity !== undefined && /^AGE-SECRET-KEY-1[0-9A-Z]{58}$/.test(identity)
    ? identity
    : null;
}
