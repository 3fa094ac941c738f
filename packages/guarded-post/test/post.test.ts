// Posts to real servers, honest and hostile: what reaches whom, and what is made of each answer.
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { afterAll, describe, expect, it, onTestFinished, test } from "vitest";
import { createPoster, type PosterOptions, parseNetwork } from "../src/index.ts";
import { makeCertificate } from "../src/testing.ts";

const certificate = makeCertificate(["localhost", "hooks.test"], ["127.0.0.1"]);
const LOOPBACK = ["127.0.0.0/8", "::1"].map((text) => parseNetwork(text) ?? { bytes: [], bits: 0 });
const BODY = Buffer.from('{"a":1}');
const servers: Server[] = [];
afterAll(() => servers.forEach((server) => void server.close()));

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

const https = (answer: RequestListener, own = certificate) => listening(createHttpsServer(own, answer));

function poster(change: Partial<PosterOptions> = {}) {
  const made = createPoster({
    ...{ timeoutMs: 2_000, keptBytes: 32, extraCa: certificate.cert, allowedNetworks: LOOPBACK, plainHosts: [] },
    ...change,
  });
  onTestFinished(made.close);
  return { post: (url: string) => made.post(url, { "content-type": "application/json" }, BODY) };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test("posts the bytes as they are, by name and by address, over one connection while it is used", async () => {
  const seen: unknown[] = [];
  const sockets = new Set<Socket>();
  const port = await https(async (request, response) => {
    sockets.add(request.socket);
    const { host, "content-type": type, "content-length": length } = request.headers;
    seen.push([request.method, request.url, host, type, length, await bodyOf(request)]);
    response.statusCode = 202;
    response.end("thanks\u0000\u001b[31m\n");
  });
  const { post } = poster();
  for (const url of [`https://localhost:${port}/a?b`, `https://localhost:${port}/a?b`, `https://0x7f.1:${port}/`]) {
    expect(await post(url)).toEqual({
      ...{ kind: "answered", status: 202, answer: "thanks [31m ", retryAfterMs: null, durationMs: expect.any(Number) },
    });
  }
  const by = (host: string, path: string) => ["POST", path, `${host}:${port}`, "application/json", "7", '{"a":1}'];
  expect(seen).toEqual([by("localhost", "/a?b"), by("localhost", "/a?b"), by("127.0.0.1", "/")]);
  expect(sockets.size).toBe(2);
});

describe("an address that is inside", () => {
  const resolving = (
    ...answers: readonly (readonly string[])[]
  ): Required<Pick<PosterOptions, "resolve">> & { asked: () => number } => {
    let asked = 0;
    return {
      asked: () => asked,
      resolve: (_, answer) => {
        const addresses = answers[Math.min(asked, answers.length - 1)] ?? [];
        asked += 1;
        answer(
          null,
          addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
        );
      },
    };
  };
  const forbidden = { kind: "failed", code: "ADDRESS_FORBIDDEN" };
  const count = { requests: 0 };
  const port = https((_, response) => {
    count.requests += 1;
    response.end();
  });

  it.each([
    ["the name's own", ["127.0.0.1"], "hooks.test has the address 127.0.0.1 (loopback)"],
    ["one of several", ["93.184.216.34", "127.0.0.1"], "hooks.test has the address 127.0.0.1 (loopback)"],
    ["the first of several", ["10.0.0.1", "93.184.216.34"], "hooks.test has the address 10.0.0.1 (private)"],
    ["a mapped one", ["::ffff:127.0.0.1"], "hooks.test has the address ::ffff:127.0.0.1 (loopback)"],
    ["a cloud's metadata", ["169.254.169.254"], "hooks.test has the address 169.254.169.254 (link-local)"],
  ])("%s is not connected to", async (_, addresses, detail) => {
    const names = resolving(addresses);
    const { post } = poster({ allowedNetworks: [], resolve: names.resolve });
    expect(await post(`https://hooks.test:${await port}/`)).toMatchObject({ ...forbidden, detail });
    expect([names.asked(), count.requests]).toEqual([1, 0]);
  });

  it("is not connected to when the URL itself names it, and nobody is asked for it", async () => {
    const names = resolving(["93.184.216.34"]);
    const { post } = poster({ allowedNetworks: [], resolve: names.resolve });
    for (const host of ["127.0.0.1", "0x7f.1", "[::ffff:127.0.0.1]", "2130706433"]) {
      expect(await post(`https://${host}:${await port}/`)).toMatchObject(forbidden);
    }
    expect([names.asked(), count.requests]).toEqual([0, 0]);
  });

  it("is not reached by a name that changes between look and connection, because it is asked once for each connection", async () => {
    // Allowed at the first look, the cloud's metadata at any later one.
    const names = resolving(["127.0.0.1"], ["169.254.169.254"]);
    const { post } = poster({ resolve: names.resolve });
    expect(await post(`https://hooks.test:${await port}/`)).toMatchObject({ kind: "answered", status: 200 });
    expect([names.asked(), count.requests]).toEqual([1, 1]);
    const other = poster({ resolve: names.resolve });
    expect(await other.post(`https://hooks.test:${await port}/`)).toMatchObject(forbidden);
    expect([names.asked(), count.requests]).toEqual([2, 1]);
  });

  it("is not reached by a redirect: none is followed", async () => {
    const redirecting = await https((_, response) => {
      response.writeHead(307, { location: `https://127.0.0.1:${port}/` });
      response.end("elsewhere");
    });
    const before = count.requests;
    expect(await poster().post(`https://localhost:${redirecting}/`)).toMatchObject({
      status: 307,
      answer: "elsewhere",
    });
    expect(count.requests).toBe(before);
  });
});

describe("a bad answer", () => {
  it("without end, or dribbled, costs no more than is kept and no longer than is waited; its status counts", async () => {
    const endless = await https((_, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
      };
      response.on("drain", more);
      response.on("error", () => undefined);
      more();
    });
    expect(await poster().post(`https://localhost:${endless}/`)).toMatchObject({ status: 200, answer: "x".repeat(32) });
    const dribbling = await https((_, response) => {
      response.writeHead(500, { "retry-after": "120" });
      response.write("wait");
    });
    const { post } = poster({ timeoutMs: 300 });
    expect(await post(`https://localhost:${dribbling}/`)).toMatchObject({
      status: 500,
      answer: "wait",
      retryAfterMs: 120_000,
    });
  });

  it.each([
    ["silence", "TIMED_OUT", () => undefined],
    ["half a header", "TIMED_OUT", (socket: Socket) => void socket.write("HTTP/1.1 200 OK\r\nx: ")],
    ["no HTTP", "ANSWER_INVALID", (socket: Socket) => void socket.end("220 mail.example.org ESMTP\r\n")],
    [
      "a header without end",
      "ANSWER_INVALID",
      (socket: Socket) => void socket.write(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(1 << 20)}`),
    ],
    ["nothing", "CONNECTION_FAILED", (socket: Socket) => void socket.destroy()],
  ] as readonly (readonly [string, string, (socket: Socket) => void])[])("%s: %s", async (_, code, answer) => {
    const port = await listening(
      createTcpServer((socket) => {
        socket.on("error", () => undefined);
        socket.once("data", () => answer(socket));
      }),
    );
    const { post } = poster({ timeoutMs: 300, plainHosts: ["localhost"] });
    expect(await post(`http://localhost:${port}/`)).toMatchObject({ kind: "failed", code });
  });

  it("from somebody without the right certificate, or from nobody, is none", async () => {
    let requests = 0;
    const answer: RequestListener = (_, response) => {
      requests += 1;
      response.end();
    };
    const unknown = await https(answer, makeCertificate(["localhost"], []));
    const misnamed = await https(answer);
    const plain = await listening(createHttpServer(answer));
    const { post } = poster();
    const codeOf = async (url: string): Promise<string | number> => {
      const outcome = await post(url);
      return outcome.kind === "failed" ? outcome.code : outcome.status;
    };
    expect(await codeOf(`https://localhost:${unknown}/`)).toBe("TLS_FAILED");
    const elsewhere = poster({ resolve: (_, found) => found(null, [{ address: "127.0.0.1", family: 4 }]) });
    expect(await elsewhere.post(`https://other.test:${misnamed}/`)).toMatchObject({
      kind: "failed",
      code: "TLS_FAILED",
    });
    expect(await codeOf(`https://localhost:${plain}/`)).toBe("TLS_FAILED");
    expect(await codeOf(`http://localhost:${plain}/`)).toBe("ADDRESS_FORBIDDEN");
    const closed = await listening(createTcpServer());
    servers.pop()?.close();
    expect(await codeOf(`https://127.0.0.1:${closed}/`)).toBe("CONNECTION_FAILED");
    const nobody = poster({ resolve: (_, found) => found(Object.assign(new Error("no"), { code: "ENOTFOUND" }), []) });
    expect(await nobody.post("https://nobody.test/")).toMatchObject({ kind: "failed", code: "NAME_UNRESOLVED" });
    // Also where the environment says that any certificate will do.
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    onTestFinished(() => void delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"]);
    expect(await codeOf(`https://localhost:${unknown}/`)).toBe("TLS_FAILED");
    expect(requests).toBe(0);
  });
});
