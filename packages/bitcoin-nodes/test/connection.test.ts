// One question to one server over plain HTTP: credentials, sizes, kept connections, and whose answer it is.
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { type Credentials, openConnection } from "../src/connection.ts";

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function connectTo(url: string, credentials: Credentials = { user: "u", password: "p" }, outcomes: string[] = []) {
  const connection = openConnection({
    ...{ url, credentials, timeoutMs: 20_000, stopping: new AbortController().signal },
    onAnswer: (method, outcome) => outcomes.push(`${method} ${outcome}`),
  });
  onTestFinished(connection.close);
  return connection;
}

/** Answers every question with what came as its credentials. */
const echo: RequestListener = (request, response) => {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    const { id } = JSON.parse(Buffer.concat(parts).toString()) as { readonly id: number };
    const given = Buffer.from(String(request.headers.authorization).replace("Basic ", ""), "base64").toString();
    response.end(JSON.stringify({ id, result: given, error: null }));
  });
};

it("a node's cookie is read anew for each question, since each of its starts writes another", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cookie-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const cookieFile = join(folder, ".cookie");
  const outcomes: string[] = [];
  const { ask } = connectTo(await serve(echo), { cookieFile }, outcomes);
  await expect(ask("first", [])).rejects.toMatchObject({ word: "unauthorised" });
  for (const cookie of ["__cookie__:one", "__cookie__:two"]) {
    await writeFile(cookieFile, `${cookie}\n`);
    expect(await ask("then", [])).toEqual({ ok: true, result: cookie });
  }
  expect(outcomes).toEqual(["first unauthorised", "then ok", "then ok"]);
});

it("an answer without end is cut off at its size, however long it would be waited for", async () => {
  let sent = 0;
  const chunk = Buffer.alloc(1024 * 1024, " ");
  const url = await serve((_, response) => {
    const pour = (): void => {
      if (response.destroyed) return;
      sent += chunk.length;
      response.write(chunk, () => setImmediate(pour));
    };
    pour();
  });
  await expect(connectTo(url).ask("getblock", [])).rejects.toMatchObject({ word: "nonsense" });
  expect(sent).toBeGreaterThan(9 * chunk.length);
});

it("a kept connection that the node closed meanwhile is no fault of the node", async () => {
  let connections = 0;
  const url = await serve((request, response) => {
    connections += 1;
    echo(request, response);
    // As bitcoind does after a while: closed without a word, in the moment after the answer.
    response.on("finish", () => setImmediate(() => request.socket.destroy()));
  });
  const { ask } = connectTo(url);
  for (let question = 0; question < 20; question += 1)
    expect(await ask("getblockcount", [])).toMatchObject({ ok: true });
  expect(connections).toBeGreaterThanOrEqual(20);
});

it("a refusal is an answer, with its code", async () => {
  const url = await serve((request, response) => {
    request.resume().on("end", () => {
      response.writeHead(500);
      response.end('{"id":1,"result":null,"error":{"code":-8,"message":"Block height out of range"}}');
    });
  });
  expect(await connectTo(url).ask("getblockhash", [9])).toEqual({
    ok: false,
    refusal: { code: -8, message: "Block height out of range" },
  });
});
