// The carrier's end that listens on a Unix-domain socket and serves one peer at a time.
import { lstatSync, unlinkSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { BackOff } from "./back-off.ts";
import type { Carrier, CarrierEvents } from "./carrier.ts";
import { codeOf } from "./carrier-error.ts";
import { checkPath, socketLine } from "./unix-socket.ts";

const FIRST_WAIT_MS = 50;
const LAST_WAIT_MS = 1_000;
/** How often an idle listener looks whether its socket file is still there. */
const WATCH_MS = 1_000;
/** Nobody but the owner may connect. */
const OWNER_ONLY_UMASK = 0o177;

/**
 * Listens at `path`. A socket file that nobody serves any more is removed first; one that is served, or a file of
 * another kind, is left alone and reported. The file is made with mode 0600 and removed on close. When somebody else
 * removes it, the listener makes it anew. Throws `BRIDGE_OPTIONS_INVALID` for an impossible path.
 */
export function unixListener(path: string): Carrier {
  checkPath(path);
  return new UnixListener(path);
}

class UnixListener implements Carrier {
  readonly #path: string;
  readonly #backOff = new BackOff(FIRST_WAIT_MS, LAST_WAIT_MS);
  #events: CarrierEvents | undefined;
  #server: Server | undefined;
  #inode: number | undefined;
  #socket: Socket | undefined;
  /** Settles when the last connection has told its owner of its end. */
  #served: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  open(events: CarrierEvents): void {
    this.#events = events;
    this.#clearPath();
  }

  async close(): Promise<void> {
    this.#events = undefined;
    clearTimeout(this.#timer);
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      // Closing removes the socket file, and calls back once the last connection is gone.
      server.close(() => resolve());
      this.#socket?.destroy();
    });
    await this.#served;
  }

  /** Goes on to listen when the path is free, or was left behind by a process that is gone. */
  #clearPath(): void {
    const found = lstatSync(this.#path, { throwIfNoEntry: false });
    if (found === undefined) this.#listen();
    else if (found.isSocket()) this.#probe();
    else this.#failed("PATH_NOT_A_SOCKET", `${this.#path} exists and is no socket`);
  }

  /** Only a socket that nobody answers at may be removed. */
  #probe(): void {
    const probe = createConnection({ path: this.#path });
    probe.once("connect", () => {
      probe.destroy();
      this.#failed("PATH_IN_USE", `another process listens on ${this.#path}`);
    });
    probe.once("error", (error) => {
      if (this.#events === undefined) return;
      if (codeOf(error) === "ENOENT") this.#listen();
      else if (codeOf(error) === "ECONNREFUSED") this.#replaceStale();
      else this.#failed(codeOf(error), error.message);
    });
  }

  #replaceStale(): void {
    try {
      unlinkSync(this.#path);
    } catch (error) {
      this.#failed(codeOf(error), String(error));
      return;
    }
    this.#listen();
  }

  #listen(): void {
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    server.on("error", (error) => {
      // A connection that could not be taken, for want of descriptors say, does not end the listening.
      if (server.listening) {
        this.#events?.onFailure({ code: codeOf(error), detail: error.message });
        return;
      }
      this.#server = undefined;
      this.#failed(codeOf(error), error.message);
    });
    server.once("listening", () => {
      this.#backOff.reset();
      this.#inode = lstatSync(this.#path, { throwIfNoEntry: false })?.ino;
      this.#timer = setTimeout(() => this.#watch(), WATCH_MS);
    });
    // The file is made inside listen(), synchronously, so no other file gets this mask and there is no moment at which
    // the socket stands open to others.
    const before = process.umask(OWNER_ONLY_UMASK);
    try {
      server.listen({ path: this.#path });
    } finally {
      process.umask(before);
    }
  }

  #serve(socket: Socket): void {
    const events = this.#events;
    if (events === undefined || this.#socket !== undefined) {
      socket.on("error", () => {});
      socket.destroy();
      events?.onTurnedAway();
      return;
    }
    this.#socket = socket;
    const line = socketLine(socket);
    const served = events.onConnection({
      write: (bytes) => line.write(bytes),
      confirm: () => {},
      close: () => line.close(),
    });
    this.#served = new Promise((resolve) => {
      line.start({
        onBytes: (bytes) => served.onBytes(bytes),
        onDrain: () => served.onDrain(),
        onTurnedAway: () => {},
        onClose: () => {
          this.#socket = undefined;
          served.onClose();
          resolve();
        },
      });
    });
  }

  /** Without its file nobody finds the listener again, so it begins anew. */
  #watch(): void {
    const server = this.#server;
    if (server === undefined || this.#events === undefined) return;
    const found = lstatSync(this.#path, { throwIfNoEntry: false });
    if (this.#socket !== undefined || found?.ino === this.#inode) {
      this.#timer = setTimeout(() => this.#watch(), WATCH_MS);
      return;
    }
    this.#server = undefined;
    server.close(() => {
      if (this.#events !== undefined) this.#clearPath();
    });
  }

  #failed(code: string, detail: string): void {
    if (this.#events === undefined) return;
    this.#events.onFailure({ code, detail });
    this.#timer = setTimeout(() => {
      if (this.#events !== undefined) this.#clearPath();
    }, this.#backOff.next());
  }
}
