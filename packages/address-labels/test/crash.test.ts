// Crashes at every effect on disk, with all that was not synced lost; every bit flipped; blocks that rot under a store that serves.
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { DISK, type Disk, LABEL_REFUSALS, openLabelReader, openLabelStore } from "../src/index.ts";
import { addressNumber, labelled, Publisher, SIGNERS } from "./publisher.ts";

const root = mkdtempSync(join(tmpdir(), "address-labels-"));
afterAll(() => rmSync(root, { recursive: true }));
const folder = () => mkdtempSync(join(root, "one-"));
const options = (directory: string) => ({
  ...{ directory, signers: SIGNERS, now: () => 1_750_000_000_000 },
  onMergeFailed: () => undefined,
});

class PowerCut extends Error {}

/** Ends at the n-th effect; what was written and not synced is then gone, torn or there, by turns. */
function failingDisk(at: number, syncs = true) {
  const files = new Map<number, { readonly path: string; dirty: boolean }>();
  const dirty = () => [...files.values()].filter((file) => file.dirty);
  let effects = 0;
  let isCut = false;
  const effect = <T>(act: () => T): T => {
    if (isCut) throw new PowerCut();
    effects += 1;
    if (effects === at) {
      isCut = true;
      for (const [turn, { path }] of dirty().entries()) lose(path, turn + at);
      throw new PowerCut();
    }
    return act();
  };
  const disk: Disk = {
    create: (path) =>
      effect(() => {
        const file = DISK.create(path);
        files.set(file, { path, dirty: true });
        return file;
      }),
    write: (file, bytes, position) => effect(() => DISK.write(file, bytes, position)),
    sync: (file) =>
      effect(() => {
        const known = files.get(file);
        if (known !== undefined && syncs) known.dirty = false;
      }),
    // A closed file can still be lost: it stays on the list under a number that is not used again.
    close: (file) => {
      const known = files.get(file);
      files.delete(file);
      if (known?.dirty === true) files.set(-1 - effects, known);
      DISK.close(file);
    },
    rename: (from, to) =>
      effect(() => {
        DISK.rename(from, to);
        for (const [file, known] of files) if (known.path === from) files.set(file, { ...known, path: to });
      }),
    remove: (path) => effect(() => DISK.remove(path)),
  };
  return { disk, count: () => effects };
}

function lose(path: string, turn: number): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return;
  if (turn % 3 === 0) truncateSync(path, 0);
  else if (turn % 3 === 1) truncateSync(path, Math.floor(size / 2));
}

const NUMBERS = Array.from({ length: 40 }, (_, number) => number);

/** What a store says of every address, or why it does not open. */
function everything(directory: string): string {
  try {
    const reader = openLabelReader(directory);
    try {
      return JSON.stringify([
        reader.status()?.version ?? 0,
        NUMBERS.map((number) => reader.find(addressNumber(number).chain, addressNumber(number).canonical)),
      ]);
    } finally {
      reader.close();
    }
  } catch (error) {
    return String(error);
  }
}

async function honestly(directory: string, paths: readonly string[]): Promise<void> {
  const store = openLabelStore(options(directory));
  for (const path of paths) await store.install(path);
  await store.settled();
  store.close();
}

/** Installs the updates on a store that has the first ones, with the power cut at this effect; true when it came to its end. */
async function cutAt(directory: string, paths: readonly string[], at: number, syncs = true) {
  const { disk, count } = failingDisk(at, syncs);
  try {
    const store = openLabelStore({ ...options(directory), disk });
    for (const path of paths) {
      await store.install(path);
      await store.settled();
    }
    store.close();
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error;
  }
  return { effects: count(), isWhole: count() < at };
}

describe("a crash", () => {
  const publisher = new Publisher(folder());
  const black = (from: number, to: number) => NUMBERS.slice(from, to).map((number) => labelled(number, "a", "black"));
  const paths = [
    publisher.publish("snapshot", black(0, 20)),
    publisher.publish("delta", [...black(20, 30), labelled(3, "a", "removed")]),
    publisher.publish("delta", [labelled(3, "b", "grey"), labelled(4, "a", "removed")]),
    publisher.publish("snapshot", black(10, 40)),
  ];
  const [first = "", ...later] = paths;

  /** Every version's answers, from an honest store. */
  async function versions(): Promise<readonly string[]> {
    const directory = folder();
    const said = [everything(directory)];
    for (const path of paths) {
      await honestly(directory, [path]);
      said.push(everything(directory));
    }
    return said;
  }

  it("at any effect leaves the old or the new, and the same updates come through afterwards", async () => {
    const known = await versions();
    let cuts = 0;
    const left = new Set<string>();
    for (let at = 1; ; at += 1) {
      const directory = folder();
      await honestly(directory, [first]);
      const { isWhole } = await cutAt(directory, later, at);
      const said = everything(directory);
      expect(known.slice(1)).toContain(said);
      left.add(said);
      await honestly(directory, later);
      expect(everything(directory)).toBe(known.at(-1));
      // One segment and the file that names it: nothing is left lying about.
      expect(readdirSync(directory).filter((file) => file.endsWith(".segment"))).toHaveLength(1);
      if (isWhole) break;
      cuts += 1;
    }
    process.stdout.write(`${cuts} power cuts, which left ${left.size} different versions\n`);
    expect([cuts > 30, left.size]).toEqual([true, 4]);
  });

  it("at any effect of the first installation leaves nothing or the first version", async () => {
    const known = await versions();
    let cuts = 0;
    for (let at = 1; ; at += 1, cuts += 1) {
      const directory = folder();
      const { isWhole } = await cutAt(directory, [first], at);
      expect(known.slice(0, 2)).toContain(everything(directory));
      await honestly(directory, [first]);
      expect(everything(directory)).toBe(known[1]);
      if (isWhole) break;
    }
    expect(cuts).toBeGreaterThan(8);
  });

  it("would show a store that does not sync (planted)", async () => {
    const known = await versions();
    let broken = 0;
    for (let at = 1; ; at += 1) {
      const directory = folder();
      await honestly(directory, [first]);
      const { isWhole } = await cutAt(directory, later, at, false);
      if (!known.includes(everything(directory))) broken += 1;
      if (isWhole) break;
    }
    expect(broken).toBeGreaterThan(0);
  });
});

describe("a flipped bit", () => {
  it("anywhere in an update is refused, and the version before goes on", async () => {
    const publisher = new Publisher(folder());
    const directory = folder();
    const store = openLabelStore(options(directory));
    await store.install(publisher.publish("snapshot", [labelled(1, "a", "black")]));
    const path = publisher.publish("delta", [labelled(2, "b", "grey"), labelled(3, "b", "white")]);
    const before = store.status();
    const bytes = readFileSync(path);
    const codes = new Map<string, number>();
    let flips = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      // Every byte that says something, and some of the zeros between.
      if (bytes[at] === 0 && at % 31 !== 0) continue;
      const damaged = Buffer.from(bytes);
      damaged[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
      writeFileSync(path, damaged);
      const answer = await store.install(path);
      const code = answer.ok ? "accepted" : answer.refusal.code;
      codes.set(code, (codes.get(code) ?? 0) + 1);
      flips += 1;
    }
    process.stdout.write(
      `${flips} flipped bits: ${[...codes].map(([code, count]) => `${code} ${count}`).join(", ")}\n`,
    );
    expect(flips).toBeGreaterThan(700);
    expect([...codes.keys()].filter((code) => !(code in LABEL_REFUSALS))).toEqual([]);
    expect(store.status()).toEqual(before);
    writeFileSync(path, bytes);
    expect(await store.install(path)).toMatchObject({ ok: true });
    store.close();
  });

  it("in a segment or in what names it never makes an answer", async () => {
    const publisher = new Publisher(folder());
    const directory = folder();
    const many = Array.from({ length: 300 }, (_, number) => labelled(number, "a", "black"));
    await honestly(directory, [publisher.publish("snapshot", many)]);
    let [refused, unopened, same] = [0, 0, 0];
    for (const name of readdirSync(directory)) {
      const path = join(directory, name);
      const { size } = statSync(path);
      for (let at = 0; at < size; at += 37) {
        const byte = readFileSync(path)[at] ?? 0;
        poke(path, at, byte ^ (1 << (at % 8)));
        try {
          const reader = openLabelReader(directory);
          for (let number = 0; number < 310; number += 10) {
            const { chain, canonical } = addressNumber(number);
            const found = reader.find(chain, canonical);
            if (!found.ok) refused += 1;
            else if (found.value.length === (number < 300 ? 1 : 0)) same += 1;
            else expect.unreachable(`byte ${at} of ${name} makes ${number} ${JSON.stringify(found.value)}`);
          }
          reader.close();
        } catch (error) {
          if (!(error instanceof Error) || error.name !== "LabelsBroken") throw error;
          unopened += 1;
        }
        poke(path, at, byte);
      }
    }
    process.stdout.write(`${refused} look-ups refused, ${unopened} times not opened, ${same} answers as before\n`);
    expect([refused > 1_000, unopened > 10, same > 1_000]).toEqual([true, true, true]);
  });
});

function poke(path: string, at: number, byte: number): void {
  const file = openSync(path, "r+");
  writeSync(file, Uint8Array.of(byte), 0, 1, at);
  closeSync(file);
}
