// A segment finds exactly the records that were put into it, also where many keys begin alike and blocks begin with one word.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { openSegment, openSegmentBuilder, pack } from "../src/index.ts";

const root = mkdtempSync(join(tmpdir(), "address-labels-"));
afterAll(() => rmSync(root, { recursive: true }));

const key = (first: number, rest: number): Uint32Array => Uint32Array.of(first, rest, 0, 0, 0, rest);
const CONTENT = { kind: "snapshot", version: 1, previousSha256: "", madeAtMs: 1 } as const;

/** Few first words, at both ends and in the middle of all there are: whole blocks begin alike. */
const words = fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff);

it("finds every record of a key and nothing of another", () => {
  let [records, blocks] = [0, 0];
  fc.assert(
    fc.property(fc.array(fc.tuple(words, fc.nat(400), fc.nat(3)), { minLength: 500, maxLength: 1_000 }), (some) => {
      const path = join(root, `${records}-${Math.random()}`);
      const builder = openSegmentBuilder(path, root, 5);
      for (const name of ["a", "b", "c", "d"]) builder.nameSource(name);
      builder.nameCategory("scam");
      const expected = new Map<string, Set<number>>();
      for (const [first, rest, source] of some) {
        builder.addPacked(key(first, rest), 7, pack("black", 50, 0, source));
        const id = `${first} ${rest}`;
        expected.set(id, (expected.get(id) ?? new Set()).add(source));
      }
      const { content, twice } = builder.finish(CONTENT);
      builder.discard();
      const segment = openSegment(path);
      const found = (first: number, rest: number): readonly number[] => {
        const sources: number[] = [];
        segment.find(key(first, rest), (_, packed) => sources.push(packed >>> 20));
        return sources;
      };
      for (const [id, sources] of expected) {
        const [first = 0, rest = 0] = id.split(" ").map(Number);
        expect(found(first, rest)).toEqual([...sources].toSorted());
      }
      for (const first of [0, 1, 2, 0x7fff_ffff, 0x9000_0000, 0xffff_ffff]) expect(found(first, 401)).toEqual([]);
      expect(content.body.records + twice).toBe(some.length);
      segment.close();
      records += content.body.records;
      blocks += content.body.blocks;
    }),
    { numRuns: 12 },
  );
  process.stdout.write(`${records} records in ${blocks} blocks\n`);
  expect(blocks).toBeGreaterThan(50);
});

it("refuses an address with more labels than a block has room", () => {
  const builder = openSegmentBuilder(join(root, "full"), root, 5);
  for (let source = 0; source < 128; source += 1) builder.addPacked(key(1, 1), 7, pack("black", 50, 0, source));
  expect(() => builder.finish(CONTENT)).toThrow("an address has more labels than a block has room");
  builder.discard();
});
