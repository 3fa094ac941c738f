// TLS to a node: its certificate counts, or nothing is said to it, least of all the password.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { openConnection } from "../src/connection.ts";

const openssl = (...args: readonly string[]) => promisify(execFile)("openssl", args);

type Made = { readonly key: string; readonly cert: string };

let folder: string;
const servers: { readonly server: Server; readonly passwords: string[]; readonly port: number }[] = [];

/** Self-made and signed by itself, as bitcoind's owner would put before it. */
async function certificate(name: string, subject: string): Promise<Made> {
  const [keyFile, certFile] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  await openssl(
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-keyout", keyFile, "-out", certFile, "-subj", `/CN=${name}`, "-addext", `subjectAltName=${subject}`],
  );
  return { key: await readFile(keyFile, "utf8"), cert: await readFile(certFile, "utf8") };
}

/** Answers every question with 7, and notes who asked. */
async function serve({ key, cert }: Made) {
  const passwords: string[] = [];
  const server = createServer({ key, cert }, (request, response) => {
    passwords.push(String(request.headers.authorization));
    request.resume().on("end", () => response.end('{"id":1,"result":7,"error":null}'));
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push({ server, passwords, port: (server.address() as AddressInfo).port });
  return servers.at(-1) ?? expect.unreachable();
}

let own: Made;
let other: Made;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tls-"));
  own = await certificate("own", "IP:127.0.0.1");
  other = await certificate("other", "IP:127.0.0.1");
});
afterAll(async () => {
  for (const { server } of servers) {
    server.closeAllConnections();
    server.close();
  }
  await rm(folder, { recursive: true, force: true });
});

function connectTo(port: number, ca?: string, host = "127.0.0.1") {
  const connection = openConnection({
    url: `https://${host}:${port}`,
    credentials: { user: "gateway", password: "a-password" },
    timeoutMs: 20_000,
    stopping: new AbortController().signal,
    ...(ca === undefined ? {} : { ca }),
  });
  onTestFinished(connection.close);
  return connection;
}

describe("a node behind TLS", () => {
  it("is asked when it shows the very certificate of its caFile", async () => {
    const { port, passwords } = await serve(own);
    expect(await connectTo(port, own.cert).ask("getblockcount", [])).toEqual({ ok: true, result: 7 });
    expect(passwords).toEqual([`Basic ${Buffer.from("gateway:a-password").toString("base64")}`]);
  });

  it("is asked when an authority of its caFile has signed its certificate, among others in that file", async () => {
    const request = join(folder, "leaf.csr");
    const keyFile = join(folder, "leaf.key");
    const extensions = join(folder, "leaf.ext");
    await writeFile(extensions, "subjectAltName=IP:127.0.0.1\n");
    await openssl(
      ...["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyFile],
      ...["-out", request, "-subj", "/CN=leaf"],
    );
    const { stdout: cert } = await openssl(
      ...["x509", "-req", "-in", request, "-CA", join(folder, "own.pem"), "-CAkey", join(folder, "own.key")],
      ...["-CAcreateserial", "-extfile", extensions],
    );
    const { port } = await serve({ key: await readFile(keyFile, "utf8"), cert });
    const file = `${other.cert}\n${own.cert}`;
    expect(await connectTo(port, file).ask("getblockcount", [])).toEqual({ ok: true, result: 7 });
  });

  it.each([
    ["shows a certificate of somebody else", async () => ({ made: other, ca: own.cert })],
    ["shows a self-made one that nobody told of", async () => ({ made: own, ca: undefined })],
    ["shows one for another name", async () => again(await certificate("elsewhere", "DNS:elsewhere.example"))],
    ["shows one that has expired", async () => again(await expired())],
  ])("that %s is refused, named, and never hears the password", async (_what, make) => {
    const { made, ca } = await make();
    const { port, passwords } = await serve(made);
    await expect(connectTo(port, ca).ask("getblockcount", [])).rejects.toMatchObject({ word: "untrusted" });
    expect(passwords).toEqual([]);
  });

  it("that speaks no TLS is not asked either", async () => {
    const { createServer: createPlain } = await import("node:net");
    const plain = createPlain((socket) => socket.on("error", () => undefined).end("HTTP/1.1 200 OK\r\n\r\n"));
    plain.listen(0, "127.0.0.1");
    await once(plain, "listening");
    onTestFinished(() => void plain.close());
    const { port } = plain.address() as AddressInfo;
    await expect(connectTo(port, own.cert).ask("getblockcount", [])).rejects.toMatchObject({ code: "NODE_FAULT" });
  });
});

const again = (made: Made) => ({ made, ca: made.cert });

/** Signed anew so that it ended yesterday. */
async function expired(): Promise<Made> {
  const { key } = await certificate("old", "IP:127.0.0.1");
  const [keyFile, request] = [join(folder, "old.key"), join(folder, "old.csr")];
  await openssl("req", "-new", "-key", keyFile, "-out", request, "-subj", "/CN=old");
  const { stdout: cert } = await openssl("x509", "-req", "-in", request, "-signkey", keyFile, "-days", "-1");
  return { key, cert };
}
