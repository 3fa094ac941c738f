// Lets go of what the starter left open: a process of the semi-offline zone holds no descriptor that it was not meant to have.
import { closeSync, readdirSync, readlinkSync } from "node:fs";
import type { Environment } from "./config.ts";
import type { Logger } from "./logger.ts";

/**
 * Closes every inherited socket, file, device and end of a pipe but the standard streams and the descriptor that the
 * secrets come on. To be called before this process opens anything itself: what Node has by then is its own pipes, of
 * which it holds both ends, and nameless things of the kernel.
 * @returns what was closed, as "descriptor: what it was"
 */
export function closeInherited(logger: Pick<Logger, "warn">, env: Environment): readonly string[] {
  const secrets = /^fd:([0-9]+)$/.exec(env["SLUICE_SECRETS_SOURCE"] ?? "")?.[1];
  const open = readdirSync("/proc/self/fd").flatMap((name) => {
    const target = targetOf(name);
    return target === null ? [] : [{ descriptor: Number(name), target }];
  });
  const inherited = open.filter(
    ({ descriptor, target }) =>
      descriptor > 2 &&
      String(descriptor) !== secrets &&
      !isOwn(target, open.filter((one) => one.target === target).length),
  );
  for (const { descriptor } of inherited) closeSync(descriptor);
  const closed = inherited.map(({ descriptor, target }) => `${descriptor}: ${target}`);
  if (closed.length > 0) logger.warn({ closed }, "descriptors that the starter had left open were closed");
  return closed;
}

function isOwn(target: string, ends: number): boolean {
  if (target.startsWith("pipe:")) return ends > 1;
  return target.startsWith("anon_inode:") || target === "/dev/null";
}

/** null for the descriptor by which the folder itself was read. */
function targetOf(descriptor: string): string | null {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return null;
  }
}
