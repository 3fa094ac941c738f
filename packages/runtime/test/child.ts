// Runs a process of the tests as an operating-system process of its own and collects what it says. It ends with the test.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export type Line = Readonly<Record<string, unknown>> & { readonly msg?: string };

export type Child = {
  readonly process: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly output: string; readonly lines: readonly Line[] }>;
  /** Resolves as soon as a line with this message has come. */
  said(message: string): Promise<void>;
};

/** `handed` is written to the child's descriptor 3, which is then closed. */
export function startChild(
  behaviour: string,
  { env = {}, handed }: { readonly env?: Readonly<Record<string, string>>; readonly handed?: string } = {},
): Child {
  const program = fileURLToPath(new URL("processes/service.ts", import.meta.url));
  const child = spawn(process.execPath, [program, behaviour], {
    env: { ...env },
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const descriptor = child.stdio[3];
  if (descriptor !== null && descriptor !== undefined && "end" in descriptor) descriptor.end(handed ?? "");
  let output = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      for (const listener of listeners) listener();
    });
  }
  const ended = once(child, "close").then(([code]) => ({
    code: code as number | null,
    output,
    lines: linesOf(output),
  }));
  return { process: child, ended, said };

  function said(message: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const listener = () => {
        if (!linesOf(output).some(({ msg }) => msg === message)) return;
        listeners.delete(listener);
        resolve();
      };
      listeners.add(listener);
      listener();
      void ended.then(() => reject(new Error(`it ended without saying "${message}":\n${output}`)));
    });
  }
}

/** Every whole line that is JSON; what is none stays visible as its own message. */
function linesOf(output: string): readonly Line[] {
  const whole = output.slice(0, output.lastIndexOf("\n") + 1);
  return whole.split("\n").flatMap((text) => {
    if (text === "") return [];
    try {
      return [JSON.parse(text) as Line];
    } catch {
      return [{ msg: `not JSON: ${text}` }];
    }
  });
}
