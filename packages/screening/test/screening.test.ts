// Settings that are whole or nothing, a store that is missing or damaged, labels that are too old, and updates that were carried here.
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Change, type InForce, makeUpdate, sealUpdate } from "@sluice/address-labels";
import { createLogger, createMetrics } from "@sluice/runtime";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { openScreening, readScreeningPlace, SCREENING_OFF, type Screening } from "../src/index.ts";

const root = mkdtempSync(join(tmpdir(), "screening-"));
const open: Screening[] = [];
afterEach(async () => {
  for (const screening of open.splice(0)) await screening.stop();
});
afterAll(() => rmSync(root, { recursive: true }));

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const signers = {
  threshold: 1,
  signers: [
    {
      keyId: "research",
      publicKey: publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64"),
    },
  ],
};
const SCRIPT = Uint8Array.of(0, 20, ...new Uint8Array(20).fill(9));
const NOW = 1_750_000_000_000;

const place = () => ({
  directory: mkdtempSync(join(root, "store-")),
  updates: mkdtempSync(join(root, "updates-")),
  signers,
});

function start(
  where: ReturnType<typeof place>,
  { maxAgeMs = null as number | null, now = (): number => NOW } = {},
): Screening {
  const logger = createLogger({ service: "test", level: "silent" });
  const screening = openScreening({
    ...{
      place: where,
      network: "mainnet",
      metrics: createMetrics("test"),
      logger,
      now,
      maxAgeMs: () => maxAgeMs,
      everyMs: 5,
    },
  });
  open.push(screening);
  return screening;
}

function update(follows: InForce | null, tier: Change["label"]["tier"], key = privateKey) {
  const path = join(root, `made-${Math.random()}`);
  const label = { tier, category: "scam", source: "research", confidence: 90, sinceMs: NOW };
  const changes = [{ chain: "bitcoin", canonical: SCRIPT, label }];
  const { sha256, content } = makeUpdate({
    ...{ path, kind: follows === null ? "snapshot" : "delta", follows, madeAtMs: NOW, changes },
  } as const);
  sealUpdate(path, { keyId: "research", privateKey: key });
  return { bytes: readFileSync(path), inForce: { version: content.version, sha256 } };
}

const version = (screening: Screening) => expect.poll(() => screening.status()?.version ?? 0, { interval: 5 });

describe("settings", () => {
  it("are all there or none is", () => {
    expect(readScreeningPlace({})).toBeNull();
    const whole = {
      SLUICE_LABELS_DIRECTORY: "/a",
      SLUICE_LABELS_UPDATES: "/b",
      SLUICE_LABELS_SIGNERS_FILE: signers,
    };
    expect(readScreeningPlace(whole)).toEqual({ directory: "/a", updates: "/b", signers });
    for (const name of Object.keys(whole)) {
      expect(() => readScreeningPlace({ ...whole, [name]: undefined })).toThrow(name);
    }
    expect(() => readScreeningPlace({ ...whole, SLUICE_LABELS_UPDATES: "/a" })).toThrow("another folder");
  });

  it("without them nothing is screened, and that is said", () => {
    expect([SCREENING_OFF.screenScript(SCRIPT), SCREENING_OFF.status()]).toEqual([{ kind: "off" }, null]);
  });
});

describe("screening", () => {
  it("takes updates that were carried here once their seals hold, and keeps none that is in force", async () => {
    const where = place();
    const screening = start(where);
    const first = update(null, "black");
    const second = update(first.inForce, "grey");
    expect(screening.offer(update(null, "black", generateKeyPairSync("ed25519").privateKey).bytes)).toBe(
      "LABELS_SEAL_WRONG",
    );
    expect(screening.offer(Buffer.from("something else"))).toBe("LABELS_MALFORMED");
    expect(readdirSync(where.updates)).toEqual([]);
    // The order in which they come does not matter.
    expect(screening.offer(second.bytes)).toBe("LABELS_OFFERED");
    expect(screening.offer(first.bytes)).toBe("LABELS_OFFERED");
    await version(screening).toBe(2);
    expect(screening.screenScript(SCRIPT)).toMatchObject({ kind: "labels", version: 2, labels: [{ tier: "grey" }] });
    expect(screening.offer(second.bytes)).toBe("LABELS_KNOWN");
    await expect.poll(() => readdirSync(where.updates), { interval: 5 }).toEqual([]);
  });

  it("calls labels that are too old unknown, and not absent", async () => {
    let nowMs: number = NOW;
    const screening = start(place(), { maxAgeMs: 1_000, now: () => nowMs });
    screening.offer(update(null, "white").bytes);
    await version(screening).toBe(1);
    nowMs = NOW + 1_000;
    expect(screening.screenScript(SCRIPT)).toMatchObject({ kind: "labels" });
    nowMs += 1;
    expect(screening.screenScript(SCRIPT)).toMatchObject({ kind: "unknown", code: "LABELS_TOO_OLD" });
  });

  it("serves with a store that it cannot read, and knows nothing then", async () => {
    const where = place();
    const before = start(where);
    before.offer(update(null, "white").bytes);
    await version(before).toBe(1);
    await before.stop();
    open.splice(0);
    writeFileSync(join(where.directory, "CURRENT"), "{}\n");
    const screening = start(where);
    expect(screening.screenScript(SCRIPT)).toMatchObject({ kind: "unknown", code: "LABELS_STORE_DAMAGED" });
  });
});
