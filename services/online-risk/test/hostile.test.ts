// Every operation of the API, asked with hostile requests made from its own document: no failure, no refusal that is not
// documented, nothing half stored. SLUICE_HOSTILE_REQUESTS=10000 asks longer, with the same code.
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ApiKeys, Scope } from "@sluice/gate";
import type { HttpServer } from "@sluice/http";
import type { Pool } from "@sluice/postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ApiOptions } from "../src/api.ts";
import { addressNumber } from "./addresses.ts";
import { type Hostile, hostileRequest, operationsOf, randomOf, type Sound } from "./hostile-requests.ts";
import { type Asked, askInProcess, openInProcess, signedItem } from "./in-process.ts";
import type { TestKey } from "./keys.ts";
import type { Defer } from "./process.ts";
import { countRows, createSharedWorld, POLICY } from "./world.ts";

const COUNT = Number(process.env["SLUICE_HOSTILE_REQUESTS"] ?? 900);
const AT_ONCE = 8;
const SEED = Number(process.env["SLUICE_HOSTILE_SEED"] ?? 20_261_121);
const COMMITTED = readFileSync(fileURLToPath(new URL("../../../docs/openapi.json", import.meta.url)), "utf8");
const OPERATIONS = operationsOf(JSON.parse(COMMITTED));

let shared: Awaited<ReturnType<typeof createSharedWorld>>;
const cleanUps: (() => Promise<void>)[] = [];
const defer: Defer = (cleanUp) => cleanUps.push(cleanUp);

beforeAll(async () => {
  shared = await createSharedWorld();
});
afterAll(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  await shared.end();
});

const SOUND: Sound = {
  id: ({ below }) => `h-${below(80)}`,
  account: ({ of }) => of(["acme", "other", "third"]),
  asset: ({ of }) => of([...Array.from({ length: 9 }, () => "BTC"), "ETH"]),
  amount: ({ of }) => of(["290", "1000", "1001", "60000"]),
  maxFee: ({ of }) => of([undefined, "1000000"]),
  address: ({ below }) => addressNumber(below(6)),
  at: () => new Date().toISOString(),
  ip: ({ of }) => of(["192.0.2.1", "2001:db8::1"]),
  country: ({ of }) => of(["DE", "JP"]),
  cursor: ({ below }) => String(1 + below(50)),
  limit: ({ below }) => 1 + below(200),
  version: ({ below }) => 1 + below(4),
  sha256: ({ of }) => of(["ab", "cd"]).repeat(32),
  text: ({ below }) => JSON.stringify({ ...POLICY, maxAmountMinor: String(1_000 + below(5)) }),
  conflictingTransactionId: ({ of }) => of(["ab", "cd"]).repeat(32),
};

it(`${COUNT} hostile requests of every operation: no failure, no undocumented refusal, nothing half stored`, async () => {
  const { world } = shared;
  const { keys, pool } = world;
  const api = await openInProcess(world, defer, everyScope);
  const random = randomOf(SEED);
  const { backend, limited, ann, bob, reader, revoked, elsewhere } = keys;
  const some = [
    ...Array.from({ length: 12 }, () => backend),
    limited,
    limited,
    ann,
    ann,
    bob,
    reader,
    revoked,
    elsewhere,
  ];
  const seen = new Map<string, number>();
  const accepted = new Set<string>();
  const sound: Sound = { ...SOUND, withdrawals: bulkOf(backend) };
  const drawn = Array.from({ length: COUNT }, (_, n) => ({
    n,
    hostile: hostileRequest(OPERATIONS, some, sound, random),
  }));
  const one = async ({ n, hostile }: (typeof drawn)[number]) => {
    const answer = await ask(api, hostile);
    const faults = faultsOf(answer, hostile);
    expect(faults, `request ${n} of seed ${SEED}: ${describeIt(hostile)} -> ${answer.status} ${answer.text}`).toEqual(
      [],
    );
    const what = `${hostile.operation.method} ${hostile.operation.path} ${answer.body["code"] ?? answer.status}`;
    seen.set(what, (seen.get(what) ?? 0) + 1);
    for (const id of acceptedIn(answer)) accepted.add(id);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, () => inTurn(drawn, one)));
  await expect(halves(pool)).resolves.toEqual([]);
  expect(await countRows(pool, "withdrawal")).toBe(accepted.size);
  const codes = new Set([...seen.keys()].map((what) => what.split(" ")[2]));
  process.stderr.write(
    `hostile: ${COUNT} requests over ${OPERATIONS.length} operations, seed ${SEED}; ${accepted.size} withdrawals accepted; ${seen.size} answers, ${codes.size} codes\n`,
  );
  // Every operation is reached beyond its door, and refused at it.
  for (const { method, path, successes } of OPERATIONS) {
    const own = [...seen.keys()].filter((what) => what.startsWith(`${method} ${path} `));
    expect([method, path, own.length > 3]).toEqual([method, path, true]);
    if (method === "GET" || !path.includes("{")) {
      const statuses = own.map((what) => Number(what.split(" ")[2]));
      const isReached = successes.some((status) => statuses.includes(status));
      expect([method, path, isReached]).toEqual([method, path, true]);
    }
  }
  expect(accepted.size).toBeGreaterThan(20);
  expect(codes.size).toBeGreaterThan(24);
}, 600_000);

it.each<readonly [string, number, string, (key: TestKey) => Asked]>([
  [
    "a label that no database stores",
    400,
    "JSON_MALFORMED",
    (key) => ({ key, method: "POST", path: "/v1/destinations", body: { address: addressNumber(1), label: "\0" } }),
  ],
  [
    "an account that no database stores",
    400,
    "REQUEST_INVALID",
    (key) => ({ key, path: "/v1/withdrawals", query: "?account=%00" }),
  ],
  [
    "an asset that no database stores",
    400,
    "REQUEST_INVALID",
    (key) => ({ key, path: "/v1/withdrawals", query: "?asset=%00" }),
  ],
])("found once, and kept: %s", async (_, status, code, asked) => {
  const api = await openInProcess(shared.world, defer, everyScope);
  const answer = await askInProcess(api, asked(shared.world.keys.backend));
  expect([answer.status, answer.body["code"]]).toEqual([status, code]);
});

it("the served document is the committed one", async () => {
  const api = await openInProcess(shared.world, defer);
  const { body } = await api.inject({ method: "GET", url: "/v1/openapi.json" });
  expect(`${JSON.stringify(JSON.parse(body), null, 2)}\n`).toBe(COMMITTED);
});

it.each<readonly [string, (options: ApiOptions) => Partial<ApiOptions>, string]>([
  [
    "a failure for one key",
    ({ trust }) => ({
      trust: {
        find: (producer, keyId) => {
          if (keyId.startsWith("bob")) throw new Error("planted");
          return trust.find(producer, keyId);
        },
      },
    }),
    "5xx",
  ],
  ["a clock that is text", () => ({ now: () => Number.NaN }), "5xx"],
])("finds a planted fault: %s", async (_, plant, fault) => {
  const api = await openInProcess(shared.world, defer, plant);
  const random = randomOf(SEED);
  const { keys } = shared.world;
  const found = new Set<string>();
  for (let n = 0; n < 300 && !found.has(fault); n += 1) {
    const hostile = hostileRequest(OPERATIONS, [keys.backend, keys.bob], SOUND, random);
    for (const one of faultsOf(await ask(api, hostile), hostile)) found.add(one);
  }
  expect([...found]).toContain(fault);
});

it("more at once than it can have in hand: refused with when again, and what is refused is not stored", async () => {
  const { world } = shared;
  const api = await openInProcess(world, defer);
  const before = await countRows(world.pool, "withdrawal");
  const nonces = await countRows(world.pool, "request_nonce");
  const answers = await Promise.all(
    Array.from({ length: 560 }, (_, n) =>
      askInProcess(api, {
        ...{ key: world.keys.backend, method: "POST", path: "/v1/withdrawals" },
        body: { id: `flood-${n}`, account: "acme", asset: "BTC", amount: "1000", address: addressNumber(1) },
      }),
    ),
  );
  const refused = answers.filter(({ status }) => status !== 202);
  expect(refused.length).toBeGreaterThan(0);
  for (const { status, body, headers } of refused) {
    // NOT_READY is for those that waited too long for a connection to the database.
    expect(["OVERLOADED", "NOT_READY"]).toContain(body["code"]);
    expect([status, headers["retry-after"]]).toEqual([503, "1"]);
  }
  const taken = answers.length - refused.length;
  expect(await countRows(world.pool, "withdrawal")).toBe(before + taken);
  expect(await countRows(world.pool, "request_nonce")).toBe(nonces + taken);
  expect(await halves(world.pool)).toEqual([]);
  process.stderr.write(`flood: ${taken} of ${answers.length} taken, the others refused with 503\n`);
});

it("finds a planted half: a request that is stored without its withdrawal", async () => {
  const { pool } = shared.world;
  await pool.query(
    `insert into withdrawal_request select 'half', key_id, 'half', method, authority, path, query, content_type, content_digest,
       signature_input, signature, body, body_sha256, received_at_ms from withdrawal_request limit 1`,
  );
  expect(await halves(pool)).toEqual(["requests without a withdrawal: 1"]);
});

function acceptedIn({ status, body }: Answer): readonly string[] {
  if (status === 202) return [String(body["id"])];
  const results = Array.isArray(body["results"]) ? (body["results"] as readonly Bulked[]) : [];
  return results.flatMap(({ withdrawal }) => withdrawal?.id ?? []);
}

type Bulked = { readonly withdrawal: { readonly id: string } | null };

/** Items that are sound for one key, and for every other one are somebody else's. */
function bulkOf(key: TestKey): Sound["withdrawals"] {
  return (random) =>
    Array.from({ length: random.below(4) }, () =>
      signedItem(key, {
        ...{
          id: SOUND["id"]?.(random),
          account: SOUND["account"]?.(random),
          asset: "BTC",
          amount: SOUND["amount"]?.(random),
        },
        address: SOUND["address"]?.(random),
      }),
    );
}

/** For the backend's key. */
function everyScope({ apiKeys }: ApiOptions): Partial<ApiOptions> {
  const scopes = [...new Set(OPERATIONS.map(({ scope }) => scope))] as readonly Scope[];
  const { keyId: of } = shared.world.keys.backend;
  const get: ApiKeys["get"] = (keyId) => {
    const key = apiKeys.get(keyId);
    return key !== undefined && keyId === of ? { ...key, scopes, person: "Everybody" } : key;
  };
  return { apiKeys: { get } };
}

/** Takes from the front of what several take from, until nothing is left. */
async function inTurn<T>(some: T[], one: (item: T) => Promise<void>): Promise<void> {
  for (let item = some.shift(); item !== undefined; item = some.shift()) await one(item);
}

type Answer = {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
};

/** A server that has too much to do, since this machine has, says so, says when again, and has taken nothing. */
async function ask(api: HttpServer, { method, url, headers, body }: Hostile): Promise<Answer> {
  const answer = await api.inject({ method: method as "GET", url, headers: { ...headers }, payload: body });
  if (parsed(answer.body)["code"] === "OVERLOADED" && answer.headers["retry-after"] === "1") {
    await setTimeout(200);
    return ask(api, { method, url, headers, body } as Hostile);
  }
  const type = String(answer.headers["content-type"]);
  return { status: answer.statusCode, type, text: answer.body.slice(0, 300), body: parsed(answer.body) };
}

/** What is wrong with an answer; nothing, for every answer that the document knows. */
function faultsOf({ status, type, text, body }: Answer, { operation, method }: Hostile): readonly string[] {
  if (status >= 500) return ["5xx"];
  const isOwn = method === operation.method;
  if (status < 400) return !isOwn || operation.successes.includes(status) ? [] : ["status not documented"];
  const faults: string[] = [];
  const code = String(body["code"]);
  if (type !== "application/problem+json") faults.push("no problem document");
  if (!/^[A-Z][A-Z0-9_]+$/.test(code) || body["status"] !== status) faults.push("no stable code");
  if (!/^urn:uuid:[0-9a-f-]{36}$/.test(String(body["instance"]))) faults.push("no instance");
  if (/\bat \/|node_modules|select |insert |postgres|\.ts:/i.test(text)) faults.push("shows the inside");
  const isKnown = operation.codes.get(status)?.includes(code) || ELSEWHERE.has(code) || !isOwn;
  if (!isKnown) faults.push(`not documented: ${operation.method} ${operation.path} ${status} ${code}`);
  return faults;
}

/** A spoilt path or method is another route, or none. */
const ELSEWHERE = new Set(["ROUTE_UNKNOWN", "METHOD_NOT_ALLOWED"]);

async function halves(pool: Pool): Promise<readonly string[]> {
  const counts = await Promise.all(
    Object.entries({
      "requests without a withdrawal":
        "withdrawal_request r where not exists (select from withdrawal w where w.id = r.withdrawal_id)",
      "withdrawals without a request":
        "withdrawal w where not exists (select from withdrawal_request r where r.withdrawal_id = w.id)",
      "withdrawals without each change":
        "withdrawal w where revision <> (select count(*) from withdrawal_change c where c.withdrawal_id = w.id)",
      "withdrawals without a destination":
        "withdrawal w where not exists (select from destination d where d.account = w.account and d.script_pubkey = w.script_pubkey)",
      "changes that nobody was told of":
        "withdrawal_change c where not exists (select from outbox o where o.message_id = c.withdrawal_id || '/changed/' || c.revision)",
    }).map(async ([what, rows]) => [what, await countRows(pool, rows)] as const),
  );
  return counts.filter(([, count]) => count > 0).map(([what, count]) => `${what}: ${count}`);
}

function describeIt({ method, url, body, kind }: Hostile): string {
  return `${kind}: ${method} ${url.slice(0, 200)} ${body.subarray(0, 200).toString("utf8")}`;
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
