// Keys only in RAM, and there in one place: all memory of a real holder is read as root after a thousand signatures.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { openBridge, unixListener } from "@sluice/bridge";
import { testBridgeSession } from "@sluice/bridge/testing";
import { childKey } from "@sluice/chains/signing";
import { callConsole } from "@sluice/console";
import { open, seal } from "@sluice/contracts";
import { findCurveLibrary } from "@sluice/devstack";
import { loadNativeCurve } from "@sluice/keys";
import { hardenedChild, masterNode, type PrivateNode, seedOf, wordsOf } from "@sluice/keys/custody";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { prepareSearch, type Secret, scanBytes, scanMemory, type Trace } from "./memory-scan.ts";
import { WAYS } from "./planted.ts";
import { HOLDER, type Signer, startSigner } from "./signer-process.ts";
import { type FixtureWallet, fund, makeHeldWallet, makeOrder, makeSeals, NOW_MS, request } from "./zone.ts";

const INPUTS = 50;
/** The second curve goes a shorter way here; MEMORY_ORDERS=20 makes it a thousand signatures as well. */
const [ORDERS, ORDERS_MORE] = [20, Number(process.env["MEMORY_ORDERS"] ?? 4)];
const POSITIONS = 10;
/** Ten seconds where nothing else runs. */
const WITHIN_MS = 180_000;

const library = await findCurveLibrary(() => {});
const CURVES: readonly (readonly [string, number, string])[] = [
  ["the npm package's addon", ORDERS * INPUTS, "addon"],
  ...("path" in library
    ? [["the distribution's library", ORDERS_MORE * INPUTS, `library:${library.path}`] as const]
    : []),
];
const root = process.getuid?.() === 0;
const because = root ? "" : " (skipped: only root may read another process's memory)";

const seals = makeSeals();
const held = await makeHeldWallet(20, "hot", ["hot-2"]);
const wallets = [held, ...held.others];
const accounts: readonly Secret[] = wallets.map(({ secrets, wallet }) => ({
  name: `account key of ${wallet.walletId}`,
  bytes: secrets[0],
}));
const entropy = held.entropies[0] ?? Buffer.alloc(32);
/** What the key was made from when the custodians' shares were there: of it nothing may be left. */
const origins: readonly Secret[] = [
  { name: "entropy", bytes: entropy },
  { name: "words", bytes: wordsOf(entropy) },
  { name: "seed", bytes: seedOf(entropy) },
  ...nodesAbove(seedOf(entropy)),
  ...(await held.sharesOf(HOLDER)).map((bytes, at) => ({ name: `share ${at + 1}`, bytes })),
];

/**
 * A single word of the sentence is one of a public list, and of programs' and logs' own language: " position " and what the next word happens to
 * begin with is no trace of the sentence. Two of its words in a row are.
 */
const isTrace = ({ secret, form, length }: Trace): boolean => secret !== "words" || length > 15 * bytesPerLetter(form);
/** At most: a list has three digits and a comma. */
const bytesPerLetter = (form: string): number =>
  (/^(raw|reversed)\b(?! hex)/.test(form) ? 1 : form.startsWith("list") ? 4 : 3) * (form.endsWith("in utf-16") ? 2 : 1);

let folder = "";
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "memory-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  rmSync(folder, { recursive: true });
});

test("a secret is found wherever it begins, in each spelling, whole or a window of it, and nothing is where none lies", () => {
  const secret = { name: "secret", bytes: randomBytes(32) };
  const search = prepareSearch([secret]);
  const spellings = [secret.bytes, Buffer.from(secret.bytes.toString("hex"), "utf16le")] as const;
  for (let begin = 0; begin < 32; begin += 1) {
    for (const [at, spelt] of spellings.entries()) {
      const [form, window] = at === 0 ? ["raw", 8] : ["hex in utf-16", 32];
      for (const length of [spelt.length, window]) {
        for (const behind of [0, 5]) {
          const bytes = Buffer.concat([Buffer.alloc(begin), spelt.subarray(0, length), Buffer.alloc(behind)]);
          const address = `0x${begin.toString(16)}`;
          expect(scanBytes(bytes, search)).toMatchObject([{ form, length, whole: length === spelt.length, address }]);
          bytes[begin + window - 1] = (bytes[begin + window - 1] ?? 0) ^ 1;
          expect(scanBytes(bytes.subarray(0, begin + window), search)).toEqual([]);
        }
      }
    }
  }
});

describe.skipIf(!root)(`a scan of a process's memory${because}`, () => {
  test(`finds a secret in each of ${WAYS.length} careless ways to keep one`, async () => {
    const planted = WAYS.map((name) => ({ name, bytes: randomBytes(32) }));
    const child = spawn(process.execPath, [join(import.meta.dirname, "planted.ts"), "run"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    children.push(child);
    child.stdin.end(Buffer.concat(planted.map(({ bytes }) => bytes)));
    await once(child.stdout, "data");
    const { traces, unreadable } = scanMemory(child.pid ?? 0, prepareSearch(planted));
    expect(WAYS.filter((way) => !traces.some(({ secret }) => secret === way))).toEqual([]);
    expect(unreadable).toEqual([]);
    const another = prepareSearch([{ name: "another", bytes: randomBytes(32) }]);
    expect(scanMemory(child.pid ?? 0, another).traces).toEqual([]);
  });
});

describe.skipIf(!root)(`a holder's memory${because}`, () => {
  test.each(CURVES)(
    "with %s, after %i signatures of two wallets: the key of each once, locked, and nothing else",
    async (name, count, curve) => {
      const signer = start({ env: { SLUICE_CURVE: curve } });
      await signer.unlock();
      const { children: used, signatures } = await sign(count);
      expect(signatures).toBe(count);
      const pid = signer.child.pid ?? 0;
      const search = prepareSearch([...accounts, ...origins, ...used]);
      const scan = scanMemory(pid, search);
      const { bytesRead, regions, lockedRegions, unreadable } = scan;
      const traces = scan.traces.filter(isTrace);
      process.stderr.write(
        `memory: ${name}: ${signatures} signatures, ${(bytesRead / 2 ** 20).toFixed(0)} MiB in ${regions} regions, ` +
          `${lockedRegions} of them locked; account keys found ${traces.filter(({ locked }) => locked).length} times in ` +
          `locked memory, they, their origins or one of ${used.length} child keys ${traces.filter(({ locked }) => !locked).length} times outside\n`,
      );
      const found = traces.map(({ secret, form, whole, locked }) => ({ secret, form, whole, locked }));
      expect(found.toSorted((one, other) => (one.secret < other.secret ? -1 : 1))).toEqual(
        accounts.map(({ name: secret }) => ({ secret, form: "raw", whole: true, locked: true })),
      );
      expect(unreadable).toEqual([]);
      expect(bytesRead).toBeGreaterThan(20 * 2 ** 20);

      const outside = [folder, `/proc/${pid}/environ`, `/proc/${pid}/cmdline`].flatMap(filesOf);
      expect(outside.some((path) => path.includes("/journal/"))).toBe(true);
      for (const path of outside) expect(scanBytes(readFileSync(path), search).filter(isTrace), path).toEqual([]);
      const said = Buffer.from(JSON.stringify(signer.lines));
      expect(scanBytes(said, search).filter(isTrace)).toEqual([]);

      // The one is locked at its console first, the other is just told to stop: of neither anything is left.
      if (curve !== "addon") {
        await callConsole(signer.console, "lock");
        expect(scanMemory(pid, search).traces.filter(isTrace)).toEqual([]);
      }
      // At its end, with its memory still there.
      const watch = await watchExit(pid);
      signer.child.kill("SIGTERM");
      expect(await watch.next()).toBe("at its end");
      const atItsEnd = scanMemory(pid, search);
      expect(atItsEnd.traces.filter(isTrace)).toEqual([]);
      expect(atItsEnd.bytesRead).toBeGreaterThan(20 * 2 ** 20);
      watch.letGo();
      expect(await watch.next()).toBe("gone without a core");
      expect(await signer.ended).toEqual({ code: 0, signal: null });
    },
    WITHIN_MS,
  );
});

const UNPRIVILEGED = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"] as const;
const canDrop = root && spawnSync(UNPRIVILEGED[0], [...UNPRIVILEGED.slice(1), "true"]).status === 0;
const cannot = canDrop ? "" : " (skipped: this takes root and setpriv)";

describe.skipIf(!canDrop)(`from outside${cannot}`, () => {
  test("a process of the same user reads and traces it no more than a stranger's, and none of its crashes leaves a core", async () => {
    const signer = start({ before: UNPRIVILEGED });
    await signer.unlock();
    const [program, ...wrapping] = UNPRIVILEGED;
    const large = ["sh", "-c", 'ulimit -S -c "$(ulimit -H -c)" && exec sleep 1000'];
    const control = spawn(program, [...wrapping, ...large], { stdio: "ignore", cwd: folder });
    children.push(control);
    await once(control, "spawn");
    const pids = { holder: signer.child.pid ?? 0, control: control.pid ?? 0 };
    await expect.poll(() => readFileSync(`/proc/${pids.control}/comm`, "utf8")).toBe("sleep\n");

    const opens = (pid: number, file: string) =>
      spawnSync(program, [...wrapping, "head", "-c", "1", `/proc/${pid}/${file}`]).status === 0;
    for (const file of ["environ", "maps", "auxv"]) {
      expect(opens(pids.control, file), `control's ${file}`).toBe(true);
      expect(opens(pids.holder, file), file).toBe(false);
    }
    expect(await (await watchExit(pids.holder, UNPRIVILEGED)).first).toBe("refused");

    expect(readFileSync(`/proc/${pids.holder}/limits`, "utf8")).toMatch(/^Max core file size +0 +0 /m);
    // Where root may, it takes away the limit that the holder gave itself: what is not dumpable leaves no core all the same.
    spawnSync("prlimit", [`--pid=${pids.holder}`, "--core=unlimited:unlimited"]);
    const ends: Record<string, string> = {};
    for (const [who, pid] of Object.entries(pids)) {
      const watch = await watchExit(pid);
      process.kill(pid, "SIGSEGV");
      expect(await watch.next()).toBe("at its end");
      watch.letGo();
      ends[who] = await watch.next();
    }
    expect(ends).toEqual({ holder: "gone without a core", control: "gone with a core" });
  });
});

function start(options: Partial<Parameters<typeof startSigner>[0]>): Signer {
  const signer = startSigner({ folder, seals, held, ...options });
  children.push(signer.child);
  return signer;
}

/** Speaks for semi-offline-risk; answers with the child keys that the signatures were made with. */
async function sign(count: number): Promise<{ readonly children: readonly Secret[]; readonly signatures: number }> {
  let signatures = 0;
  const answered = new EventTarget();
  const bridge = openBridge({
    carrier: unixListener(join(folder, "holder.sock")),
    localName: "semi-offline-risk",
    peerName: HOLDER,
    session: testBridgeSession("semi-offline-risk", HOLDER),
    onMessage: async (bytes) => {
      const opened = open(seals.trust, bytes, ["signing.answered.v1", "holder.reported.v1"]);
      if (!opened.ok || opened.value.type !== "signing.answered.v1") return;
      const { answer } = opened.value.message;
      if (answer.case === "refusal") throw new Error(`${answer.value.code}: ${answer.value.reason}`);
      signatures += answer.value?.inputs.length ?? 0;
      answered.dispatchEvent(new Event("answer"));
    },
  });
  try {
    for (let order = 0; order < count / INPUTS; order += 1) {
      const { wallet } = wallets[order % wallets.length] as FixtureWallet;
      const coins = Array.from({ length: INPUTS }, (_, at) => fund(wallet, 20_000n, at % POSITIONS));
      const message = makeOrder(seals, wallet, {
        coins,
        requests: [request(`memory-${order}`)],
        feeRateSatPerVbyte: 1,
      });
      const { taskId: id, walletId: key } = message;
      const envelope = { id, key, occurredAtMs: NOW_MS, message };
      await bridge.send(seal(seals.sealer("semi-offline-risk"), "signing.ordered.v1", envelope));
    }
    while (signatures < count) await once(answered, "answer");
  } finally {
    await bridge.close();
  }
  return { children: childKeys(), signatures };
}

/** The private keys from the seed down to the accounts' parents, and the chain codes that nobody but the holder knows. */
function nodesAbove(seed: Uint8Array): readonly Secret[] {
  const curve = loadNativeCurve();
  const nodes: PrivateNode[] = [masterNode(seed, curve)];
  for (const step of [48, 1]) nodes.push(hardenedChild(nodes.at(-1) as PrivateNode, step, curve));
  const coin = nodes.at(-1) as PrivateNode;
  nodes.push(...wallets.map((_, number) => hardenedChild(coin, number, curve)));
  return nodes.flatMap(({ key, chainCode }, at) => [
    { name: `key ${at} above the accounts`, bytes: key },
    { name: `chain code ${at} above the accounts`, bytes: chainCode },
  ]);
}

function childKeys(): readonly Secret[] {
  const curve = loadNativeCurve();
  return wallets.flatMap(({ wallet: { walletId, descriptor }, secrets }) =>
    Array.from({ length: POSITIONS }, (_, index) => {
      const { tweak } = childKey(descriptor, descriptor.holders[0].fingerprint, { branch: 0, index });
      const name = `child key 0/${index} of ${walletId}`;
      return { name, bytes: curve.privateKeyTweakAdd(Buffer.from(secrets[0]), tweak) };
    }),
  );
}

type ExitWatch = { readonly first: Promise<string>; readonly next: () => Promise<string>; readonly letGo: () => void };

async function watchExit(pid: number, before: readonly string[] = []): Promise<ExitWatch> {
  const [program = "", ...args] = [
    ...before,
    process.execPath,
    join(import.meta.dirname, "exit-watch.ts"),
    String(pid),
  ];
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => String((await lines.next()).value);
  const first = await next();
  if (first !== "traced" && before.length === 0) throw new Error(`process ${pid} cannot be traced: ${first}`);
  return { first: Promise.resolve(first), next, letGo: () => child.stdin.write("\n") };
}

function filesOf(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
