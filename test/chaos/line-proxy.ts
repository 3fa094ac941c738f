// A bridge's line that can be cut: it listens where one end connects, and passes every byte to where the other end listens.
import { once } from "node:events";
import { createConnection, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export type CuttableLine = {
  /** Cuts what is connected and refuses whoever comes, for so long. Resolves, when that is over, to what it met. */
  readonly cut: (forMs: number) => Promise<{ readonly cut: number; readonly refused: number }>;
  readonly close: () => Promise<void>;
};

export async function openLine(listenPath: string, connectPath: string): Promise<CuttableLine> {
  const open = new Set<Socket>();
  let closedUntilMs = 0;
  let refused = 0;
  const server = createServer((near) => {
    if (performance.now() < closedUntilMs) {
      refused += 1;
      near.on("error", () => undefined);
      near.destroy();
      return;
    }
    const far = createConnection({ path: connectPath });
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      open.add(from);
      from.pipe(to);
      from.on("error", () => undefined);
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(listenPath);
  await once(server, "listening");
  const cutAll = (): number => {
    // Each connection has two sockets here.
    const cut = open.size / 2;
    for (const socket of open) socket.destroy();
    return Math.ceil(cut);
  };
  return {
    cut: async (forMs) => {
      // Who was just cut, or just started, is about to connect; a cut that meets nobody is no cut.
      for (let looks = 0; open.size === 0 && looks < 100; looks += 1) await delay(50);
      const before = refused;
      closedUntilMs = performance.now() + forMs;
      const cut = cutAll();
      await delay(forMs);
      return { cut, refused: refused - before };
    },
    close: async () => {
      const closed = once(server, "close");
      server.close();
      cutAll();
      await closed;
    },
  };
}
