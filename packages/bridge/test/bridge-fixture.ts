// Bridges on a socket of their own folder, and other visitors of that socket, for the tests of openBridge.
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Bridge,
  type BridgeDiagnostic,
  type BridgeOptions,
  openBridge,
  unixConnector,
  unixListener,
} from "../src/index.ts";
import { sessionBetween } from "./sessions.ts";

export interface BridgeFixture {
  readonly path: string;
  /** Opens the listening end, "left", or the connecting one, "right". */
  bridge(side: "left" | "right", options?: Partial<BridgeOptions>): Bridge;
  /** A bare connection to the listener, retried until the listener is there. */
  rawPeer(): Promise<Socket>;
  end(): Promise<void>;
}

export function startFixture(): BridgeFixture {
  const folder = mkdtempSync(join(tmpdir(), "bridge-"));
  const path = join(folder, "a.sock");
  const open: Bridge[] = [];
  const sockets: Socket[] = [];
  return {
    path,
    bridge: (side, options = {}) => {
      const carrier = side === "left" ? unixListener(path) : unixConnector(path);
      const names =
        side === "left" ? { localName: "left", peerName: "right" } : { localName: "right", peerName: "left" };
      const session = sessionBetween(names.localName, names.peerName);
      const opened = openBridge({ carrier, ...names, session, onMessage: async () => {}, ...options });
      open.push(opened);
      return opened;
    },
    rawPeer: async () => {
      for (;;) {
        const socket = createConnection({ path });
        socket.on("error", () => {});
        sockets.push(socket);
        const connected = await new Promise<boolean>((resolve) => {
          socket.once("connect", () => resolve(true));
          socket.once("close", () => resolve(false));
        });
        if (connected) return socket;
      }
    },
    end: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all(open.map((bridge) => bridge.close()));
      rmSync(folder, { recursive: true });
    },
  };
}

/** A diagnostic to wait for. */
export function diagnosticOf(code: BridgeDiagnostic["code"]): {
  readonly onDiagnostic: (event: BridgeDiagnostic) => void;
  readonly seen: Promise<void>;
} {
  let resolve = (): void => {};
  const seen = new Promise<void>((done) => (resolve = done));
  return {
    seen,
    onDiagnostic: (event) => {
      if (event.code === code) resolve();
    },
  };
}

export function bytesOf(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

export function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
