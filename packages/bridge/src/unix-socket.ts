// What the two Unix-socket carriers share: a path that the kernel takes, and a socket seen as a carrier connection.
import type { Socket } from "node:net";
import type { CarrierConnection, ConnectionEvents } from "./carrier.ts";
import { BridgeError } from "./errors.ts";

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

/** Joins an open socket to its connection's events. `onClosed` runs before the connection's own `onClose`. */
export function attachSocket(
  socket: Socket,
  onConnection: (connection: CarrierConnection) => ConnectionEvents,
  hooks: { readonly onConfirm: () => void; readonly onClosed: () => void },
): void {
  const events = onConnection({
    write: (bytes) => socket.write(bytes),
    confirm: hooks.onConfirm,
    close: () => {
      socket.destroy();
    },
  });
  socket.on("data", (bytes: Buffer) => events.onBytes(bytes));
  socket.on("drain", () => events.onDrain());
  // A broken connection is nothing special here: `close` follows every error.
  socket.on("error", () => {});
  socket.on("close", () => {
    hooks.onClosed();
    events.onClose();
  });
}

/** The stable code of a system error, such as ECONNREFUSED. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "UNKNOWN";
}
