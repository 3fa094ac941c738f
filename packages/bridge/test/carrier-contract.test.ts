// Every carrier on every medium that is here keeps every promise; and carriers with planted bugs are found out.
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Carrier } from "../src/carrier.ts";
import { PROMISES, tryPromise } from "./carrier-contract.ts";
import { MEDIA, type MediumKind } from "./media/index.ts";
import { unixSocket } from "./media/stream-media.ts";
import { PLANTED } from "./planted-carriers.ts";

/** A broken carrier may simply never do what is waited for. Far longer than any promise takes on a Unix socket. */
const BROKEN_AFTER_MS = 1_000;

const kinds = await Promise.all(MEDIA.map(async (kind) => ({ ...kind, reason: await kind.unavailable() })));
for (const { reason } of kinds) if (reason !== undefined) process.stdout.write(`skipped: ${reason}\n`);

describe.each(kinds)("$name", (kind) => {
  test.skipIf(kind.reason !== undefined).each(PROMISES)("$name", ({ keep }) => tryPromise(kind, keep));
});

test("every medium was tried or its absence explained", () => {
  const tried = kinds.filter(({ reason }) => reason === undefined).map(({ name }) => name);
  process.stdout.write(`carriers: ${tried.length} of ${kinds.length} media tried: ${tried.join(", ")}\n`);
  expect(tried.length).toBeGreaterThan(3);
});

describe("a carrier that", () => {
  test.each(PLANTED)("$bug is found out", async ({ breaks, plant }) => {
    const promise = PROMISES.find(({ name }) => name.startsWith(breaks));
    if (promise === undefined) throw new Error(`there is no promise "${breaks}"`);
    const kept = tryPromise(plantedIn(unixSocket, plant), promise.keep).then(
      () => "kept",
      () => "broken",
    );
    expect(await Promise.race([kept, pause(BROKEN_AFTER_MS, "broken", { ref: false })])).toBe("broken");
  });
});

function plantedIn(kind: MediumKind, plant: (carrier: Carrier) => Carrier): MediumKind {
  return {
    ...kind,
    open: async () => {
      const medium = await kind.open();
      return { ...medium, left: () => plant(medium.left()), right: () => plant(medium.right()) };
    },
  };
}
