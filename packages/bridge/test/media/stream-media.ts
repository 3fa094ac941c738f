// Media whose two ends are connected: Unix sockets, sockets made by libc, vsock, and pairs of one-way lines.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Carrier } from "../../src/carrier.ts";
import { codeOf } from "../../src/carrier-error.ts";
import { fifoReader, fifoWriter } from "../../src/fifo.ts";
import { loadLibc } from "../../src/libc.ts";
import { type NativeAddress, nativeConnector, nativeListener } from "../../src/native-socket.ts";
import { onewayCarrier } from "../../src/oneway.ts";
import { unixConnector } from "../../src/unix-connector.ts";
import { unixListener } from "../../src/unix-listener.ts";
import { vsockAddress, vsockConnector, vsockListener } from "../../src/vsock.ts";
import { type MediumKind, makeFolder } from "./medium.ts";

const available = async (): Promise<undefined> => undefined;

export const unixSocket: MediumKind = {
  name: "Unix socket",
  peerGone: "noticed",
  unavailable: available,
  open: async () => {
    const folder = makeFolder();
    const path = folder.path("a.sock");
    writeFileSync(folder.path("file"), "");
    return {
      left: () => unixListener(path),
      right: () => unixConnector(path),
      third: { come: () => unixConnector(path), reportedBy: "left", line: "turned away" },
      failures: [
        { what: "nobody listens", carrier: () => unixConnector(folder.path("b.sock")), code: "ENOENT" },
        {
          what: "a file of another kind",
          carrier: () => unixListener(folder.path("file")),
          code: "PATH_NOT_A_SOCKET",
        },
      ],
      end: async () => folder.end(),
    };
  },
};

/** What vsock is made of, on a family that every kernel can try: Unix sockets without a file (unix(7), abstract). */
export const nativeSocket: MediumKind = {
  name: "stream socket made by libc",
  peerGone: "noticed",
  unavailable: available,
  open: async () => {
    const address = abstractAddress(`sluice-${process.pid}-${++abstractNames}`);
    return {
      left: () => nativeListener(address, () => true),
      right: () => nativeConnector(address),
      third: { come: () => nativeConnector(address), reportedBy: "left", line: "turned away" },
      failures: [
        { what: "nobody listens", carrier: () => nativeConnector(abstractAddress("nobody")), code: "ECONNREFUSED" },
        {
          what: "an unknown family",
          carrier: () => nativeListener({ family: 9_999, bytes: address.bytes }, () => true),
          code: "EAFNOSUPPORT",
        },
      ],
      end: async () => {},
    };
  },
};

let abstractNames = 0;

function abstractAddress(name: string): NativeAddress {
  const AF_UNIX = 1;
  return {
    family: AF_UNIX,
    bytes: Buffer.concat([Buffer.from(Uint16Array.of(AF_UNIX).buffer), Buffer.from(`\0${name}`)]),
  };
}

const LOCAL_CID = 1;

export const vsock: MediumKind = {
  name: "vsock",
  peerGone: "noticed",
  unavailable: async () => {
    const libc = await loadLibc();
    try {
      const descriptor = libc.socket(vsockAddress(LOCAL_CID, 1).family, 1, 0);
      const { socket } = libc.adopt(descriptor);
      socket.destroy();
    } catch (error) {
      return `vsock cannot be tried: this kernel makes no such socket (${codeOf(error)})`;
    }
    const outcome = await outcomeOf(vsockConnector({ cid: LOCAL_CID, port: 4_294_000_000 }));
    // A kernel with a loopback says at once that nobody listens at that port.
    return outcome === "ECONNRESET" || outcome === "ECONNREFUSED"
      ? undefined
      : `vsock cannot be tried: this kernel has no loopback for it (module vsock_loopback; connecting ended with ${outcome})`;
  },
  open: async () => {
    const port = 20_000 + (process.pid % 20_000);
    return {
      left: () => vsockListener({ cid: LOCAL_CID, port }),
      right: () => vsockConnector({ cid: LOCAL_CID, port }),
      third: { come: () => vsockConnector({ cid: LOCAL_CID, port }), reportedBy: "left", line: "turned away" },
      failures: [
        {
          what: "nobody listens",
          carrier: () => vsockConnector({ cid: LOCAL_CID, port: port + 1 }),
          code: "ECONNRESET",
        },
      ],
      end: async () => {},
    };
  },
};

async function outcomeOf(carrier: Carrier): Promise<string> {
  const failed = new Promise<string>((resolve) => {
    carrier.open({
      onConnection: () => {
        resolve("a connection");
        return { onBytes: () => {}, onDrain: () => {}, onClose: () => {} };
      },
      onTurnedAway: () => {},
      onFailure: ({ code }) => resolve(code),
    });
  });
  const outcome = await Promise.race([failed, pause(300, "no answer", { ref: false })]);
  await carrier.close();
  return outcome;
}

export const onewaySockets: MediumKind = {
  name: "a pair of one-way Unix sockets",
  peerGone: "noticed",
  unavailable: available,
  open: async () => {
    const folder = makeFolder();
    const [up, down] = [folder.path("up.sock"), folder.path("down.sock")];
    return {
      left: () => onewayCarrier(unixListener(up), unixConnector(down)),
      right: () => onewayCarrier(unixListener(down), unixConnector(up)),
      third: { come: () => unixConnector(up), reportedBy: "left", line: "turned away" },
      failures: [
        {
          what: "nobody listens for the way out",
          carrier: () => onewayCarrier(unixListener(up), unixConnector(down)),
          code: "ENOENT",
        },
      ],
      end: async () => folder.end(),
    };
  },
};

export const namedPipes: MediumKind = {
  name: "a pair of named pipes",
  peerGone: "noticed on the next write",
  unavailable: async () => {
    const folder = makeFolder();
    try {
      execFileSync("mkfifo", [folder.path("probe")]);
      return undefined;
    } catch (error) {
      return `named pipes cannot be tried: mkfifo does not run (${codeOf(error)})`;
    } finally {
      folder.end();
    }
  },
  open: async () => {
    const folder = makeFolder();
    const [up, down, lonely, file] = ["up", "down", "lonely", "file"].map((name) => folder.path(name)) as [
      string,
      string,
      string,
      string,
    ];
    execFileSync("mkfifo", ["-m", "600", up, down, lonely]);
    writeFileSync(file, "");
    return {
      left: () => onewayCarrier(fifoReader(up), fifoWriter(down)),
      right: () => onewayCarrier(fifoReader(down), fifoWriter(up)),
      failures: [
        { what: "nobody reads", carrier: () => fifoWriter(lonely), code: "ENXIO" },
        { what: "a file of another kind", carrier: () => fifoReader(file), code: "PATH_NOT_A_FIFO" },
        { what: "no file", carrier: () => fifoReader(join(file, "below")), code: "ENOTDIR" },
      ],
      end: async () => folder.end(),
    };
  },
};
