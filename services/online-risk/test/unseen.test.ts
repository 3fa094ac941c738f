// A key that may not see an account learns nothing of it: what is there and what is not give the same answer.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { HttpServer } from "@sluice/http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addressNumber } from "./addresses.ts";
import { operationsOf } from "./hostile-requests.ts";
import { askInProcess, openInProcess, type Told } from "./in-process.ts";
import { createSharedWorld, type Keys } from "./world.ts";

const DOCUMENT = fileURLToPath(new URL("../../../docs/openapi.json", import.meta.url));
const OPERATIONS = operationsOf(JSON.parse(readFileSync(DOCUMENT, "utf8")));
const OF_ONE = OPERATIONS.filter(({ path }) => path.startsWith("/v1/withdrawals/{id}"));

let shared: Awaited<ReturnType<typeof createSharedWorld>>;
let keys: Keys;
let api: HttpServer;
let open: HttpServer;
const cleanUps: (() => Promise<void>)[] = [];

beforeAll(async () => {
  shared = await createSharedWorld();
  keys = shared.world.keys;
  // The key of one account has every scope here, so that nothing but the account is in its way.
  const withEvery = (accounts: readonly string[] | null, idPrefix: string | null = null) => {
    return openInProcess(
      shared.world,
      (cleanUp) => cleanUps.push(cleanUp),
      ({ apiKeys }) => {
        const key = apiKeys.get(keys.limited.keyId);
        if (key === undefined) throw new Error("the keys have changed");
        const scopes = [...new Set(OPERATIONS.map(({ scope }) => scope))] as typeof key.scopes;
        const changed = { ...key, scopes, accounts, idPrefix };
        return { apiKeys: { get: (keyId) => (keyId === key.keyId ? changed : apiKeys.get(keyId)) } };
      },
    );
  };
  api = await withEvery(["acme"], "acme-");
  open = await withEvery(null);
  expect((await post(api, keys.backend, "unseen", "other")).status).toBe(202);
});
afterAll(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  await shared.end();
});

const post = (server: HttpServer, key: Keys["backend"], id: string, account: string) =>
  askInProcess(server, {
    ...{ key, method: "POST", path: "/v1/withdrawals" },
    body: { id, account, asset: "BTC", amount: "10000", address: addressNumber(1) },
  });

/** Without what is never twice the same, and with one name for what was asked for. */
const shapeOf = ({ status, headers, body }: Told, ...asked: readonly string[]) => {
  const { instance, ...said } = body;
  const text = asked.reduce((all, one) => all.replaceAll(one, "WHAT"), JSON.stringify(said));
  return [status, headers["content-type"], typeof instance, text];
};

describe("a withdrawal of an account that the key may not see", () => {
  it("there are operations to ask", () => expect(OF_ONE.length).toBeGreaterThan(3));

  it.each(OF_ONE.map((one) => [`${one.method} ${one.path}`, one] as const))("is not there: %s", async (_, one) => {
    const body = one.path.endsWith("failure") ? { conflictingTransactionId: "ab".repeat(32), reason: "why" } : "";
    const ask = (server: HttpServer, id: string) =>
      askInProcess(server, {
        ...{ key: keys.limited, method: one.method as "GET", path: one.path.replace("{id}", id), body },
      });
    const unseen = shapeOf(await ask(api, "unseen"), "unseen");
    expect(unseen).toEqual(shapeOf(await ask(api, "nothing"), "nothing"));
    expect(unseen[0]).toBe(404);
    // The planted fault: a key that sees every account tells the two apart.
    expect(shapeOf(await ask(open, "unseen"), "unseen")).not.toEqual(shapeOf(await ask(open, "nothing"), "nothing"));
  });

  const OF_ACCOUNT = OPERATIONS.filter(({ path }) => path.includes("{account}"));
  it.each(OF_ACCOUNT.map((one) => [`${one.method} ${one.path}`, one] as const))(
    "and its account is like one that is not there: %s",
    async (_, one) => {
      const body =
        one.method === "POST" ? { address: addressNumber(1) } : one.method === "PUT" ? { isEnforced: true } : "";
      const ask = (server: HttpServer, account: string) => {
        const path = one.path.replace("{account}", account).replace("{address}", addressNumber(1));
        return askInProcess(server, { key: keys.limited, method: one.method as "GET", path, body });
      };
      const other = await ask(api, "other");
      expect(shapeOf(other, "other")).toEqual(shapeOf(await ask(api, "nobody"), "nobody"));
      expect(other.body["code"]).toBe("ACCOUNT_NOT_PERMITTED");
      expect((await ask(open, "other")).status).toBe(200);
    },
  );

  it("is in no list, and its account is as empty as one that is not there", async () => {
    const list = (account: string) =>
      askInProcess(api, { key: keys.limited, path: "/v1/withdrawals", query: `?account=${account}` });
    const other = await list("other");
    expect(other.body).toEqual({ withdrawals: [], nextCursor: null });
    expect(shapeOf(other)).toEqual(shapeOf(await list("nobody")));
    expect((await askInProcess(open, { key: keys.limited, path: "/v1/withdrawals" })).body["withdrawals"]).toHaveLength(
      1,
    );
  });

  it("is not told from a free id by asking for the same id: a key with a prefix has its own", async () => {
    const taken = await post(api, keys.limited, "unseen", "acme");
    expect([taken.status, taken.body["code"]]).toEqual([403, "ID_NOT_PERMITTED"]);
    expect(shapeOf(taken, "unseen")).toEqual(shapeOf(await post(api, keys.limited, "free", "acme"), "free"));
    expect((await post(api, keys.limited, "acme-1", "acme")).status).toBe(202);
    // Without a prefix, ids are common to all keys, and a taken one is refused.
    expect((await post(open, keys.limited, "unseen", "acme")).body["code"]).toBe("WITHDRAWAL_ID_REUSED");
  });

  it("and an account is not told from one that is not there by withdrawing from it", async () => {
    const [other, nobody] = [
      await post(api, keys.limited, "acme-2", "other"),
      await post(api, keys.limited, "acme-2", "nobody"),
    ];
    expect(shapeOf(other, "other")).toEqual(shapeOf(nobody, "nobody"));
    expect(other.body["code"]).toBe("ACCOUNT_NOT_PERMITTED");
  });
});
