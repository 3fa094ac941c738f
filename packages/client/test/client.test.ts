// The client against a real server that verifies every signature and answers well, badly, late or not at all.
import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createSluiceClient, SluiceApiError, type SluiceClientOptions, type WithdrawalDetails } from "../src/index.ts";
import { breakOff, hang, json, problem, type Step, startServer } from "./server.ts";

const { privateKey } = generateKeyPairSync("ed25519");
const x = privateKey.export({ format: "jwk" }).x ?? "";
const publicKey = Buffer.from(x, "base64url").toString("base64");
const TRUST = [{ producer: "exchange-backend" as const, keyId: "backend", publicKey }];

async function serving(steps: readonly Step[], options: Partial<SluiceClientOptions> = {}) {
  const server = await startServer(TRUST, steps);
  const client = createSluiceClient({ baseUrl: server.url, keyId: "backend", privateKey, ...options });
  return { client, received: server.received };
}

const NEW = { id: "w-1", account: "acme", asset: "BTC", amount: 10_000n, address: "bcrt1qexample" };

function answer(change: Partial<WithdrawalDetails> = {}): WithdrawalDetails {
  return {
    ...{ id: "w-1", account: "acme", asset: "BTC", amount: "10000", address: "bcrt1qexample", state: "received" },
    ...{ priority: "normal", fee: { payer: "exchange", amount: "0" } },
    ...{ detail: "requested by backend", revision: 1, txid: null, confirmations: 0, requiredConfirmations: null },
    ...{ receivedAtMs: 1, changedAtMs: 1, notBeforeMs: null, approvals: { required: 0, by: [] }, findings: [] },
    ...{ history: [{ state: "received", atMs: 1, detail: "requested by backend" }], timings: { received: 0 } },
    ...change,
  };
}

const nonceOf = (received: { readonly signature: object }) =>
  "nonce" in received.signature ? received.signature.nonce : received.signature;

describe("every call", () => {
  it("is signed over what goes over the wire", async () => {
    const list = json(200, { withdrawals: [], nextCursor: null });
    const { client, received } = await serving([json(202, answer()), json(200, answer()), list, json(200, answer())]);
    await client.createWithdrawal(NEW);
    await client.getWithdrawal("w-1");
    await client.listWithdrawals({ state: "held", account: "acme", limit: 5, cursor: "17" });
    await client.cancelWithdrawal("w-1");
    await client.approveWithdrawal("w-1");
    await client.listWithdrawals().catch(() => undefined);
    expect(received.map(({ method, target }) => `${method} ${target}`)).toEqual([
      "POST /v1/withdrawals",
      "GET /v1/withdrawals/w-1",
      "GET /v1/withdrawals?state=held&account=acme&limit=5&cursor=17",
      "POST /v1/withdrawals/w-1/cancel",
      "POST /v1/withdrawals/w-1/approvals",
      "GET /v1/withdrawals",
    ]);
    expect(received[0]?.body).toBe(
      '{"id":"w-1","account":"acme","asset":"BTC","amount":"10000","address":"bcrt1qexample"}',
    );
    for (const item of received) expect(nonceOf(item)).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(new Set(received.map(nonceOf)).size).toBe(received.length);
  });

  it.each([
    ["a failure of the server", problem(500, "INTERNAL")],
    ["a server that is stopping", problem(503, "STOPPING")],
    ["a limit", problem(429, "RATE_LIMITED", {})],
    ["a proxy that speaks for it", json(502, "<html>")],
    ["a connection that breaks off", breakOff],
    ["an answer that never ends", hang],
  ])("is tried again after %s, with the same body and a new nonce", async (_, step) => {
    const { client, received } = await serving([step, step, json(202, answer())], { tryTimeoutMs: 1_000 });
    expect(await client.createWithdrawal(NEW)).toEqual(answer());
    expect(received).toHaveLength(3);
    expect(new Set(received.map(({ body }) => body)).size).toBe(1);
    expect(new Set(received.map(nonceOf)).size).toBe(3);
  });

  it("waits as long as it is told to, within reason", async () => {
    const { client } = await serving([problem(429, "RATE_LIMITED"), json(200, answer())]);
    const limited = await serving([json(429, {}, { "retry-after": "1" }), json(200, answer())]);
    const timed = async (call: () => Promise<unknown>): Promise<number> => {
      const startedMs = performance.now();
      await call();
      return performance.now() - startedMs;
    };
    expect(await timed(() => client.getWithdrawal("w-1"))).toBeLessThan(900);
    expect(await timed(() => limited.client.getWithdrawal("w-1"))).toBeGreaterThanOrEqual(999);
  });

  it.each([
    [400, "JSON_MALFORMED"],
    [401, "SIGNATURE_STALE"],
    [403, "SCOPE_MISSING"],
    [404, "WITHDRAWAL_UNKNOWN"],
    [409, "WITHDRAWAL_ID_REUSED"],
    [422, "AMOUNT_ZERO"],
  ])("is not tried again after %i %s", async (status, code) => {
    const errors = [{ field: "amount", rule: "is zero", code }];
    const { client, received } = await serving([problem(status, code, { errors })]);
    const error = await client.createWithdrawal(NEW).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SluiceApiError);
    expect(error).toMatchObject({ status, code, errors, message: `${code}: it is ${code}` });
    expect(received).toHaveLength(1);
  });

  it("gives up after its tries, and says that nothing is known", async () => {
    const { client, received } = await serving([breakOff], { tries: 3 });
    await expect(client.createWithdrawal(NEW)).rejects.toMatchObject({ status: 0, code: "UNREACHABLE" });
    expect(received).toHaveLength(3);
    const failing = await serving([problem(500, "INTERNAL")], { tries: 2 });
    await expect(failing.client.getWithdrawal("w-1")).rejects.toMatchObject({ status: 500, code: "INTERNAL" });
    const closed = createSluiceClient({ baseUrl: "http://127.0.0.1:1", keyId: "backend", privateKey, tries: 1 });
    await expect(closed.getWithdrawal("w-1")).rejects.toMatchObject({ status: 0, code: "UNREACHABLE" });
  });

  it.each([
    ["no JSON", noJson],
    ["another shape", json(200, { ...answer(), amount: 10_000 })],
    ["a state that is none", json(200, { ...answer(), state: "lost" })],
    ["a field less", json(200, { ...answer(), history: undefined })],
  ] as const)("believes no answer with %s", async (_, step) => {
    const { client } = await serving([step]);
    await expect(client.getWithdrawal("w-1")).rejects.toMatchObject({ status: 200, code: "ANSWER_MALFORMED" });
  });

  it("follows no redirection, which would carry a signature elsewhere", async () => {
    const { client, received } = await serving([json(302, {}, { location: "/v1/elsewhere" })], { tries: 1 });
    await expect(client.getWithdrawal("w-1")).rejects.toMatchObject({ code: "UNREACHABLE" });
    expect(received).toHaveLength(1);
  });

  it("ends at once with the signal's reason, also while it waits to try again", async () => {
    const { client, received } = await serving([json(429, {}, { "retry-after": "30" })]);
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("enough")), 300);
    await expect(client.getWithdrawal("w-1", { signal: stop.signal })).rejects.toThrow("enough");
    expect(received).toHaveLength(1);
    const aborted = AbortSignal.abort(new Error("never begun"));
    await expect(client.createWithdrawal(NEW, { signal: aborted })).rejects.toThrow("never begun");
    expect(received).toHaveLength(1);
  });
});

function noJson(...[response]: Parameters<Step>): void {
  response.writeHead(200).end("hello");
}

describe("waiting for a state", () => {
  const held = answer({ state: "held", revision: 2 });
  const cleared = answer({ state: "cleared", revision: 3 });

  it("tells of each change once, and ends with the state", async () => {
    const steps = [answer(), answer(), held, held, cleared].map((body) => json(200, body));
    const { client } = await serving(steps);
    const seen: number[] = [];
    const onChange = ({ revision }: WithdrawalDetails) => void seen.push(revision);
    expect(await client.waitFor("w-1", ["cleared"], { pollMs: 5, onChange })).toEqual(cleared);
    expect(seen).toEqual([1, 2, 3]);
  });

  it("ends in a final state that it did not wait for", async () => {
    const { client } = await serving([json(200, answer({ state: "rejected", revision: 2 }))]);
    expect((await client.waitFor("w-1", ["completed"])).state).toBe("rejected");
  });

  it("ends with the signal", async () => {
    const { client } = await serving([json(200, answer())]);
    const stop = new AbortController();
    const onChange = () => stop.abort(new Error("enough"));
    await expect(client.waitFor("w-1", ["cleared"], { signal: stop.signal, onChange })).rejects.toThrow("enough");
  });
});

describe("what is wrong from the start", () => {
  it("is said before anything is sent", async () => {
    const make = (change: Partial<SluiceClientOptions>) => () =>
      createSluiceClient({ baseUrl: "https://example.test", keyId: "k", privateKey, ...change });
    expect(make({ baseUrl: "https://example.test/api/" })).toThrow("scheme, host and port only");
    expect(make({ baseUrl: "https://user@example.test" })).toThrow("scheme, host and port only");
    expect(make({ baseUrl: "ftp://example.test" })).toThrow("neither http nor https");
    expect(make({ privateKey: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey })).toThrow("Ed25519");
    const { client, received } = await serving([json(200, answer())]);
    for (const id of ["", "..", "a/b", "a?b"]) await expect(client.getWithdrawal(id)).rejects.toThrow("malformed");
    expect(received).toEqual([]);
  });
});
