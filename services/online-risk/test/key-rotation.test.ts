// A backend's key is replaced while its requests are answered: none fails, and the old key ends.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { SluiceClient } from "@sluice/client";
import { expect, it, vi } from "vitest";
import { createKey, type TestKey, trustEntry } from "./keys.ts";
import type { World } from "./world.ts";
import { clientOf, createWorld, newWithdrawal } from "./world.ts";

it("keys are swapped under traffic without a failed request; a file at fault changes nothing, and is said", async () => {
  const world = await createWorld();
  const running = await world.start();
  const old = world.keys.backend;
  const next = createKey("exchange-backend", "backend-next");
  const early = createKey("exchange-backend", "backend-early");
  const traffic = keepPosting(clientOf(running, old));
  const nextClient = clientOf(running, next);
  const codeOf = (client: SluiceClient) =>
    client.listWithdrawals({ limit: 1 }).then(
      () => "OK",
      (error: { readonly code: string }) => error.code,
    );
  const soon = { timeout: 20_000, interval: 50 };

  expect(await codeOf(nextClient)).toBe("KEY_UNKNOWN");
  // A row whose public half nobody knows yet: all stays as it was, until the other file follows.
  change(world, "SLUICE_API_KEYS_FILE", (rows) => [
    ...rows,
    { ...rowOf(rows, old), keyId: next.keyId },
    { ...rowOf(rows, old), keyId: early.keyId, notBefore: "2100-01-01T00:00:00Z" },
  ]);
  await vi.waitFor(() => expect(running.log.some(({ msg }) => msg.includes("stay as they were"))).toBe(true), soon);
  expect(await metric(running.internal)).toBe("1");
  expect([await codeOf(nextClient), await codeOf(clientOf(running, old))]).toEqual(["KEY_UNKNOWN", "OK"]);
  change(world, "SLUICE_TRUST_FILE", (rows) => [...rows, trustEntry(next), trustEntry(early)]);
  await vi.waitFor(async () => expect(await codeOf(nextClient)).toBe("OK"), soon);
  expect(await metric(running.internal)).toBe("0");
  expect(await codeOf(clientOf(running, early))).toBe("KEY_NOT_YET_VALID");

  // Both count; the backend changes over, and only then the old key ends.
  expect(await codeOf(clientOf(running, old))).toBe("OK");
  const postedByOld = traffic.switchTo(nextClient);
  await vi.waitFor(() => expect(traffic.posted()).toBeGreaterThan(postedByOld + 5), soon);
  change(world, "SLUICE_API_KEYS_FILE", (rows) =>
    rows.map((row) => (row["keyId"] === old.keyId ? { ...row, notAfter: "2020-01-01T00:00:00Z" } : row)),
  );
  await vi.waitFor(async () => expect(await codeOf(clientOf(running, old))).toBe("KEY_EXPIRED"), soon);
  const atTheEnd = traffic.posted();
  await vi.waitFor(() => expect(traffic.posted()).toBeGreaterThan(atTheEnd + 5), soon);
  expect(await traffic.stop()).toEqual([]);
  process.stderr.write(`rotation: ${traffic.posted()} requests, none failed\n`);
});

type Row = Readonly<Record<string, unknown>>;

function rowOf(rows: readonly Row[], { keyId }: TestKey): Row {
  return rows.find((row) => row["keyId"] === keyId) ?? {};
}

/** Written beside it and put into its place, so that nobody reads half of it. */
function change({ env }: World, name: string, to: (rows: readonly Row[]) => readonly object[]): void {
  const path = env[name] ?? "";
  writeFileSync(`${path}.new`, JSON.stringify(to(JSON.parse(readFileSync(path, "utf8")) as readonly Row[])));
  renameSync(`${path}.new`, path);
}

/** One withdrawal after the other, each tried once; a call in flight ends with the key that it began with. */
function keepPosting(first: SluiceClient) {
  let client = first;
  let posted = 0;
  let going = true;
  const failed: unknown[] = [];
  const loop = (async () => {
    while (going) {
      await client.createWithdrawal(newWithdrawal()).catch((error: unknown) => failed.push(error));
      posted += 1;
    }
  })();
  return {
    posted: () => posted,
    switchTo: (next: SluiceClient) => {
      client = next;
      return posted;
    },
    stop: async () => {
      going = false;
      await loop;
      return failed;
    },
  };
}

async function metric(internal: string): Promise<string | undefined> {
  const text = await (await fetch(`${internal}/metrics`)).text();
  return /^sluice_online_risk_key_files_at_fault_info(?:\{[^}]*\})? (.+)$/m.exec(text)?.[1];
}
