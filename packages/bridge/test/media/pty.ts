// Two pseudo-terminals joined back to back: to whoever opens their ends, a serial line (pty(7)).
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, rmSync, symlinkSync } from "node:fs";
import type { Socket } from "node:net";
import koffi from "koffi";
import { loadLibc } from "../../src/libc.ts";

const NAME_BYTES = 64;

export interface PtyLine {
  /** Takes the line away, as a pulled adapter does. */
  pull(): void;
}

/** Makes both ends appear at the two paths. No program is needed but stty; the terminals come from libc itself. */
export async function joinPtys(leftPath: string, rightPath: string): Promise<PtyLine> {
  const libc = await loadLibc();
  const ends = [leftPath, rightPath].map((path) => {
    const { master, name } = openMaster();
    // Terminals echo and translate until somebody says otherwise.
    execFileSync("stty", ["-F", name, "raw", "-echo"]);
    // As long as somebody has it open, the other side does not hang up.
    const held = openSync(name, constants.O_RDWR | constants.O_NOCTTY);
    symlinkSync(name, path);
    const { socket } = libc.adopt(master);
    socket.on("error", () => {});
    return { path, held, socket };
  });
  const [left, right] = ends.map(({ socket }) => socket) as [Socket, Socket];
  left.pipe(right);
  right.pipe(left);
  return {
    pull: () => {
      for (const { path, held, socket } of ends.splice(0)) {
        socket.destroy();
        closeSync(held);
        rmSync(path);
      }
    },
  };
}

function openMaster(): { readonly master: number; readonly name: string } {
  const lib = koffi.load(null);
  const O_CLOEXEC = 0o2000000;
  const master: number = lib.func("int posix_openpt(int)")(
    constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK | O_CLOEXEC,
  );
  const name = Buffer.alloc(NAME_BYTES);
  const results: readonly unknown[] = [
    lib.func("int grantpt(int)")(master),
    lib.func("int unlockpt(int)")(master),
    lib.func("int ptsname_r(int, void *, size_t)")(master, name, name.length),
  ];
  if (master < 0 || results.some((result) => result !== 0)) throw new Error("no pseudo-terminal is to be had");
  return { master, name: name.toString("utf8", 0, name.indexOf(0)) };
}
