// Sends signed requests at a fixed rate, an open loop: each has a time at which it is meant to leave, and its latency counts from
// then, also while it waits for a free connection. A process of its own; what it needs comes as JSON in an environment variable.
import { createPrivateKey, type KeyObject } from "node:crypto";
import { connect, type Socket } from "node:net";
import { signRequest } from "@sluice/contracts";

export type Load = {
  readonly ports: readonly number[];
  readonly rate: number;
  readonly seconds: number;
  readonly connections: number;
  readonly run: string;
  /** Accounts are drawn evenly from so many, but for the share that goes to the busiest. */
  readonly accounts: number;
  readonly busyShare: number;
  readonly addresses: readonly string[];
  readonly keyId: string;
  readonly privateKeyPem: string;
};

/** What it tells on its standard output, as one line of JSON. */
export type LoadResult = {
  readonly sent: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** From the intended time to the whole answer, of those that were accepted, sorted. */
  readonly latenciesMs: readonly number[];
  readonly cpuMs: number;
};

if (import.meta.main) await main(JSON.parse(process.env["SLUICE_BENCH_LOAD"] ?? "") as Load);

async function main(load: Load): Promise<void> {
  const key = createPrivateKey(load.privateKeyPem);
  const requests = Array.from({ length: Math.round(load.rate * load.seconds) }, (_, at) => requestBytes(load, key, at));
  const lines = await Promise.all(
    Array.from({ length: load.connections }, (_, at) => openLine(load.ports[at % load.ports.length] ?? 0)),
  );
  process.stdout.write("ready\n");
  await new Promise<void>((resolve) => process.stdin.once("data", () => resolve()));
  process.stdin.pause();
  const cpu = process.cpuUsage();
  const result = await send(requests, lines, load.rate);
  const { user, system } = process.cpuUsage(cpu);
  process.stdout.write(`${JSON.stringify({ ...result, cpuMs: (user + system) / 1_000 } satisfies LoadResult)}\n`);
  for (const { socket } of lines) socket.destroy();
}

function requestBytes(load: Load, key: KeyObject, at: number): Buffer {
  // Multiplied by a number without a common factor: every account in turn, and none twice in a row.
  const number = at % 1_000 < load.busyShare * 1_000 ? 0 : (at * 40_503) % load.accounts;
  const body = Buffer.from(
    JSON.stringify({
      ...{ id: `${load.run}-${at}`, account: `account-${number}`, asset: "BTC", amount: String(10_000 + (at % 1_000)) },
      address: load.addresses[at % load.addresses.length],
    }),
  );
  const authority = "sluice.bench";
  const signed = signRequest(
    {
      method: "POST",
      authority,
      path: "/v1/withdrawals",
      query: "",
      contentType: "application/json",
      body: new Uint8Array(body),
    },
    { keyId: load.keyId, privateKey: key },
    { createdAtMs: Date.now(), nonce: `nonce-of-${load.run}-${at}` },
  );
  const head = [
    "POST /v1/withdrawals HTTP/1.1",
    `host: ${authority}`,
    "content-type: application/json",
    `content-length: ${body.length}`,
    `content-digest: ${signed.contentDigest}`,
    `signature-input: ${signed.signatureInput}`,
    `signature: ${signed.signature}`,
  ].join("\r\n");
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body]);
}

type Line = { readonly socket: Socket; answered: (status: number) => void };

async function openLine(port: number): Promise<Line> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", () => resolve());
    socket.once("error", reject);
  });
  const line: Line = { socket, answered: () => undefined };
  let pending: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const headEnd = pending.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const head = pending.toString("latin1", 0, headEnd);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (pending.length < headEnd + 4 + length) return;
    pending = pending.subarray(headEnd + 4 + length);
    line.answered(Number(head.slice(9, 12)));
  });
  // A line that breaks answers nothing more: what it had in hand is counted as unanswered.
  socket.on("error", () => line.answered(0));
  return line;
}

async function send(requests: readonly Buffer[], lines: readonly Line[], rate: number) {
  const free = [...lines];
  const statuses: Record<string, number> = {};
  const latenciesMs: number[] = [];
  const startMs = performance.now();
  let [next, done] = [0, 0];
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  const pump = (): void => {
    const dueBefore = ((performance.now() - startMs) * rate) / 1_000;
    while (next < requests.length && next <= dueBefore && free.length > 0) give(next++);
  };
  const ticking = setInterval(pump, 1);
  await finished;
  clearInterval(ticking);
  const seconds = (performance.now() - startMs) / 1_000;
  return { sent: next, statuses, seconds, latenciesMs: latenciesMs.toSorted((left, right) => left - right) };

  function give(at: number): void {
    const [line, bytes] = [free.pop(), requests[at]];
    if (line === undefined || bytes === undefined) throw new Error("nothing to send, or no line");
    line.answered = (status) => {
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status === 202) latenciesMs.push(performance.now() - startMs - (at * 1_000) / rate);
      if (status !== 0) free.push(line);
      done += 1;
      if (done === requests.length) finish();
      else pump();
    };
    line.socket.write(bytes);
  }
}
