// Dead letters: seen, retried and discarded by hand.

import { createTrust } from "@sluice/contracts";
import { describe, expect, it } from "vitest";
import { discardDeadLetter, type Handlers, listDeadLetters, retryDeadLetter } from "../src/index.ts";
import { type Receiver, settle } from "../src/settle.ts";
import { deliveredAt, message, recordEffect, recordingHandlers, TYPE } from "./messages.ts";
import { createWorld, effectIds, killOthers, type World } from "./world.ts";

const failing: Handlers = {
  [TYPE]: async (tx) => {
    await tx.query("select 1/0");
  },
};

function receive(world: World, handlers: Handlers, envelope: Uint8Array, key: Uint8Array | null = null) {
  const receiver: Receiver = { ...world, handlers };
  return settle(receiver, [{ ...deliveredAt(7n, envelope), partition: 2, key }]);
}

async function onlyOpenOne(world: World) {
  const letters = await listDeadLetters(world.pool);
  expect(letters).toHaveLength(1);
  const [letter] = letters;
  if (letter === undefined) throw new Error("unreachable");
  return letter;
}

describe("a dead letter", () => {
  it("shows where it came from and why it is here", async () => {
    const world = await createWorld({ topics: [] });
    const envelope = message(world.sealers.gateway, "m");
    await receive(world, failing, envelope, Buffer.from("the key"));
    expect(await onlyOpenOne(world)).toEqual({
      id: 1n,
      group: world.group,
      topic: TYPE,
      partition: 2,
      offset: 7n,
      key: "the key",
      envelope: Buffer.from(envelope),
      code: "STATEMENT_FAILED",
      reason: "SQLSTATE 22012: division by zero",
      attempts: 1,
      parkedAt: expect.any(Date),
      attemptedAt: expect.any(Date),
      resolvedAt: null,
      resolution: null,
    });
  });

  it("takes any key and any reason, those that Postgres cannot hold as text too", async () => {
    const world = await createWorld({ topics: [] });
    const noisy: Handlers = {
      [TYPE]: async () => {
        throw new Error(`zero \0, half a pair \ud800, ${"long ".repeat(1_000)}`);
      },
    };
    await receive(world, noisy, message(world.sealers.gateway, "m"), Buffer.from([0, 255, 254, 65]));
    const letter = await onlyOpenOne(world);
    expect(letter.key).toBe("\uFFFD\uFFFD\uFFFDA");
    expect(letter.reason).toMatch(/^zero \uFFFD, half a pair \uFFFD, long/);
    expect(letter.reason).toHaveLength(2_000);
  });

  it("is handled by a retry once its cause is gone, and then closed", async () => {
    const world = await createWorld({ topics: [] });
    await receive(world, failing, message(world.sealers.gateway, "m"));
    const { id } = await onlyOpenOne(world);
    const still = await retryDeadLetter(world.pool, id, { trust: world.trust, handlers: failing });
    expect(still).toEqual({ ok: false, code: "STATEMENT_FAILED", reason: "SQLSTATE 22012: division by zero" });
    expect((await onlyOpenOne(world)).attempts).toBe(2);
    const retry = () => retryDeadLetter(world.pool, id, { trust: world.trust, handlers: recordingHandlers });
    expect(await retry()).toEqual({ ok: true, resolution: "handled" });
    expect(await retry()).toMatchObject({ ok: false, code: "DEAD_LETTER_RESOLVED" });
    expect(await effectIds(world.pool)).toEqual(["m"]);
    expect(await listDeadLetters(world.pool)).toEqual([]);
    const resolved = await listDeadLetters(world.pool, { resolved: true });
    expect(resolved).toMatchObject([{ id, attempts: 3, resolution: "handled" }]);
    expect((await receive(world, recordingHandlers, message(world.sealers.gateway, "m")))[0]?.outcome).toBe(
      "duplicate",
    );
  });

  it("opens on a retry when the missing key has been added to the trust", async () => {
    const world = await createWorld({ topics: [] });
    const { stranger } = world.sealers;
    await receive(world, recordingHandlers, message(stranger, "m"));
    const { id, code } = await onlyOpenOne(world);
    expect(code).toBe("SEAL_INVALID");
    const refused = await retryDeadLetter(world.pool, id, { trust: world.trust, handlers: recordingHandlers });
    expect(refused).toMatchObject({ ok: false, code: "SEAL_INVALID" });
    const trust = createTrust([
      { producer: stranger.producer, keyId: stranger.keyId, publicKey: world.strangersPublicKey },
    ]);
    expect(await retryDeadLetter(world.pool, id, { trust, handlers: recordingHandlers })).toMatchObject({ ok: true });
    expect(await effectIds(world.pool)).toEqual(["m"]);
  });

  it("closes as a duplicate when the message took effect meanwhile", async () => {
    const world = await createWorld({ topics: [] });
    const envelope = message(world.sealers.gateway, "m");
    await receive(world, failing, envelope);
    await receive(world, recordingHandlers, envelope);
    const { id } = await onlyOpenOne(world);
    const retried = await retryDeadLetter(world.pool, id, { trust: world.trust, handlers: recordingHandlers });
    expect(retried).toEqual({ ok: true, resolution: "duplicate" });
    expect(await effectIds(world.pool)).toEqual(["m"]);
  });

  it("stays as it was when the retry breaks off, and records what only the commit refuses", async () => {
    const world = await createWorld({ topics: [] });
    await world.pool.query(
      "create table entry (id text primary key, parent text references entry deferrable initially deferred)",
    );
    await receive(world, failing, message(world.sealers.gateway, "m"));
    const { id } = await onlyOpenOne(world);
    const cut: Handlers = {
      [TYPE]: async (tx, opened) => {
        await recordEffect(tx, opened);
        await killOthers(world.pool);
        await tx.query("select 1");
      },
    };
    await expect(retryDeadLetter(world.pool, id, { trust: world.trust, handlers: cut })).rejects.toThrow();
    expect((await onlyOpenOne(world)).attempts).toBe(1);
    const orphan: Handlers = {
      [TYPE]: async (tx) => {
        await tx.query("insert into entry values ('orphan', 'nobody')");
      },
    };
    const refused = await retryDeadLetter(world.pool, id, { trust: world.trust, handlers: orphan });
    expect(refused).toMatchObject({ ok: false, code: "STATEMENT_FAILED" });
    expect((await onlyOpenOne(world)).attempts).toBe(2);
    expect((await world.pool.query("select from inbox")).rowCount).toBe(0);
  });

  it("is not there, or cannot be handled here: a value says so", async () => {
    const world = await createWorld({ topics: [] });
    const retry = (id: bigint) => retryDeadLetter(world.pool, id, { trust: world.trust, handlers: {} });
    expect(await retry(99n)).toMatchObject({ ok: false, code: "DEAD_LETTER_UNKNOWN" });
    await receive(world, {}, message(world.sealers.gateway, "m"));
    expect(await retry((await onlyOpenOne(world)).id)).toMatchObject({ ok: false, code: "HANDLER_MISSING" });
  });

  it("is discarded once, and a copy that comes later does not open it again", async () => {
    const world = await createWorld({ topics: [] });
    const garbage = Buffer.from("garbage");
    await receive(world, recordingHandlers, garbage);
    const { id } = await onlyOpenOne(world);
    expect(await discardDeadLetter(world.pool, id)).toBe(true);
    expect(await discardDeadLetter(world.pool, id)).toBe(false);
    await receive(world, recordingHandlers, garbage);
    expect(await listDeadLetters(world.pool)).toEqual([]);
    const resolved = await listDeadLetters(world.pool, { resolved: true });
    expect(resolved).toMatchObject([{ id, resolution: "discarded", attempts: 2, code: "ENVELOPE_MALFORMED" }]);
  });
});
