// What people say to the online side, as they type it: signed requests to the API, and words to vault's own port.
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
let answer: { readonly status: number; readonly body: object };
let server: Server;
let url: string;

beforeAll(async () => {
  writeFileSync(keyFile, generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }));
  server = createServer(async (request, reply) => {
    const body = await text(request);
    heard.push({ line: `${request.method} ${request.url}`, signed: request.headers["signature"] !== undefined, body });
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
