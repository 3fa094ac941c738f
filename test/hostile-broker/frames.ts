// Kafka's frames on a socket: 32 bits of length, then as many bytes.

import type { Socket } from "node:net";

/** Far above what our messages need; whoever announces more is no client of ours. */
const LONGEST = 64 * 1024 * 1024;

/** Calls for every whole frame, without its length. What it throws ends the connection. */
export function eachFrame(socket: Socket, take: (frame: Buffer) => void): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    try {
      while (pending.length >= 4) {
        const length = pending.readInt32BE(0);
        if (length < 0 || length > LONGEST) throw new RangeError(`a frame of ${length} bytes`);
        if (pending.length < 4 + length) return;
        const frame = Buffer.from(pending.subarray(4, 4 + length));
        pending = pending.subarray(4 + length);
        take(frame);
      }
    } catch (error) {
      socket.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  });
}
