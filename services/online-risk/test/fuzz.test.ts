// Bodies that nobody would write on purpose: never a failure of the server, never half a request stored.
import fc from "fast-check";
import { expect, it } from "vitest";
import { addressNumber } from "./addresses.ts";
import { type Answer, send } from "./raw-request.ts";
import { countRows, createWorld } from "./world.ts";

const RUNS = 800;

const valid = {
  id: fc.integer({ min: 0, max: 150 }).map((n) => `f-${n}`),
  account: fc.constantFrom("acme", "other"),
  asset: fc.constant("BTC"),
  // The first is dust for every address here.
  amount: fc.constantFrom("290", "1000", "1001", "1002"),
  address: fc.integer({ min: 0, max: 3 }).map((n) => addressNumber(n)),
};

const hostileText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.string({ unit: "grapheme", maxLength: 80 }),
  fc.constantFrom("", "\0", "\u202e", "__proto__", "../..", "' or 1=1 --", "NaN", "1e9", "-1", "0x10", "١٢٣", "１２３"),
  fc.constantFrom("a".repeat(64), "a".repeat(65), "9".repeat(78), "9".repeat(79), "2100000000000000", "294", "293"),
  fc.constantFrom("0", "00", " 1", "+1", "1.0", addressNumber(1).toUpperCase(), addressNumber(1, "mainnet"), "bc1"),
);
const hostile = fc.oneof({ weight: 3, arbitrary: hostileText }, fc.jsonValue(), fc.double().map(Number));

type Fields = Readonly<Record<string, unknown>>;

/** One field at fault, or some; a field too many; a field too few; all in order. */
const bodies: fc.Arbitrary<string | Uint8Array> = fc.record(valid).chain((good) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant(JSON.stringify(good)) },
    {
      weight: 10,
      arbitrary: fc
        .tuple(fc.constantFrom(...Object.keys(good)), hostile)
        .map(([field, value]) => JSON.stringify({ ...good, [field]: value })),
    },
    fc.dictionary(fc.constantFrom(...Object.keys(good)), hostile).map((bad) => JSON.stringify({ ...good, ...bad })),
    fc
      .tuple(hostileText, hostile)
      .map(([field, value]) => JSON.stringify({ ...good, [field]: value } satisfies Fields)),
    fc.constantFrom(...Object.keys(good)).map((field) => JSON.stringify({ ...good, [field]: undefined })),
    hostile.map((value) => JSON.stringify(value) ?? ""),
    fc.tuple(fc.nat(), fc.nat(255)).map(([at, byte]) => {
      const bytes = new Uint8Array(Buffer.from(JSON.stringify(good), "utf8"));
      bytes[at % bytes.length] = byte;
      return bytes;
    }),
    fc.nat(100).map((length) => JSON.stringify(good).slice(0, length)),
  ),
);

it(`${RUNS} bodies are accepted whole or refused whole`, async () => {
  const world = await createWorld();
  const running = await world.start();
  const accepted = new Map<string, Buffer>();
  const codes = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(bodies, async (body) => {
      const bytes = Buffer.from(typeof body === "string" ? Buffer.from(body, "utf8") : body);
      const answer = await send(running.api, { key: world.keys.backend, body: bytes });
      const code = codeOf(answer);
      codes.set(code, (codes.get(code) ?? 0) + 1);
      expect([202, 400, 409, 422]).toContain(answer.status);
      if (answer.status !== 202) return;
      const id = String(answer.body["id"]);
      const earlier = accepted.get(id);
      if (earlier === undefined) accepted.set(id, bytes);
      else expect(bytes.equals(earlier)).toBe(true);
    }),
    { numRuns: RUNS },
  );
  const { rows } = await world.pool.query<{ id: string; body: Buffer }>(
    "select w.id, r.body from withdrawal w join withdrawal_request r on r.withdrawal_id = w.id",
  );
  expect(rows.map(({ id }) => id).toSorted()).toEqual([...accepted.keys()].toSorted());
  for (const { id, body } of rows) expect(body.equals(accepted.get(id) ?? Buffer.alloc(0))).toBe(true);
  expect(await countRows(world.pool, "withdrawal_request")).toBe(accepted.size);
  expect(await countRows(world.pool, "withdrawal_change where revision = 1")).toBe(accepted.size);
  const parts = "withdrawal w where not exists (select from destination d where d.script_pubkey = w.script_pubkey)";
  expect(await countRows(world.pool, parts)).toBe(0);
  process.stderr.write(`fuzzed: ${JSON.stringify(Object.fromEntries([...codes].toSorted()))}\n`);
  expect(accepted.size).toBeGreaterThan(20);
  for (const code of ["JSON_MALFORMED", "FIELD_INVALID", "FIELD_UNKNOWN", "AMOUNT_DUST", "WITHDRAWAL_ID_REUSED"]) {
    expect([code, codes.get(code) ?? 0]).not.toEqual([code, 0]);
  }
});

function codeOf({ status, body }: Answer): string {
  return status === 202 ? "accepted" : (body.code ?? `no code with ${status}`);
}
