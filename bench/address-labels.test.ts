// The set of `pnpm bench:labels`, small: built, sealed and installed as the large one is, and every address of it is found, and no other.
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLabelStore } from "@sluice/address-labels";
import { afterAll, expect, it } from "vitest";
import { addressOf, buildSet } from "./address-labels-set.ts";
import { measureLatency, measureRate } from "./address-labels-timing.ts";

const COUNT = 200_000;
const directory = mkdtempSync(join(tmpdir(), "labels-bench-"));
afterAll(() => rmSync(directory, { recursive: true }));

it("a seeded set of 200,000 labels answers exactly, and says what it costs", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
  const signers = { threshold: 1, signers: [{ keyId: "bench", publicKey: raw }] };
  const update = buildSet({
    directory,
    count: COUNT,
    seed: 7,
    signer: { keyId: "bench", privateKey },
    say: () => undefined,
  });
  const onMergeFailed = (reason: string) => expect.unreachable(reason);
  const store = openLabelStore({ directory: join(directory, "store"), signers, now: Date.now, onMergeFailed });
  expect(await store.install(update)).toMatchObject({ ok: true, value: { records: COUNT, segments: 1 } });
  const found = (seed: number, number: number): number => {
    const { chain, canonical } = addressOf(seed, number);
    const labels = store.find(chain, canonical);
    return labels.ok ? labels.value.length : expect.unreachable(labels.refusal.code);
  };
  let [hits, misses, wrong] = [0, 0, 0];
  for (let number = 0; number < COUNT; number += 4) {
    if (found(7, number) === 1) hits += 1;
    else wrong += 1;
    if (found(8, number) === 0) misses += 1;
    else wrong += 1;
  }
  expect([hits, misses, wrong]).toEqual([COUNT / 4, COUNT / 4, 0]);
  const hit = (at: number) => addressOf(7, at);
  const find = ({ chain, canonical }: ReturnType<typeof hit>) => store.find(chain, canonical);
  process.stdout.write(
    `${statSync(update).size} bytes; ${measureLatency(5_000, hit, find)}; ${measureRate(10_000, hit, find)}\n`,
  );
  store.close();
});
