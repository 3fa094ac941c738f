// Every code with which the front door refuses, each by a request of its own; and nothing of it is ever stored.
import { addressOf } from "@sluice/chains";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addressNumber } from "./addresses.ts";
import { createKey } from "./keys.ts";
import type { Running } from "./process.ts";
import { type RawRequest, send, type Wire, withHeader, without } from "./raw-request.ts";
import { clientOf, countRows, createSharedWorld, type Keys, newWithdrawal } from "./world.ts";

let shared: Awaited<ReturnType<typeof createSharedWorld>>;
let running: Running;
let keys: Keys;

beforeAll(async () => {
  shared = await createSharedWorld();
  keys = shared.world.keys;
  running = await shared.world.start();
});
afterAll(() => shared.end());

const MINUTE = 60_000;

function bodyOf(change: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    id: "r-1",
    account: "acme",
    asset: "BTC",
    amount: "10000",
    address: addressNumber(1),
    ...change,
  });
}

const good = (change: Partial<RawRequest> = {}): RawRequest => ({ key: keys.backend, body: bodyOf(), ...change });
const get = (change: Partial<RawRequest> = {}): RawRequest => ({
  ...{ key: keys.backend, method: "GET", target: "/v1/withdrawals" },
  ...change,
});

type Row = readonly [status: number, code: string, what: string, request: () => RawRequest];

const SIGNATURES: readonly Row[] = [
  [401, "SIGNATURE_MISSING", "no signature", () => good({ alter: without("signature") })],
  [401, "SIGNATURE_MISSING", "no signature input", () => good({ alter: without("signature-input") })],
  [401, "SIGNATURE_MISSING", "no signature on a GET", () => get({ alter: without("signature") })],
  [401, "SIGNATURE_MALFORMED", "not a structured field", () => good({ alter: withHeader("signature", "?!") })],
  [401, "SIGNATURE_INCOMPLETE", "a body that no signature covers", () => good({ body: "", alter: addBody })],
  [401, "DIGEST_MISSING", "no digest of the body", () => good({ alter: without("content-digest") })],
  [
    401,
    "DIGEST_MISMATCH",
    "another body",
    () => good({ alter: () => ({ body: Buffer.from(bodyOf({ amount: "99999" })) }) }),
  ],
  [401, "KEY_UNKNOWN", "a key of nobody", () => good({ key: createKey("exchange-backend") })],
  [401, "KEY_UNKNOWN", "a trusted key that is no API key", () => good({ key: keys.idle })],
  [401, "KEY_UNKNOWN", "a trusted key of another service", () => good({ key: keys.vault })],
  [401, "KEY_REVOKED", "a revoked key", () => good({ key: keys.revoked })],
  [401, "SIGNATURE_INVALID", "another path", () => get({ alter: () => ({ target: "/v1/withdrawals/r-1" }) })],
  [401, "SIGNATURE_INVALID", "another query", () => get({ alter: () => ({ target: "/v1/withdrawals?limit=1" }) })],
  [401, "SIGNATURE_INVALID", "another host", () => good({ alter: withHeader("host", "elsewhere.example") })],
  [
    401,
    "SIGNATURE_INVALID",
    "another content type",
    () => good({ alter: withHeader("content-type", "application/json;x=1") }),
  ],
  [400, "AUTHORITY_INVALID", "an endless host", () => good({ alter: withHeader("host", "h".repeat(257)) })],
  [401, "SIGNATURE_STALE", "too old", () => good({ createdAtMs: Date.now() - 6 * MINUTE })],
  [401, "SIGNATURE_STALE", "a year old", () => good({ createdAtMs: Date.now() - 525_960 * MINUTE })],
  [401, "SIGNATURE_STALE", "from the future", () => good({ createdAtMs: Date.now() + 6 * MINUTE })],
  [403, "IP_NOT_ALLOWED", "a key that may not come from here", () => good({ key: keys.elsewhere })],
  [403, "SCOPE_MISSING", "a reader that withdraws", () => good({ key: keys.reader })],
  [403, "SCOPE_MISSING", "an approver that reads", () => get({ key: keys.bob })],
  [
    403,
    "SCOPE_MISSING",
    "an approver that cancels",
    () => get({ key: keys.ann, method: "POST", target: "/v1/withdrawals/x/cancel" }),
  ],
  [
    403,
    "SCOPE_MISSING",
    "a reader that approves",
    () => get({ key: keys.reader, method: "POST", target: "/v1/withdrawals/x/approvals" }),
  ],
];

const REQUESTS: readonly Row[] = [
  [400, "QUERY_UNEXPECTED", "a query, which no clearance could carry", () => good({ target: "/v1/withdrawals?a=1" })],
  [400, "QUERY_UNEXPECTED", "an empty query", () => good({ target: "/v1/withdrawals?" })],
  [400, "QUERY_UNEXPECTED", "the path in another spelling", () => good({ target: "/v1/withdraw%61ls" })],
  [400, "JSON_MALFORMED", "half a body", () => good({ body: '{"id":' })],
  [
    400,
    "JSON_MALFORMED",
    "a key that poisons objects",
    () => good({ body: bodyOf().replace("{", '{"__proto__":{},') }),
  ],
  [400, "JSON_MALFORMED", "eight thousand brackets", () => good({ body: `${"[".repeat(8_000)}${"]".repeat(8_000)}` })],
  [400, "JSON_MALFORMED", "no body", () => good({ body: "" })],
  [400, "JSON_MALFORMED", "bytes that are no UTF-8", () => good({ body: Uint8Array.of(0x22, 0xff, 0x22) })],
  [422, "FIELD_REPEATED", "a key given twice", () => good({ body: bodyOf().replace("{", '{"amount":"1",') })],
  [422, "FIELD_UNKNOWN", "a field more", () => good({ body: bodyOf({ memo: "x" }) })],
  [422, "FIELD_MISSING", "a field less", () => good({ body: bodyOf({ account: undefined }) })],
  [422, "FIELD_INVALID", "an amount that is a number", () => good({ body: bodyOf({ amount: 10_000 }) })],
  [422, "FIELD_INVALID", "an amount with a leading zero", () => good({ body: bodyOf({ amount: "010000" }) })],
  [422, "FIELD_INVALID", "an id with a slash", () => good({ body: bodyOf({ id: "a/b" }) })],
  [422, "ASSET_UNKNOWN", "an asset that is not paid out", () => good({ body: bodyOf({ asset: "DOGE" }) })],
  [422, "AMOUNT_ZERO", "nothing", () => good({ body: bodyOf({ amount: "0" }) })],
  [422, "AMOUNT_OVER_SUPPLY", "more than there is", () => good({ body: bodyOf({ amount: "2100000000000001" }) })],
  [422, "AMOUNT_DUST", "an output that no node passes on", () => good({ body: bodyOf({ amount: "293" }) })],
  [422, "ADDRESS_MALFORMED", "no address", () => good({ body: bodyOf({ address: "to my friend" }) })],
  [422, "ADDRESS_CHECKSUM", "a slip of the hand", () => good({ body: bodyOf({ address: slip(addressNumber(1)) }) })],
  [
    422,
    "ADDRESS_WRONG_NETWORK",
    "money for mainnet",
    () => good({ body: bodyOf({ address: addressNumber(1, "mainnet") }) }),
  ],
  [422, "ADDRESS_UNSUPPORTED", "a taproot key that is no point", () => good({ body: bodyOf({ address: noPoint() }) })],
  [
    403,
    "ACCOUNT_NOT_PERMITTED",
    "another account than the key's",
    () => good({ key: keys.limited, body: bodyOf({ account: "other" }) }),
  ],
  [
    403,
    "KEY_LIMIT_EXCEEDED",
    "more than the key may",
    () => good({ key: keys.limited, body: bodyOf({ amount: "50001" }) }),
  ],
  [404, "WITHDRAWAL_UNKNOWN", "reads what is not there", () => get({ target: "/v1/withdrawals/nothing" })],
  [
    404,
    "WITHDRAWAL_UNKNOWN",
    "cancels what is not there",
    () => get({ method: "POST", target: "/v1/withdrawals/nothing/cancel" }),
  ],
  [
    404,
    "WITHDRAWAL_UNKNOWN",
    "approves what is not there",
    () => get({ method: "POST", target: "/v1/withdrawals/nothing/approvals" }),
  ],
  [400, "REQUEST_INVALID", "an unknown state", () => get({ target: "/v1/withdrawals?state=lost" })],
  [400, "REQUEST_INVALID", "a cursor of its own making", () => get({ target: "/v1/withdrawals?cursor=-1" })],
  [400, "REQUEST_INVALID", "a page without end", () => get({ target: "/v1/withdrawals?limit=1000000" })],
  [400, "REQUEST_INVALID", "a filter given twice", () => get({ target: "/v1/withdrawals?account=a&account=b" })],
  [400, "REQUEST_INVALID", "an id that is none", () => get({ target: "/v1/withdrawals/%00" })],
  [404, "ROUTE_UNKNOWN", "a path that is none", () => get({ target: "/v2/withdrawals" })],
  [405, "METHOD_NOT_ALLOWED", "a method that is none", () => get({ method: "DELETE", target: "/v1/withdrawals/r-1" })],
  [413, "BODY_TOO_LARGE", "a body of a megabyte", () => good({ body: bodyOf({ address: "a".repeat(1_000_000) }) })],
  [415, "CONTENT_TYPE_UNSUPPORTED", "a form", () => good({ contentType: "application/x-www-form-urlencoded" })],
];

/** The coordinate 2^256 - 1 is beyond the field, so nobody could ever spend it. */
function noPoint(): string {
  return addressOf("regtest", Uint8Array.of(0x51, 32, ...new Uint8Array(32).fill(0xff))) ?? "";
}

const addBody = ({ headers }: Wire): Partial<Wire> => {
  return { body: Buffer.from(bodyOf()), headers: { ...headers, "content-type": "application/json" } };
};

/** Another last character, which the checksum notices. */
function slip(address: string): string {
  return `${address.slice(0, -1)}${address.endsWith("q") ? "p" : "q"}`;
}

describe("a signature is refused", () => {
  it.each(SIGNATURES)("%i %s: %s", async (status, code, _, request) => {
    const answer = await send(running.api, request());
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    expect(await countRows(shared.world.pool, "request_nonce")).toBe(0);
  });
});

describe("a request is refused", () => {
  it.each(REQUESTS)("%i %s: %s", async (status, code, _, request) => {
    const answer = await send(running.api, request());
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    for (const { field, rule } of answer.body.errors ?? []) expect(`${field} ${rule}`).toMatch(/\S \S/);
  });

  it("with every fault at once, each naming its field and its rule", async () => {
    const fields = bodyOf({ id: "a/b", account: "", amount: "x", memo: 1 });
    const shape = await send(running.api, good({ body: fields }));
    expect(shape.body.errors?.map(({ field, code }) => [field, code])).toEqual([
      ...[
        ["id", "FIELD_INVALID"],
        ["account", "FIELD_INVALID"],
        ["amount", "FIELD_INVALID"],
        ["memo", "FIELD_UNKNOWN"],
      ],
    ]);
    const values = await send(running.api, good({ body: bodyOf({ amount: "0", address: "no address" }) }));
    expect(values.body.errors?.map(({ field, code }) => [field, code])).toEqual([
      ...[
        ["amount", "AMOUNT_ZERO"],
        ["address", "ADDRESS_MALFORMED"],
      ],
    ]);
    expect(values.body.code).toBe("AMOUNT_ZERO");
  });

  it("and nothing of it was stored, while a good request is", async () => {
    const { pool } = shared.world;
    const tables = ["withdrawal", "withdrawal_request", "withdrawal_change", "destination", "outbox"];
    for (const table of tables) expect([table, await countRows(pool, table)]).toEqual([table, 0]);
    expect((await send(running.api, good())).status).toBe(202);
    expect(await countRows(pool, "withdrawal")).toBe(1);
  });
});

describe("a nonce", () => {
  it("is refused when it comes again, also for another request", async () => {
    const nonce = "once-and-only-once";
    const first = { ...get(), nonce };
    expect((await send(running.api, first)).status).toBe(200);
    for (const again of [first, good({ nonce, body: bodyOf({ id: "r-replayed" }) })]) {
      const answer = await send(running.api, again);
      expect([answer.status, answer.body.code]).toEqual([401, "SIGNATURE_REPLAYED"]);
    }
    expect((await send(running.api, get({ key: keys.reader, nonce }))).status).toBe(200);
    expect(await countRows(shared.world.pool, "withdrawal where id = 'r-replayed'")).toBe(0);
  });

  it("is spent by one of many that come at once", async () => {
    const nonce = "many-at-once";
    const answers = await Promise.all(Array.from({ length: 16 }, () => send(running.api, get({ nonce }))));
    const codes = answers.map(({ status, body }) => (status === 200 ? "OK" : body.code)).toSorted();
    expect(codes).toEqual(["OK", ...Array.from({ length: 15 }, () => "SIGNATURE_REPLAYED")]);
  });

  it("is not spent by a stranger who repeats the request from elsewhere", async () => {
    const answer = await send(running.api, get({ key: keys.elsewhere, nonce: "stolen-nonce" }));
    expect(answer.body.code).toBe("IP_NOT_ALLOWED");
    expect(await countRows(shared.world.pool, "request_nonce where nonce = 'stolen-nonce'")).toBe(0);
  });
});

describe("a withdrawal stands against", () => {
  it("another body under its id, for ever, and says so to whoever may see it", async () => {
    const client = clientOf(running, keys.backend);
    const withdrawal = newWithdrawal();
    const body = JSON.stringify({ ...withdrawal, amount: String(withdrawal.amount) });
    expect((await send(running.api, good({ body }))).status).toBe(202);
    const changes = [{ amount: "10001" }, { account: "other" }, { address: addressNumber(900) }, { asset: "ETH" }];
    for (const change of changes) {
      const other = JSON.stringify({ ...JSON.parse(body), ...change });
      const answer = await send(running.api, good({ body: other }));
      expect([answer.status, answer.body.code]).toEqual([409, "WITHDRAWAL_ID_REUSED"]);
    }
    const sameMeaning = await send(running.api, good({ body: ` ${body}` }));
    expect([sameMeaning.status, sameMeaning.body.code]).toEqual([409, "WITHDRAWAL_ID_REUSED"]);
    expect((await client.getWithdrawal(withdrawal.id)).amount).toBe("10000");
  });

  it("a cancel, an approval and a stranger once it is cleared", async () => {
    const client = clientOf(running, keys.backend);
    const { id } = await client.createWithdrawal(newWithdrawal({ account: "unseen" }));
    await client.waitFor(id, ["cleared"], { pollMs: 100 });
    const ask = (key: RawRequest["key"], what: string) =>
      send(running.api, { key, method: "POST", target: `/v1/withdrawals/${id}/${what}` });
    const cancel = await ask(keys.backend, "cancel");
    expect([cancel.status, cancel.body.code, cancel.body.state]).toEqual([409, "NOT_CANCELLABLE", "cleared"]);
    expect(cancel.body.detail).toContain("cleared");
    const approval = await ask(keys.ann, "approvals");
    expect([approval.status, approval.body.code, approval.body.state]).toEqual([409, "NOT_HELD", "cleared"]);
    for (const what of ["cancel", "approvals"])
      expect((await ask(keys.limited, what)).body.code).toBe("WITHDRAWAL_UNKNOWN");
    const read = await send(running.api, get({ key: keys.limited, target: `/v1/withdrawals/${id}` }));
    expect(read.body.code).toBe("WITHDRAWAL_UNKNOWN");
  });
});
