// The carrier's end that connects to a Unix-domain socket, again and again.
import { createConnection } from "node:net";
import type { Carrier } from "./carrier.ts";
import { type Line, retryingCarrier } from "./retrying-carrier.ts";
import { checkPath, socketLine } from "./unix-socket.ts";

/** Connects to the socket at `path`, which need not exist yet. Throws `BRIDGE_OPTIONS_INVALID` for an impossible path. */
export function unixConnector(path: string): Carrier {
  checkPath(path);
  return retryingCarrier(() => connect(path));
}

/** Connecting to a Unix socket succeeds or fails at once, so there is nothing to abort. */
function connect(path: string): Promise<Line> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socketLine(socket));
    });
  });
}
