// A line of TCP to a real part, that a test can cut and look into.
import { connect, createServer, type Server, type Socket } from "node:net";

export type Line = {
  readonly host: string;
  readonly port: number;
  /** Ends every connection and takes no further one until mended. */
  readonly cut: () => void;
  readonly mend: () => void;
  /** Asked before anything passes; what it answers with false for never arrives. */
  readonly watch: (look: (bytes: Buffer, direction: "there" | "back") => boolean) => void;
  readonly close: () => Promise<void>;
};

/** @param refusedAtFirst so many calls are ended at once before the first one gets through. */
export async function openLine(
  to: { readonly host: string; readonly port: number },
  refusedAtFirst = 0,
): Promise<Line> {
  let refused = 0;
  const sockets = new Set<Socket>();
  let isCut = false;
  let look: Parameters<Line["watch"]>[0] = () => true;
  const server: Server = createServer((near) => {
    if (isCut) return void near.destroy();
    if (refused < refusedAtFirst) {
      refused += 1;
      return void near.destroy();
    }
    const far = connect(to);
    for (const [from, onto, direction] of [[near, far, "there"] as const, [far, near, "back"] as const]) {
      sockets.add(from);
      from.on("data", (bytes: Buffer) => {
        if (look(bytes, direction)) onto.write(bytes);
      });
      from.on("error", () => undefined);
      from.on("close", () => {
        sockets.delete(from);
        onto.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the line has no port");
  const endAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    host: "127.0.0.1",
    port: address.port,
    cut: () => {
      isCut = true;
      endAll();
    },
    mend: () => {
      isCut = false;
    },
    watch: (next) => {
      look = next;
    },
    close: () => {
      endAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
