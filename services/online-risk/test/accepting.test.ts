// What the front door accepts: once for each id however often and however concurrently it is asked, and readable later.
import { setTimeout } from "node:timers/promises";
import { createTrust, verifyRequest } from "@sluice/contracts";
import { describe, expect, it } from "vitest";
import { addressNumber } from "./addresses.ts";
import { trustEntry } from "./keys.ts";
import { type Answer, type RawRequest, send } from "./raw-request.ts";
import { clientOf, countRows, newWithdrawal, shareWorld, type World } from "./world.ts";

const { world: shared, living } = shareWorld();

/** First, while nothing else is there. */
describe("the list", () => {
  it("is listed newest first, page by page without gap or repetition while more arrives", async () => {
    const [world, running] = [shared(), await living()];
    const client = clientOf(running, world.keys.backend);
    const ids: string[] = [];
    for (let n = 0; n < 7; n += 1) {
      const account = n % 2 === 0 ? "acme" : "other";
      ids.unshift((await client.createWithdrawal(newWithdrawal({ account }))).id);
    }
    const seen: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await client.listWithdrawals({ limit: 3, ...(cursor === undefined ? {} : { cursor }) });
      expect(page.withdrawals.length).toBeLessThanOrEqual(3);
      seen.push(...page.withdrawals.map(({ id }) => id));
      cursor = page.nextCursor;
      await client.createWithdrawal(newWithdrawal());
    }
    expect(seen).toEqual(ids);
    const ofAccount = await client.listWithdrawals({ account: "other" });
    expect(ofAccount.withdrawals.map(({ account }) => account)).toEqual(["other", "other", "other"]);
    await client.waitFor(ids[0] ?? "", ["cleared"], { pollMs: 100 });
    expect((await client.listWithdrawals({ state: "cleared", limit: 1 })).withdrawals).toHaveLength(1);
    expect((await client.listWithdrawals({ state: "rejected" })).withdrawals).toEqual([]);
    const limited = await clientOf(running, world.keys.limited).listWithdrawals({ limit: 200 });
    expect(new Set(limited.withdrawals.map(({ account }) => account))).toEqual(new Set(["acme"]));
    expect((await clientOf(running, world.keys.limited).listWithdrawals({ account: "other" })).withdrawals).toEqual([]);
  });
});

describe("the same id", () => {
  it("asked 640 times at once with mixed bodies is one withdrawal; equal bodies get equal answers, others 409", async () => {
    const [world, running] = [shared(), await living()];
    const before = await stored(world);
    const ids = Array.from({ length: 20 }, (_, index) => `storm-${index}`);
    const bodies = (id: string) =>
      ["10000", "20000"].map((amount) => {
        return JSON.stringify({ id, account: "acme", asset: "BTC", amount, address: addressNumber(1) });
      });
    const asked = ids.flatMap((id) => Array.from({ length: 32 }, (_, n) => ({ id, body: bodies(id)[n % 2] ?? "" })));
    const answers = await Promise.all(
      shuffled(asked).map(async ({ id, body }) => {
        return { id, body, answer: await sendUntilTaken(running.api, { key: world.keys.backend, body }) };
      }),
    );
    let refused = 0;
    for (const id of ids) {
      const ofIt = answers.filter((item) => item.id === id);
      const accepted = ofIt.filter(({ answer }) => answer.status === 202);
      const others = ofIt.filter(({ answer }) => answer.status !== 202);
      expect([accepted.length, others.length]).toEqual([16, 16]);
      expect(new Set(accepted.map(({ body }) => body)).size).toBe(1);
      const asStored = accepted.map(({ answer: { body } }) =>
        [body["id"], body["amount"], body["receivedAtMs"]].join(),
      );
      expect(new Set(asStored).size).toBe(1);
      for (const { answer } of others) expect([answer.status, answer.body.code]).toEqual([409, "WITHDRAWAL_ID_REUSED"]);
      refused += others.length;
    }
    expect(refused).toBe(320);
    expect(await stored(world)).toEqual(before.map((rows) => rows + 20));
  });

  it("and body is answered with the withdrawal as it stands, by any key that may see it", async () => {
    const [world, running] = [shared(), await living()];
    const [client, limited] = [clientOf(running, world.keys.backend), clientOf(running, world.keys.limited)];
    const withdrawal = newWithdrawal();
    await client.createWithdrawal(withdrawal);
    // When it is to be expected is said to who asks how it stands, and to nobody who posts.
    const { expected: _, ...cleared } = await client.waitFor(withdrawal.id, ["cleared"], { pollMs: 100 });
    expect(await limited.createWithdrawal(withdrawal)).toEqual(cleared);
    expect(await client.createWithdrawal(withdrawal)).toEqual(cleared);
  });
});

describe("what was accepted", () => {
  it("is stored with the bytes and the parts that were signed, which still verify", async () => {
    const [world, running] = [shared(), await living()];
    const body = `{ "id":"w-bytes",\n"account":"acme","asset":"BTC","amount":"10000","address":"${addressNumber(1)}"}`;
    const answer = await send(running.api, { key: world.keys.backend, body });
    expect([answer.status, answer.headers["location"]]).toEqual([202, "/v1/withdrawals/w-bytes"]);
    const { rows } = await world.pool.query<Record<string, string> & { body: Buffer }>(
      "select * from withdrawal_request where withdrawal_id = 'w-bytes'",
    );
    expect(rows).toHaveLength(1);
    const [row] = rows;
    expect(row?.body.toString("utf8")).toBe(body);
    const request = {
      ...{ method: row?.["method"] ?? "", authority: row?.["authority"] ?? "", path: row?.["path"] ?? "" },
      ...{ query: row?.["query"] ?? "", contentType: row?.["content_type"] ?? "" },
      ...{ contentDigest: row?.["content_digest"] ?? "", signatureInput: row?.["signature_input"] ?? "" },
      ...{ signature: row?.["signature"] ?? "", body: new Uint8Array(row?.body ?? []) },
    };
    expect(request.authority).toBe(new URL(running.api).host);
    expect(verifyRequest(createTrust([trustEntry(world.keys.backend)]), request).ok).toBe(true);
  });

  it("cannot be rewritten, not even by whoever owns the tables", async () => {
    const [world, running] = [shared(), await living()];
    await clientOf(running, world.keys.backend).createWithdrawal(newWithdrawal());
    for (const table of ["withdrawal_request", "withdrawal_change", "finding"]) {
      await expect(world.pool.query(`delete from ${table}`)).rejects.toThrow("is only ever added to");
      await expect(world.pool.query(`update ${table} set withdrawal_id = 'x'`)).rejects.toThrow(
        "is only ever added to",
      );
    }
  });

  it("is described by an OpenAPI document without a signature", async () => {
    const running = await living();
    const document = (await (await fetch(`${running.api}/v1/openapi.json`)).json()) as {
      readonly openapi: string;
      readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly description?: string }>>>>;
    };
    expect(document.openapi).toBe("3.1.0");
    expect(document.paths["/v1/withdrawals"]?.["post"]?.description).toContain("byte for byte");
    const text = JSON.stringify(document);
    for (const word of ["approvals", "nextCursor", "decimal digits"]) expect(text).toContain(word);
  });
});

/** How many withdrawals, and how many requests for one. */
function stored({ pool }: World): Promise<readonly number[]> {
  return Promise.all([countRows(pool, "withdrawal"), countRows(pool, "withdrawal_request")]);
}

/** A server that has too much to do says so and takes nothing; its callers come again, each with a fresh signature. */
async function sendUntilTaken(api: string, request: RawRequest): Promise<Answer> {
  for (;;) {
    const answer = await send(api, request);
    if (answer.body.code !== "OVERLOADED") return answer;
    await setTimeout(200);
  }
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
