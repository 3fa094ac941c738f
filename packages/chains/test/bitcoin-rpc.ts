// The node's JSON-RPC for tests, at the address that the environment names.

type Call = <T>(method: string, params?: readonly unknown[]) => Promise<T>;

export function bitcoinRpc(): { readonly call: Call; readonly wallet: (name: string) => Call } {
  const address = process.env["BITCOIN_RPC_URL"];
  if (address === undefined) throw new Error("BITCOIN_RPC_URL names the node of the tests");
  const url = new URL(address);
  const authorization = `Basic ${Buffer.from(`${url.username}:${url.password}`).toString("base64")}`;
  const callAt =
    (path: string): Call =>
    async <T>(method: string, params: readonly unknown[] = []) => {
      const answer = await fetch(new URL(path, url.origin), {
        method: "POST",
        headers: { authorization, "content-type": "application/json" },
        body: JSON.stringify({ jsonrpc: "1.0", id: 1, method, params }),
      });
      const body = (await answer.json()) as { readonly result: T; readonly error: { readonly message: string } | null };
      if (body.error !== null) throw new Error(`${method}: ${body.error.message}`);
      return body.result;
    };
  return { call: callAt("/"), wallet: (name) => callAt(`/wallet/${encodeURIComponent(name)}`) };
}
