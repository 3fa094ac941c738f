// Two native libraries of different origin for one curve: both answer alike, and a wrong or writable one is refused.
import { randomBytes } from "node:crypto";
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findCurveLibrary } from "@sluice/devstack";
import { loadNativeCurve, type NativeCurve } from "@sluice/keys";
import { afterAll, describe, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "curve-"));
afterAll(() => rmSync(folder, { recursive: true }));

const PAIRS = 1_000;
const addon = loadNativeCurve();
const library = await findCurveLibrary(() => {});
const path = "path" in library ? library.path : "";
const because = "missing" in library ? ` (skipped: ${library.missing})` : "";

describe.skipIf(because !== "")(`the distribution's library${because}`, () => {
  test(`answers as the addon does for ${PAIRS} random keys, tweaks and digests`, () => {
    const other = loadNativeCurve({ kind: "library", path });
    for (const curve of [addon, other]) curve.contextRandomize(randomBytes(32));
    const faults: string[] = [];
    for (let pair = 0; pair < PAIRS; pair += 1) {
      const [key, tweak, digest] = [randomBytes(32), randomBytes(32), randomBytes(32)];
      const [first, second] = [addon, other].map((curve) => answers(curve, key, tweak, digest));
      if (first !== second) faults.push(`${key.toString("hex")}: ${first} and ${second}`);
    }
    expect(faults).toEqual([]);
  });

  test("is refused when group or others may write it", () => {
    const writable = join(folder, "libsecp256k1.so.1");
    copyFileSync(path, writable);
    chmodSync(writable, 0o666);
    expect(() => loadNativeCurve({ kind: "library", path: writable })).toThrow("may be written by group or others");
    chmodSync(writable, 0o644);
    expect(() => loadNativeCurve({ kind: "library", path: writable })).not.toThrow();
  });

  test("reads no further than it is given", () => {
    const curve = loadNativeCurve({ kind: "library", path });
    expect(() => curve.ecdsaSign(randomBytes(31), randomBytes(32))).toThrow("32 bytes are needed");
    expect(() => curve.privateKeyVerify(randomBytes(33))).toThrow("32 bytes are needed");
  });
});

/** All that a curve says about a key, a tweak and a digest. */
function answers(curve: NativeCurve, key: Buffer, tweak: Buffer, digest: Buffer): string {
  const child = Buffer.from(key);
  curve.privateKeyTweakAdd(child, tweak);
  return [
    String(curve.privateKeyVerify(key)),
    child.toString("hex"),
    Buffer.from(curve.publicKeyCreate(child, true)).toString("hex"),
    Buffer.from(curve.publicKeyCreate(child, false)).toString("hex"),
    Buffer.from(curve.ecdsaSign(digest, child).signature).toString("hex"),
  ].join(" ");
}
