// Generated changes in great number: signed if and only if they are equal in meaning to what was honestly asked for.
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { HOLDERS, open } from "@sluice/contracts";
import { afterAll, expect, test } from "vitest";
import { answerOrder } from "../../services/semi-offline-signer/src/handlers/signing-ordered.ts";
import { type Judged, KINDS, openGenerator } from "./generated.ts";
import { NOW_MS, sealOrder, trust } from "./honest.ts";
import { seeded } from "./mutate.ts";
import { rememberGoodSignatures } from "./remembered-seals.ts";

const COUNT = Number(process.env["SLUICE_MUTATIONS"] ?? 100_000);
const SEED = Number(process.env["SLUICE_MUTATION_SEED"] ?? 20_261_121);

const remembered = rememberGoodSignatures();
const generator = openGenerator();
afterAll(() => {
  generator.party.close();
  remembered.forget();
});

test("a signature that is remembered is the same one, of the same bytes, by the same key", () => {
  const [one, other] = [generateKeyPairSync("ed25519"), generateKeyPairSync("ed25519")];
  const bytes = Buffer.from("what was sealed");
  const signature = sign(null, bytes, one.privateKey);
  const changed = (from: Buffer) => from.map((byte, at) => (at === from.length - 1 ? byte ^ 1 : byte));
  const asked = [
    [bytes, one.publicKey, signature, true],
    [changed(bytes), one.publicKey, signature, false],
    [bytes, one.publicKey, changed(signature), false],
    [bytes, other.publicKey, signature, false],
    [Buffer.concat([bytes, Buffer.of(0)]), one.publicKey, signature, false],
    [bytes.subarray(1), one.publicKey, Buffer.concat([signature, bytes.subarray(0, 1)]), false],
  ] as const;
  const before = remembered.counts();
  for (const round of [1, 2]) {
    for (const [each, key, made, good] of asked) expect([round, verify(null, each, key, made)]).toEqual([round, good]);
  }
  const { known, workedOut } = remembered.counts();
  expect([known - before.known, workedOut - before.workedOut]).toEqual([1, 11]);
});

test(`${COUNT} generated changes are signed if and only if they are equal in meaning`, () => {
  const random = seeded(SEED);
  const table = {
    zone: new Map<string, number>(),
    holder: new Map<string, number>(),
    kinds: new Map<string, number>(),
  };
  const wrong: string[] = [];
  let [equal, again] = [0, 0];
  for (let nth = 0; nth < COUNT; nth += 1) {
    const judged = generator.next(random, nth);
    add(table.kinds, judged.kind);
    if (judged.zone !== null) add(table.zone, judged.zone);
    if (judged.holder !== null) add(table.holder, judged.holder);
    const fault = faultOf(judged);
    if (fault !== null && wrong.length < 10) wrong.push(`change ${nth}, ${judged.kind}: ${fault}`);
    // Of those that a holder finds good, every tenth is really signed by it.
    if (fault === null && judged.holder === "sign" && judged.order !== null && isRecorded(judged.order)) {
      equal += 1;
      if (equal % 10 > 0) continue;
      expectSignatures(judged.order);
      again += 1;
    }
  }
  print(table);
  const signed = { zone: table.zone.get("sign") ?? 0, holder: table.holder.get("sign") ?? 0 };
  process.stdout.write(
    `malicious vault: ${COUNT} generated changes (seed ${SEED}): ${sum(table.zone) - signed.zone} refused and ` +
      `${signed.zone} equal in meaning by semi-offline-risk, ${sum(table.holder) - signed.holder} refused and ` +
      `${signed.holder} equal in meaning by a holder, ${again} really signed once more, ${wrong.length} judged wrongly; ` +
      `${remembered.counts().workedOut} signatures verified, ${remembered.counts().known} known\n`,
  );
  expect(wrong).toEqual([]);
  expect(Math.min(signed.zone, signed.holder, again)).toBeGreaterThan(0);
  expect([...table.kinds.keys()].toSorted()).toEqual([...KINDS].toSorted());
  expect(generator.party.entries()).toEqual([3, 3, 3]);
}, 600_000);

function faultOf({ zone, zoneShould, holder, holderShould }: Judged): string | null {
  if (zone !== null && (zone === "sign") !== zoneShould) {
    return `semi-offline-risk says ${zone}, and it is ${zoneShould ? "" : "not "}equal in meaning`;
  }
  if (holder !== null && (holder === "sign") !== holderShould) {
    return `a holder says ${holder}, and it is ${holderShould ? "" : "not "}equal in meaning`;
  }
  return null;
}

/** The very transaction that the holder has on record; another with the same payments would be a record more. */
function isRecorded({ transactionId }: NonNullable<Judged["order"]>): boolean {
  return generator.party.holders.get(HOLDERS[0])?.journal.history.transaction(transactionId) !== undefined;
}

function expectSignatures(order: NonNullable<Judged["order"]>): void {
  const holder = HOLDERS.find((name) => name === order.holder) ?? HOLDERS[0];
  const opened = open(trust, sealOrder(order), ["signing.ordered.v1"]);
  const own = generator.party.holders.get(holder);
  if (!opened.ok || own === undefined) throw new Error("an order of ours opens");
  expect(answerOrder(opened.value, { ...own, now: () => NOW_MS }).outcome).toBe("again");
}

function print({
  zone,
  holder,
  kinds,
}: Readonly<Record<"zone" | "holder" | "kinds", ReadonlyMap<string, number>>>): void {
  const lines = (name: string, counts: ReadonlyMap<string, number>) =>
    [...counts]
      .toSorted(([, left], [, right]) => right - left)
      .map(([what, count]) => `  ${name} ${String(count).padStart(6)} ${what}\n`);
  process.stdout.write(
    [...lines("made", kinds), ...lines("semi-offline-risk", zone), ...lines("holder", holder)].join(""),
  );
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}
