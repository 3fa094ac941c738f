// What people say to the online side, as they type it: signed requests to the API, and words to vault's own port.
import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../run-command.ts";
import { COMMANDS } from "./index.ts";

const TXID = "ef".repeat(32);
const folder = mkdtempSync(join(tmpdir(), "sluice-cli-"));
const keyFile = join(folder, "ann.pem");
type Heard = { readonly line: string; readonly signed: boolean; readonly body: string };
const heard: Heard[] = [];
type Answer = { readonly status: number; readonly body: object };
let answer: Answer;
/** What is answered first, where one command asks more than once. */
let follow: Answer[] = [];
let server: Server;
let url: string;

beforeAll(async () => {
  writeFileSync(keyFile, generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }));
  server = createServer(async (request, reply) => {
    const body = await text(request);
    heard.push({ line: `${request.method} ${request.url}`, signed: request.headers["signature"] !== undefined, body });
    answer = follow.shift() ?? answer;
    const contentType = answer.status < 400 ? "application/json" : "application/problem+json";
    reply.writeHead(answer.status, { "content-type": contentType }).end(JSON.stringify(answer.body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  server.closeAllConnections();
  server.close();
});

async function sluice(...words: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const output = { stdout: (line: string) => void out.push(line), stderr: (line: string) => void err.push(line) };
  return { code: await runCommand(COMMANDS, words, output), out: out.join("\n"), err: err.join("\n") };
}

const caller = () => ["--api", url, "--key-id", "ann", "--key", keyFile, "--id", "w-1"];
const fail = () => sluice("withdrawal", "fail", ...caller(), "--conflicting", TXID, "--reason", "stolen");
const SHOWN = {
  ...{ id: "w-1", account: "acme", asset: "BTC", amount: "7", address: "bcrt1", state: "broadcast", detail: "sent" },
  ...{ revision: 3, priority: "normal", fee: { payer: "exchange", amount: "0" }, txid: null, confirmations: 0 },
  ...{ receivedAtMs: 1, changedAtMs: 2, requiredConfirmations: null, notBeforeMs: null, findings: [], history: [] },
  ...{ approvals: { required: 0, by: [] }, timings: {} },
};
const problem = (status: number, code: string) => ({ status, body: { status, code, title: "No", detail: "because" } });

test("a withdrawal is shown with what stands in its way and who has said what", async () => {
  const said = [{ by: "ann", reason: "stolen", conflictingTxid: TXID, atMs: 1 }];
  const missing = { code: "PROOF_TOO_SHALLOW", detail: "it has 2 of 6" };
  answer = { status: 200, body: { ...SHOWN, failure: { conflictingTxid: TXID, missing, required: 2, said } } };
  const shown = await sluice("withdrawal", "show", ...caller());
  expect(shown.code).toBe(0);
  for (const part of [
    "w-1: broadcast: sent",
    `in its way: ${TXID}`,
    "not proven: PROOF_TOO_SHALLOW: it has 2 of 6",
    "1 of 2 people",
  ]) {
    expect(shown.out).toContain(part);
  }
  expect(heard.at(-1)).toMatchObject({ line: "GET /v1/withdrawals/w-1", signed: true });
  answer = { status: 200, body: SHOWN };
  expect((await sluice("withdrawal", "show", ...caller())).out).not.toContain("in its way");
});

test("a person's word is signed; what is missing comes back with its code", async () => {
  answer = problem(409, "CONFLICT_IN_NO_BLOCK");
  expect(await fail()).toMatchObject({ code: 65, err: "CONFLICT_IN_NO_BLOCK: because" });
  answer = { status: 200, body: { ...SHOWN, state: "failed", detail: "failed by ann (stolen) and bob (so it is)" } };
  expect(await fail()).toMatchObject({ code: 0, out: expect.stringContaining("w-1: failed: failed by ann") });
  expect(heard.at(-1)).toEqual({
    line: "POST /v1/withdrawals/w-1/failure",
    signed: true,
    body: JSON.stringify({ conflictingTransactionId: TXID, reason: "stolen" }),
  });
  expect(await sluice("withdrawal", "fail", ...caller(), "--conflicting", TXID)).toMatchObject({ code: 64 });
});

test("what waits for a person in vault is planned again by name and reason", async () => {
  const why = ["--by", "ann", "--reason", "the journals were read"];
  answer = { status: 200, body: { plannedAgain: true } };
  expect(await sluice("vault", "plan-again", "--vault", url, "--task", "t-1", ...why)).toMatchObject({ code: 0 });
  expect(heard.at(-1)).toMatchObject({
    line: "POST /tasks/t-1/plan-again",
    body: JSON.stringify({ by: "ann", reason: "the journals were read" }),
  });
  answer = problem(409, "WITHDRAWAL_NOT_STUCK");
  const refused = await sluice("vault", "plan-again", "--vault", url, "--withdrawal", "w-1", ...why);
  expect(refused).toMatchObject({ code: 65, err: "WITHDRAWAL_NOT_STUCK: because" });
  expect(heard.at(-1)?.line).toBe("POST /withdrawals/w-1/plan-again");
  expect((await sluice("vault", "plan-again", "--vault", url, ...why)).code).toBe(64);
  expect(await sluice("vault", "plan-again", "--vault", "http://127.0.0.1:1", "--task", "t", ...why)).toMatchObject({
    code: 69,
  });
});

const SUSPENSION = {
  ...{
    id: "5c0d9b7e-0000-4000-8000-000000000001",
    kind: "account",
    value: "acme",
    reason: "a leak",
    by: "ann",
    atMs: 0,
  },
  reopenedAtMs: null,
  reopening: { required: 2, checklist: { "cause-known": "What was it?", "way-closed": "Is it closed?" }, said: [] },
};
const person = () => ["--api", url, "--key-id", "ann", "--key", keyFile];

test("something is suspended by a signed word, listed, and reopened with an answer to each item of the checklist", async () => {
  answer = { status: 200, body: SUSPENSION };
  const stopped = await sluice("suspend", "account", "acme", ...person(), "--reason", "a leak");
  expect(stopped).toMatchObject({ code: 0, out: expect.stringContaining("account acme is suspended since 1970") });
  const body = JSON.stringify({ kind: "account", value: "acme", reason: "a leak" });
  expect(heard.at(-1)).toEqual({ line: "POST /v1/suspensions", signed: true, body });
  await sluice("suspend", "all", ...person(), "--reason", "a leak");
  expect(heard.at(-1)?.body).toBe(JSON.stringify({ kind: "all", reason: "a leak" }));
  for (const wrong of [["moon", "x"], ["account"], ["all", "x"], ["account", "acme", "more"], []])
    expect((await sluice("suspend", ...wrong, ...person(), "--reason", "x")).code, wrong.join(" ")).toBe(64);
  expect((await sluice("suspend", "all", ...person())).code).toBe(64);

  answer = { status: 200, body: { suspensions: [SUSPENSION] } };
  const listed = await sluice("suspensions", ...person(), "--json");
  expect(JSON.parse(listed.out)).toEqual({ ok: true, suspensions: [SUSPENSION] });
  expect((await sluice("suspensions", ...person())).out).toContain("0 of 2 people have said so");
  const unknown = await sluice("reopen", "5c0d9b7e-0000-4000-8000-000000000002", ...person());
  expect(unknown).toMatchObject({ code: 65, err: expect.stringContaining("SUSPENSION_UNKNOWN") });
});

test("a reopening goes out with every answer, and what the service says against it comes back with its code", async () => {
  const said = [{ by: "ann", atMs: 1, answers: {} }];
  const answers = ["--answer", "cause-known=a lost laptop = gone", "--answer", "way-closed=yes"];
  const list = { status: 200, body: { suspensions: [SUSPENSION] } };
  const after = { status: 200, body: { ...SUSPENSION, reopening: { ...SUSPENSION.reopening, said } } };
  follow = [list, after];
  expect(await sluice("reopen", SUSPENSION.id, ...person(), ...answers)).toMatchObject({
    code: 0,
    out: expect.stringContaining("1 of 2 people have said so"),
  });
  expect(heard.at(-1)).toEqual({
    ...{ line: `POST /v1/suspensions/${SUSPENSION.id}/reopening`, signed: true },
    body: JSON.stringify({ answers: { "cause-known": "a lost laptop = gone", "way-closed": "yes" } }),
  });
  follow = [list, problem(403, "SAME_PERSON")];
  expect(await sluice("reopen", SUSPENSION.id, ...person(), ...answers)).toMatchObject({
    code: 65,
    err: expect.stringContaining("SAME_PERSON: because"),
  });
  expect((await sluice("reopen", SUSPENSION.id, ...person(), "--answer", "nothing")).code).toBe(64);
});

test("without --answer every item of the checklist is asked, one line each", async () => {
  const said = [{ by: "ann", atMs: 1, answers: {} }];
  follow = [
    { status: 200, body: { suspensions: [SUSPENSION] } },
    { status: 200, body: { ...SUSPENSION, reopening: { ...SUSPENSION.reopening, said } } },
  ];
  const main = new URL("../main.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [main, "reopen", SUSPENSION.id, ...person()]);
  child.stdin.end("a lost laptop\nits keys are revoked\n");
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(out).toContain("1 of 2 people have said so");
  expect(err).toContain("cause-known: What was it?\nway-closed: Is it closed?");
  expect(heard.at(-1)?.body).toBe(
    JSON.stringify({ answers: { "cause-known": "a lost laptop", "way-closed": "its keys are revoked" } }),
  );
});

test("webhooks: endpoints' health, each attempt with its status, and sending again by id or range", async () => {
  const where = ["--webhooks", url];
  const endpoint = { name: "main", url: "https://x.example", state: "disabled", disabledBecause: "BY_PERSON" };
  const counts = { waiting: 2, waitingSince: "2026-01-01T00:00:00.000Z", exhausted: 1, failures: 3, lastSequence: 9 };
  answer = { status: 200, body: { endpoints: [{ ...endpoint, ...counts }] } };
  const shown = await sluice("webhooks", "endpoints", ...where);
  expect(shown).toMatchObject({
    code: 0,
    out: expect.stringContaining("main: disabled (BY_PERSON), 2 wait since 2026"),
  });
  const attempts = [{ number: 1, startedAt: "then", code: "STATUS", status: 503, durationMs: 12, answer: "" }];
  const delivery = { id: "msg_1", endpoint: "main", sequence: 4, withdrawalId: "w-1", revision: 2, type: "t" };
  answer = { status: 200, body: { deliveries: [{ ...delivery, state: "waiting", attempts }] } };
  const listed = await sluice("webhooks", "deliveries", ...where, "--withdrawal", "w-1", "--limit", "5");
  expect(listed.out).toContain("attempt 1 at then: STATUS 503, 12 ms");
  expect(heard.at(-1)?.line).toBe("GET /deliveries?withdrawal=w-1&limit=5");
  const json = await sluice("webhooks", "deliveries", ...where, "--json");
  expect(JSON.parse(json.out)).toMatchObject({ ok: true, deliveries: [{ id: "msg_1", attempts: [{ status: 503 }] }] });
  const again = (what: string, ...more: readonly string[]) =>
    sluice("webhooks", "resend", what, ...where, "--endpoint", "main", "--by", "ann", ...more);
  answer = { status: 200, body: { endpoint: "main", deliveries: 3 } };
  expect(await again("msg_1")).toMatchObject({ code: 0, out: "3 of main are sent again" });
  expect(heard.at(-1)).toMatchObject({
    line: "POST /resend",
    body: JSON.stringify({ endpoint: "main", by: "ann", id: "msg_1" }),
  });
  await again("4-9");
  expect(heard.at(-1)?.body).toBe(JSON.stringify({ endpoint: "main", by: "ann", from: 4, to: 9 }));
  expect((await again("msg_1", "--series", "2026-01-01T00:00:00Z")).code).toBe(64);
  answer = problem(404, "ENDPOINT_UNKNOWN");
  expect(await again("msg_1")).toMatchObject({ code: 65, err: "ENDPOINT_UNKNOWN: because" });
  expect((await sluice("webhooks", "endpoints", "--webhooks", "http://127.0.0.1:1")).code).toBe(69);
});
