// What else than a frame could reach a holder: signals, a tracer, swap, a network that is there. Real processes, real refusals.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspectSockets, ipSocketsOf } from "@sluice/devstack";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Signer, startSigner, WITHOUT_NETWORK } from "./signer-process.ts";
import { makeHeldWallet, makeSeals } from "./zone.ts";

const seals = makeSeals();
const held = await makeHeldWallet();
const root = process.getuid?.() === 0;
const canAddress = root && WITHOUT_NETWORK !== undefined && spawnSync("ip", ["-V"]).status === 0;

const folders: string[] = [];
const children: ChildProcess[] = [];
let folder = "";
beforeEach(() => {
  folder = newFolder();
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  for (const path of folders.splice(0)) rmSync(path, { recursive: true });
});

function newFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "surroundings-"));
  folders.push(path);
  return path;
}

function start(options: Partial<Parameters<typeof startSigner>[0]> = {}): Signer {
  const signer = startSigner({ folder: newFolder(), seals, held, ...options });
  children.push(signer.child);
  return signer;
}

/** Runs a line of shell first, as the very process that then becomes the holder. */
const shellBefore = (line: string): readonly string[] => ["sh", "-c", `${line} && exec "$@"`, "sh"];

describe("a signal", () => {
  const IGNORED = ["SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGWINCH", "SIGURG", "SIGCHLD", "SIGCONT"] as const;
  const ENDING = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const;

  test(`does nothing (${IGNORED.join(", ")}) and opens no inspector, or ends it in order (${ENDING.join(", ")})`, async () => {
    await Promise.all(
      ENDING.map(async (ending) => {
        const signer = start();
        await signer.unlock();
        const pid = signer.child.pid ?? 0;
        for (const signal of IGNORED) signer.child.kill(signal);
        await signer.says("SIGUSR1 does nothing here; the inspector stays closed");
        await signer.says("SIGUSR2 does nothing here");
        // Nobody but root may look.
        if (root) expect(inspectSockets([pid]).flatMap(ipSocketsOf)).toEqual([]);
        signer.child.kill(ending);
        expect(await signer.ended, ending).toEqual({ code: 0, signal: null });
        expect(signer.lines.map(({ msg }) => msg)).toContain("key stopped");
      }),
    );
  });
});

describe(`a holder does not start${root ? "" : " (skipped: these take root)"}`, () => {
  const because = canAddress ? "" : " (skipped: this takes root, a namespace and ip)";
  test.skipIf(!canAddress)(`where a loopback is up, or an interface has an address: exit 77${because}`, async () => {
    const lines = [
      ["ip link set lo up", "address 127.0.0.1"],
      ["ip link add eth9 type veth peer name far && ip address add 10.9.9.9/24 dev eth9", "interface eth9"],
    ] as const;
    await Promise.all(
      lines.map(async ([line, found]) => {
        const signer = start({ before: shellBefore(line), env: { SLUICE_REQUIRE_ISOLATION: "yes" } });
        expect(await signer.ended, line).toEqual({ code: 77, signal: null });
        expect(JSON.stringify(signer.lines)).toContain(found);
      }),
    );
  });

  test.skipIf(!root)("while something traces it: exit 78", async () => {
    const signer = start({ before: shellBefore("kill -STOP $$") });
    const pid = signer.child.pid ?? 0;
    await expect.poll(() => readFileSync(`/proc/${pid}/status`, "utf8")).toMatch(/^State:\s+T/m);
    const watch = spawn(process.execPath, [join(import.meta.dirname, "exit-watch.ts"), String(pid)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    children.push(watch);
    const [first] = (await once(watch.stdout, "data")) as [Buffer];
    expect(first.toString()).toBe("traced\n");
    // It lets go at the end without being asked.
    watch.stdin.write("\n");
    signer.child.kill("SIGCONT");
    expect(await signer.ended).toEqual({ code: 78, signal: null });
    expect(JSON.stringify(signer.lines)).toContain("nobody traces a key holder");
  });

  test.skipIf(!root)(
    "where memory can be swapped out, unless it is told that what is written is encrypted: exit 78",
    async () => {
      const swaps = join(folder, "swaps");
      writeFileSync(swaps, "Filename\tType\tSize\tUsed\tPriority\n/dev/sda9 partition 1 0 -2\n");
      const before = ["unshare", "--mount", ...shellBefore(`mount --bind ${swaps} /proc/swaps`)];
      await Promise.all(
        [
          ["none", 78],
          ["tolerated", 78],
          ["encrypted", 0],
        ].map(async ([said, code]) => {
          const network = said === "tolerated" ? { SLUICE_NETWORK: "mainnet" } : {};
          const signer = start({ before, env: { SLUICE_SWAP: String(said), ...network } });
          if (code === 0) await signer.says("ready").then(() => signer.child.kill("SIGTERM"));
          expect(await signer.ended, String(said)).toEqual({ code, signal: null });
          if (code !== 0) expect(JSON.stringify(signer.lines)).toContain("swaps to /dev/sda9");
        }),
      );
    },
  );

  test("with a curve library that is not there: exit 78, and no other takes its place", async () => {
    const signer = start({ env: { SLUICE_CURVE: "library:/nowhere/libsecp256k1.so.1" } });
    expect(await signer.ended).toEqual({ code: 78, signal: null });
    expect(JSON.stringify(signer.lines)).toContain("SLUICE_CURVE");
  });
});
