// What the two Unix-socket carriers share: a path that the kernel takes, and a socket seen as a line.
import type { Socket } from "node:net";
import { BridgeError } from "./errors.ts";
import type { Line } from "./retrying-carrier.ts";

/** sun_path is 108 bytes with its final zero (unix(7)); a longer path would be cut off without a word on some systems. */
const PATH_BYTES_AT_MOST = 107;

/** Throws `BRIDGE_OPTIONS_INVALID` for a path that cannot name a Unix socket. */
export function checkPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes === 0 || path.includes("\0"))
    throw new BridgeError("BRIDGE_OPTIONS_INVALID", "a socket path is not empty and holds no NUL");
  if (bytes > PATH_BYTES_AT_MOST) {
    throw new BridgeError(
      "BRIDGE_OPTIONS_INVALID",
      `a socket path has at most ${PATH_BYTES_AT_MOST} bytes, this one has ${bytes}: ${path}`,
    );
  }
}

/** A connected socket of Node's as a line. */
export function socketLine(socket: Socket): Line {
  // A broken connection is nothing special here: `close` follows every error.
  socket.on("error", () => {});
  return {
    start: (events) => {
      socket.on("data", (bytes: Buffer) => events.onBytes(bytes));
      socket.on("drain", () => events.onDrain());
      socket.on("close", () => events.onClose());
    },
    write: (bytes) => socket.write(bytes),
    close: () => {
      socket.destroy();
    },
  };
}
