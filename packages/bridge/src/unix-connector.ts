// The carrier's end that connects to a Unix-domain socket, again and again.
import { createConnection, type Socket } from "node:net";
import { BackOff } from "./back-off.ts";
import type { Carrier, CarrierEvents } from "./carrier.ts";
import { attachSocket, checkPath, codeOf } from "./unix-socket.ts";

const FIRST_WAIT_MS = 10;
const LAST_WAIT_MS = 1_000;

/** Connects to the socket at `path`, which need not exist yet. Throws `BRIDGE_OPTIONS_INVALID` for an impossible path. */
export function unixConnector(path: string): Carrier {
  checkPath(path);
  return new UnixConnector(path);
}

class UnixConnector implements Carrier {
  readonly #path: string;
  readonly #backOff = new BackOff(FIRST_WAIT_MS, LAST_WAIT_MS);
  #events: CarrierEvents | undefined;
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closing: (() => void) | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  open(events: CarrierEvents): void {
    this.#events = events;
    this.#connect(events);
  }

  close(): Promise<void> {
    clearTimeout(this.#retry);
    const socket = this.#socket;
    this.#events = undefined;
    if (socket === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#closing = resolve;
      socket.destroy();
    });
  }

  #connect(events: CarrierEvents): void {
    const socket = createConnection({ path: this.#path });
    this.#socket = socket;
    const onFailure = (error: Error): void => {
      if (this.#events !== undefined) events.onFailure({ code: codeOf(error), detail: error.message });
    };
    const onClosed = (): void => {
      this.#socket = undefined;
      this.#closing?.();
      if (this.#events === undefined) return;
      this.#retry = setTimeout(() => this.#connect(events), this.#backOff.next());
    };
    socket.once("error", onFailure);
    socket.once("close", onClosed);
    socket.once("connect", () => {
      socket.off("error", onFailure);
      socket.off("close", onClosed);
      attachSocket(socket, (connection) => events.onConnection(connection), {
        onConfirm: () => this.#backOff.reset(),
        onClosed,
      });
    });
  }
}
