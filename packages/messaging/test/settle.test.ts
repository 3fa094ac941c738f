// The inbox against every order of deliveries, on real Postgres without a broker: each message once, nothing swallowed.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OperatingError } from "../src/index.ts";
import { type Receiver, settle } from "../src/settle.ts";
import { deliveredAt, message, recordEffect, TYPE } from "./messages.ts";
import { createWorld, effectIds, type World } from "./world.ts";

type Delivery =
  | { readonly kind: "good"; readonly id: number }
  | { readonly kind: "garbage"; readonly id: number }
  | { readonly kind: "forged"; readonly id: number }
  | { readonly kind: "failing"; readonly id: number };

const delivery: fc.Arbitrary<Delivery> = fc.record({
  kind: fc.constantFrom("good", "good", "good", "garbage", "forged", "failing"),
  id: fc.integer({ min: 1, max: 8 }),
});
const batches = fc.array(
  fc.record({ deliveries: fc.array(delivery, { minLength: 1, maxLength: 12 }), rollBackFirst: fc.boolean() }),
  { minLength: 1, maxLength: 6 },
);

const nameOf = ({ kind, id }: Delivery): string => `${kind}-${id}`;

function envelopeOf(world: World, delivered: Delivery): Uint8Array {
  const { gateway, stranger } = world.sealers;
  if (delivered.kind === "garbage") return Buffer.from(nameOf(delivered));
  return message(delivered.kind === "forged" ? stranger : gateway, nameOf(delivered));
}

function receiverOf(world: World, overrides: Partial<Receiver> = {}): Receiver {
  return {
    ...world,
    handlers: {
      [TYPE]: async (tx, opened) => {
        await recordEffect(tx, opened);
        if (opened.id === "later") throw new OperatingError("LATER", "retry", "not now");
        if (opened.id.startsWith("failing")) throw new Error("the handler does not like it");
      },
    },
    ...overrides,
  };
}

const distinct = (names: readonly string[]): readonly string[] => [...new Set(names)];

describe("settle", () => {
  it("gives each good message one effect in the order of first delivery, and parks each bad one once", async () => {
    const world = await createWorld({ topics: [] });
    await fc.assert(
      fc.asyncProperty(batches, async (sequence) => {
        await world.pool.query("truncate inbox, dead_letter, effect");
        let offset = 0n;
        for (const { deliveries, rollBackFirst } of sequence) {
          const messages = deliveries.map((one) => deliveredAt(offset++, envelopeOf(world, one)));
          if (rollBackFirst) {
            const last = deliveredAt(offset, message(world.sealers.gateway, "later"));
            await expect(settle(receiverOf(world), [...messages, last])).rejects.toThrow("not now");
          }
          const settled = await settle(receiverOf(world), messages);
          expect(settled.map((one) => one.delivered)).toEqual(messages);
        }
        const all = sequence.flatMap(({ deliveries }) => deliveries);
        const good = distinct(all.filter(({ kind }) => kind === "good").map(nameOf));
        expect(await effectIds(world.pool)).toEqual(good);
        const bad = all.filter(({ kind }) => kind !== "good").map(nameOf);
        const { rows } = await world.pool.query<{ n: bigint; attempts: bigint | null }>(
          "select count(*) as n, sum(attempts) as attempts from dead_letter",
        );
        expect(rows[0]?.n).toBe(BigInt(distinct(bad).length));
        expect(Number(rows[0]?.attempts)).toBe(bad.length);
      }),
      { numRuns: 40 },
    );
  });

  it("parks a message that comes again under its id with another content, and skips one that was only sealed again", async () => {
    const world = await createWorld({ topics: [] });
    const { gateway } = world.sealers;
    const envelopes = [
      message(gateway, "m", "k", 1, 1_000),
      message(gateway, "m", "k", 1, 2_000),
      message(gateway, "m", "k", 2),
      message(gateway, "m", "other key", 1),
    ];
    const settled = await settle(
      receiverOf(world),
      envelopes.map((envelope, index) => deliveredAt(BigInt(index), envelope)),
    );
    expect(settled.map(({ outcome, code }) => [outcome, code])).toEqual([
      ["handled", undefined],
      ["duplicate", undefined],
      ["parked", "MESSAGE_ID_REUSED"],
      ["parked", "MESSAGE_ID_REUSED"],
    ]);
    expect(await effectIds(world.pool)).toEqual(["m"]);
  });

  it("finds the message whose work only the commit refuses, and keeps the others", async () => {
    const world = await createWorld({ topics: [] });
    await world.pool.query(
      "create table entry (id text primary key, parent text references entry deferrable initially deferred)",
    );
    const messages = ["m-1", "orphan", "m-2"].map((id, index) =>
      deliveredAt(BigInt(index), message(world.sealers.gateway, id)),
    );
    const handlers: Receiver["handlers"] = {
      [TYPE]: async (tx, { id }) => {
        await tx.query("insert into entry values ($1, $2)", [id, id === "orphan" ? "nobody" : null]);
      },
    };
    const settled = await settle(receiverOf(world, { handlers }), messages);
    expect(settled.map(({ outcome, code }) => [outcome, code])).toEqual([
      ["handled", undefined],
      ["parked", "STATEMENT_FAILED"],
      ["handled", undefined],
    ]);
    expect((await world.pool.query("select id from entry order by id")).rows).toEqual([{ id: "m-1" }, { id: "m-2" }]);
    expect((await world.pool.query("select from inbox")).rowCount).toBe(2);
  });

  it("lets two instances that hold the same messages at once give each one effect", async () => {
    const world = await createWorld({ topics: [] });
    const messages = Array.from({ length: 50 }, (_, index) =>
      deliveredAt(BigInt(index), message(world.sealers.gateway, `m-${index}`)),
    );
    const outcomes = (await Promise.all([1, 2, 3].map(() => settle(receiverOf(world), messages)))).flat();
    expect(outcomes.filter(({ outcome }) => outcome === "handled")).toHaveLength(50);
    expect(outcomes.filter(({ outcome }) => outcome === "duplicate")).toHaveLength(100);
    expect(await effectIds(world.pool)).toEqual(messages.map((_, index) => `m-${index}`));
  });
});
