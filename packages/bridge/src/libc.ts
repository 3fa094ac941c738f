// The calls of libc that Node does not offer: sockets of families that it does not know. Linux only.
import { closeSync } from "node:fs";
import { Socket, type SocketConstructorOpts } from "node:net";
import { constants } from "node:os";
import { CarrierError, systemError } from "./carrier-error.ts";

/** Numbers of the kernel's own headers, the same on every architecture that Node 24 runs on under Linux. */
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const O_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const BACKLOG = 4;

export interface Libc {
  /** A new socket that neither blocks nor outlives an exec. */
  socket(family: number, type: number, protocol: number): number;
  bind(descriptor: number, address: Uint8Array): void;
  listen(descriptor: number): void;
  /** False while the connection is still being made: ask `pendingError` later. */
  connect(descriptor: number, address: Uint8Array): boolean;
  /** Whether `connect` has come to an end, well or not. Throws its error. */
  hasConnected(descriptor: number): boolean;
  /** The next connection with its peer's address, or undefined when none waits. */
  accept(descriptor: number, addressBytes: number): { readonly descriptor: number; readonly peer: Buffer } | undefined;
  /** Calls with a buffer that is read and written in place. */
  ioctl(descriptor: number, request: number, argument: Uint8Array): void;
  /** As large as asked for where the process may, else as large as the system lets everybody. */
  growReceiveBuffer(descriptor: number, bytes: number): void;
  /**
   * Gives a descriptor to Node's event loop, which from now on owns it. Node takes into the loop only descriptors of
   * kinds that it knows, although libuv asks of a stream no more than read and write. So it is given one end of a pair
   * of Unix sockets, and the other socket is put in that end's place before the loop has looked at it.
   */
  adopt(descriptor: number, options?: SocketConstructorOpts): { readonly socket: Socket; readonly descriptor: number };
}

let loading: Promise<Libc> | undefined;

/** Only a process that uses such a carrier loads the library. Rejects with LIBC_UNAVAILABLE where there is none. */
export function loadLibc(): Promise<Libc> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined;
    throw new CarrierError("LIBC_UNAVAILABLE", `the calls of Linux's libc are not to be had here: ${String(error)}`);
  });
  return loading;
}

async function load(): Promise<Libc> {
  if (process.platform !== "linux") throw new Error(`this is ${process.platform}`);
  const { default: koffi } = await import("koffi");
  const lib = koffi.load(null);
  const calls = {
    socket: lib.func("int socket(int, int, int)"),
    socketpair: lib.func("int socketpair(int, int, int, _Out_ int *)"),
    bind: lib.func("int bind(int, const void *, unsigned int)"),
    listen: lib.func("int listen(int, int)"),
    connect: lib.func("int connect(int, const void *, unsigned int)"),
    accept4: lib.func("int accept4(int, void *, void *, int)"),
    poll: lib.func("int poll(void *, unsigned long, int)"),
    ioctl: lib.func("int ioctl(int, unsigned long, ...)"),
    getsockopt: lib.func("int getsockopt(int, int, int, void *, void *)"),
    setsockopt: lib.func("int setsockopt(int, int, int, const void *, unsigned int)"),
    dup3: lib.func("int dup3(int, int, int)"),
  };
  const { EAGAIN, EINTR, EINPROGRESS, ECONNABORTED } = constants.errno;
  const passing: readonly number[] = [EAGAIN, EINTR, ECONNABORTED];

  const succeed = (call: keyof typeof calls, ...args: readonly unknown[]): number => {
    const result: unknown = calls[call](...args);
    if (typeof result === "number" && result >= 0) return result;
    throw systemError(call, koffi.errno());
  };

  return {
    socket: (family, type, protocol) => succeed("socket", family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol),
    bind: (descriptor, address) => void succeed("bind", descriptor, address, address.length),
    listen: (descriptor) => void succeed("listen", descriptor, BACKLOG),
    connect: (descriptor, address) => {
      if (calls.connect(descriptor, address, address.length) === 0) return true;
      const errno = koffi.errno();
      if (errno === EINPROGRESS) return false;
      throw systemError("connect", errno);
    },
    hasConnected: (descriptor) => {
      if (succeed("poll", pollEntry(descriptor), 1, 0) === 0) return false;
      const value = Buffer.alloc(4);
      succeed("getsockopt", descriptor, SOL_SOCKET, SO_ERROR, value, lengthOf(value));
      const errno = readInt(value);
      if (errno !== 0) throw systemError("connect", errno);
      return true;
    },
    accept: (descriptor, addressBytes) => {
      const peer = Buffer.alloc(addressBytes);
      const accepted: unknown = calls.accept4(descriptor, peer, lengthOf(peer), SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (typeof accepted === "number" && accepted >= 0) return { descriptor: accepted, peer };
      const errno = koffi.errno();
      if (passing.includes(errno)) return undefined;
      throw systemError("accept", errno);
    },
    ioctl: (descriptor, request, argument) => void succeed("ioctl", descriptor, request, "void *", argument),
    growReceiveBuffer: (descriptor, bytes) => {
      const value = intBytes(bytes);
      if (calls.setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, value, value.length) === 0) return;
      succeed("setsockopt", descriptor, SOL_SOCKET, SO_RCVBUF, value, value.length);
    },
    adopt: (descriptor, options = {}) => {
      const pair: [number, number] = [0, 0];
      succeed("socketpair", AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair);
      const [known, spare] = pair;
      const socket = new Socket({ readable: true, writable: true, ...options, fd: known });
      succeed("dup3", descriptor, known, O_CLOEXEC);
      closeSync(descriptor);
      closeSync(spare);
      return { socket, descriptor: known };
    },
  };
}

/** struct pollfd: the descriptor, and POLLOUT, which also tells of a connection that failed. */
function pollEntry(descriptor: number): Buffer {
  return Buffer.concat([intBytes(descriptor), intBytes(4)]);
}

function lengthOf(value: Uint8Array): Buffer {
  return intBytes(value.length);
}

/** The machine's own order of bytes, as C has it. */
function intBytes(value: number): Buffer {
  return Buffer.from(Int32Array.of(value).buffer);
}

function readInt(bytes: Buffer): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, IS_LITTLE_ENDIAN);
}

const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
