// One JSON-RPC question to bitcoind.

export type RpcAnswer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly code: number; readonly message: string };

/** The address carries the credentials: http://user:password@host:port. Rejects when nothing answers in HTTP with JSON. */
export async function askBitcoind(url: string, method: string, params: readonly unknown[] = []): Promise<RpcAnswer> {
  const address = new URL(url);
  const credentials = `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}`;
  address.username = "";
  address.password = "";
  const response = await fetch(address, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(credentials).toString("base64")}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ jsonrpc: "1.0", id: "sluice", method, params }),
    signal: AbortSignal.timeout(10_000),
  });
  if (response.status === 401 || response.status === 403)
    return { ok: false, code: response.status, message: "wrong credentials" };
  return readAnswer(await response.json());
}

function readAnswer(body: unknown): RpcAnswer {
  if (typeof body !== "object" || body === null) throw new Error("the answer is not a JSON object");
  const error: unknown = Reflect.get(body, "error");
  if (typeof error === "object" && error !== null) {
    return { ok: false, code: Number(Reflect.get(error, "code")), message: String(Reflect.get(error, "message")) };
  }
  return { ok: true, result: Reflect.get(body, "result") };
}
