// A short run of every fuzz target, every crash that was ever found, and proof that a bug in a parser is found.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseMessageFrame } from "../../packages/bridge/src/message-frame.ts";
import { messageFrameTarget } from "./bridge-targets.ts";
import { storeCrash, storedCrashes } from "./crashes.ts";
import { fuzzTarget, type Target } from "./fuzz-target.ts";
import { TARGETS as PLANTED_TARGETS } from "./planted-targets.ts";
import { TARGETS } from "./targets.ts";

const SEED = Number(process.env["SLUICE_FUZZ_SEED"] ?? 1);
/** Of a hundred thousand inputs shared out over all targets: this part. `pnpm fuzz` runs ten million. */
const PART = 0.6;

describe("every target", () => {
  it.each(TARGETS)("$name: nothing is thrown, nothing is broken, and something is accepted", (target) => {
    const counts = fuzzTarget(target, { seed: SEED, inputs: Math.ceil(target.share * PART) });
    expect(counts.crash).toBeUndefined();
    // A run in which everything is refused at the door would show little.
    expect(counts.accepted).toBeGreaterThan(0);
    expect(Object.keys(counts.refused).length).toBeGreaterThan(0);
    process.stdout.write(`fuzz ${target.name}: ${JSON.stringify(counts)}\n`);
  });

  it("takes its own seeds", () => {
    for (const target of TARGETS) {
      const outcomes = target.seeds.map((seed) => target.run(seed));
      expect(outcomes, target.name).toContain("accepted");
    }
  });
});

describe("inputs that broke something once", () => {
  const crashes = storedCrashes();

  it(`are ${crashes.length}, and break nothing any more`, () => {
    for (const { file, target: name, input } of crashes) {
      const target = TARGETS.find((one) => one.name === name);
      if (target === undefined) throw new Error(`${file} names no target`);
      expect(() => target.run(input), file).not.toThrow();
    }
  });

  it("are stored by a run that finds one, and found again", () => {
    const folder = mkdtempSync(join(tmpdir(), "crashes-"));
    try {
      storeCrash({ target: "message frame", input: Uint8Array.of(1, 2, 3), error: "" }, folder);
      const [stored] = storedCrashes(folder);
      expect(stored).toMatchObject({ target: "message frame", input: Buffer.of(1, 2, 3) });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** Bugs of the kind that parsers have; each stands in for one line of ours. */
const PLANTED: readonly (readonly [name: string, target: Target])[] = [
  [
    "a header is read without looking whether it is there",
    messageFrameTarget((bytes) => {
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readBigUInt64BE(9);
      return parseMessageFrame(bytes);
    }),
  ],
  [
    "a length is taken for one more than it is",
    messageFrameTarget((bytes) => {
      const frame = parseMessageFrame(bytes);
      if (frame.kind !== "fragment") return frame;
      return { ...frame, fragment: { ...frame.fragment, offset: frame.fragment.offset + 1 } };
    }),
  ],
  [
    "bytes behind the end are not noticed",
    messageFrameTarget((bytes) => parseMessageFrame(bytes[0] === 2 ? bytes.subarray(0, 17) : bytes)),
  ],
];

describe("the command", () => {
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, [join(import.meta.dirname, "run.ts"), "--inputs", "3000", "--seed", "5", ...args], {
      encoding: "utf8",
    });

  it("counts, and ends with 0 when nothing broke", () => {
    const { status, stdout } = run("--target", "message frame");
    expect(stdout).toMatch(/fuzz: 3000 inputs, [1-9][0-9]* accepted, 0 crashes/);
    expect(status).toBe(0);
  });

  it("ends with 1 on a crash and stores the input that did it", () => {
    const folder = mkdtempSync(join(tmpdir(), "crashes-"));
    try {
      const { status, stdout } = run("--table", "./planted-targets.ts", "--crashes", folder);
      expect(stdout).toMatch(/CRASH planted frame: /);
      expect(status).toBe(1);
      const stored = storedCrashes(folder);
      expect(stored.length).toBeGreaterThan(0);
      for (const { input } of stored) expect(() => PLANTED_TARGETS[0]?.run(input)).toThrow();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("does not know other targets", () => expect(run("--target", "nothing").status).toBe(64));
});

describe("a planted bug", () => {
  it.each(PLANTED)("is found: %s", (_, target) => {
    const { crash, inputs } = fuzzTarget(target, { seed: SEED, inputs: 20_000 });
    expect(crash).toBeDefined();
    process.stdout.write(`fuzz: planted, found after ${inputs} inputs: ${crash?.error.split("\n")[0]}\n`);
    expect(() => target.run(crash?.input ?? new Uint8Array(0))).toThrow();
  });
});
