// Messages that two processes make alike, so that each can check what the other one sent.
import { randomFrom } from "./generator.ts";

/** Message number `id`: its number in 4 bytes, then up to 60 kB that follow from it. */
export function letterOf(id: number): Buffer {
  const length = 4 + randomFrom(id).below(60_000);
  const letter = Buffer.alloc(length, `${id};`);
  letter.writeUInt32BE(id);
  return letter;
}

/** The number of a message; throws when the message is not the one with that number. */
export function idOf(bytes: Uint8Array): number {
  const id = Buffer.from(bytes).readUInt32BE();
  if (!letterOf(id).equals(bytes)) throw new Error(`letter ${id} was altered`);
  return id;
}
