// ZMTP 3.0, as much of it as a subscriber needs (rfc.zeromq.org/spec/23): greeting, NULL handshake, subscriptions, frames.

export type ZmtpFrame = { readonly isCommand: boolean; readonly more: boolean; readonly body: Buffer };

/** What came is no ZMTP 3, or longer than anything that was subscribed to. The connection is of no further use. */
export class ZmtpFault extends Error {
  readonly code = "ZMTP_FAULT";
}

const GREETING_BYTES = 64;
const LONGEST_FRAME_BYTES = 64 * 1024;
const MORE = 1;
const LONG = 2;
const COMMAND = 4;

/** Signature, version 3.0, mechanism NULL, not a server. */
export function greeting(): Buffer {
  const bytes = Buffer.alloc(GREETING_BYTES);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.write("NULL", 12, "latin1");
  return bytes;
}

/** The READY command of a SUB socket. */
export function ready(): Buffer {
  const name = Buffer.from("Socket-Type");
  const body = [Buffer.from("\x05READY"), Buffer.of(name.length), name, Buffer.of(0, 0, 0, 3), Buffer.from("SUB")];
  return frame(Buffer.concat(body), COMMAND);
}

export function subscription(topic: string): Buffer {
  return frame(Buffer.concat([Buffer.of(1), Buffer.from(topic)]), 0);
}

/** At most 255 bytes, which is enough for everything that a subscriber says. */
export function frame(body: Buffer, flags: number): Buffer {
  return Buffer.concat([Buffer.of(flags, body.length), body]);
}

/** Takes bytes as they come and gives the frames that are complete; the greeting is checked and left out. */
export function createZmtpReader(): (bytes: Uint8Array) => readonly ZmtpFrame[] {
  let rest = Buffer.alloc(0);
  let greeted = false;
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    if (!greeted) {
      // The first bytes say already whether it is worth waiting for the others.
      const [signature, major] = [rest[0], rest[10]];
      if (signature !== undefined && signature !== 0xff) throw new ZmtpFault("no ZMTP signature");
      if (major !== undefined && major < 3) throw new ZmtpFault(`ZMTP ${major} is too old`);
      if (rest.length < GREETING_BYTES) return [];
      if (rest.toString("latin1", 12, 32).replaceAll("\0", "") !== "NULL") throw new ZmtpFault("asks for credentials");
      rest = rest.subarray(GREETING_BYTES);
      greeted = true;
    }
    const frames: ZmtpFrame[] = [];
    for (let next = readFrame(rest); next !== null; next = readFrame(rest)) {
      frames.push(next.frame);
      rest = rest.subarray(next.length);
    }
    return frames;
  };
}

function readFrame(bytes: Buffer): { readonly frame: ZmtpFrame; readonly length: number } | null {
  const [flags] = bytes;
  if (flags === undefined) return null;
  if ((flags & ~(MORE | LONG | COMMAND)) !== 0) throw new ZmtpFault("a frame with unknown flags");
  const isLong = (flags & LONG) !== 0;
  const head = isLong ? 9 : 2;
  if (bytes.length < head) return null;
  const size = isLong ? Number(bytes.readBigUInt64BE(1)) : bytes.readUInt8(1);
  if (size > LONGEST_FRAME_BYTES) throw new ZmtpFault(`a frame of ${size} bytes`);
  if (bytes.length < head + size) return null;
  const body = bytes.subarray(head, head + size);
  return { frame: { isCommand: (flags & COMMAND) !== 0, more: (flags & MORE) !== 0, body }, length: head + size };
}
