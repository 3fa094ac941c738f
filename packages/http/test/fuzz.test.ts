// Whatever is sent, the server answers with a refusal in its one form, never with a 500, and goes on serving.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PROBLEM_CONTENT_TYPE, type ProblemDetails, SERVER_PROBLEMS } from "../src/index.ts";
import { type Body, post, sendRaw, serving } from "./serving.ts";

const CODES = Object.keys(SERVER_PROBLEMS);

async function refused(answer: Response): Promise<ProblemDetails> {
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status).toBeLessThan(500);
  expect(answer.headers.get("content-type")).toBe(PROBLEM_CONTENT_TYPE);
  const details = (await answer.json()) as ProblemDetails;
  expect(CODES).toContain(details.code);
  return details;
}

const bodies: fc.Arbitrary<Body> = fc.oneof(
  fc.json(),
  fc.string({ unit: "binary" }),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => new Uint8Array(bytes)),
  fc
    .record(
      {
        name: fc.oneof(fc.string(), fc.jsonValue()),
        amount: fc.oneof(fc.stringMatching(/^[0-9]{1,30}$/), fc.jsonValue()),
        place: fc.oneof(
          fc.jsonValue(),
          fc.record({ address: fc.string(), kind: fc.constantFrom("one", "two", "three") }),
        ),
        count: fc.oneof(fc.double(), fc.jsonValue()),
      },
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value)),
  fc.nat(2_000).map((depth) => "[".repeat(depth) + "]".repeat(depth)),
);

describe("never a 500", () => {
  test("whatever the body", async () => {
    const at = await serving();
    const seen = { accepted: 0, refused: new Set<string>() };
    const check = fc.asyncProperty(bodies, async (body) => {
      const answer = await post(at, body);
      if (answer.status === 202) {
        seen.accepted += 1;
        expect(((await answer.json()) as { readonly bytes: string }).bytes).toBe(Buffer.from(body).toString("hex"));
      } else seen.refused.add((await refused(answer)).code);
    });
    const sound = ['{"name":"ab","amount":"1"}', '{"name":"ab","amount":"1","extra":1}', "{"].map(
      (body) => [body] as [string],
    );
    await fc.assert(check, { numRuns: 500, examples: sound });
    expect(seen.accepted).toBeGreaterThan(0);
    expect([...seen.refused].toSorted()).toEqual(["JSON_MALFORMED", "REQUEST_INVALID"]);
  });

  test("whatever the path, the query and the method", async () => {
    const { address } = await serving();
    const paths = fc.oneof(
      fc.webPath(),
      fc.webPath().map((path) => `/v1/things${path}`),
      fc.string().map((text) => `/v1/things/${encodeURIComponent(text)}`),
    );
    const request = fc.record({
      path: paths,
      query: fc.webQueryParameters(),
      method: fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ path, query, method }) => {
        const answer = await fetch(`${address}${path}?${query}`, { method });
        if (answer.status === 200) return;
        // The one refusal that a route of this test gives by itself.
        if (answer.status === 409) expect(((await answer.json()) as ProblemDetails).code).toBe("NOT_CANCELLABLE");
        else await refused(answer);
      }),
      { numRuns: 500 },
    );
  });

  test("whatever the headers", async () => {
    const at = await serving();
    const names = fc.constantFrom(
      "accept",
      "content-type",
      "content-encoding",
      "x-forwarded-for",
      "accept-version",
      "authorization",
      "signature",
      "range",
      "if-match",
    );
    const values = fc.stringMatching(/^[!-~ ]{0,40}$/).map((text) => text.trim());
    await fc.assert(
      fc.asyncProperty(fc.dictionary(names, values), async (headers) => {
        const body = '{"name":"ab","amount":"1"}';
        const answer = await fetch(`${at.address}/v1/things`, { method: "POST", body, headers });
        if (answer.status !== 202) await refused(answer);
      }),
      { numRuns: 300 },
    );
  });

  test("whatever the bytes on the connection, and others are served meanwhile", async () => {
    const at = await serving();
    const request = `POST /v1/things HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 26\r\n\r\n{"name":"ab","amount":"1"}`;
    const spoilt = fc.tuple(fc.nat(request.length - 1), fc.integer({ min: 0, max: 255 })).map(([at, byte]) => {
      const bytes = new Uint8Array(Buffer.from(request));
      bytes[at] = byte;
      return bytes;
    });
    let refusedInAll = 0;
    await fc.assert(
      fc.asyncProperty(fc.oneof(spoilt, fc.uint8Array({ minLength: 1, maxLength: 200 })), async (bytes) => {
        // The two line ends finish whatever is still waited for; a spoilt length may wait for more, hence the padding.
        const answer = await sendRaw(at, Buffer.concat([bytes, Buffer.from(`\r\n\r\n${" ".repeat(1_000)}\r\n\r\n`)]));
        expect(answer).not.toMatch(/^HTTP\/1\.1 5/);
        if (/^HTTP\/1\.1 4/.test(answer)) refusedInAll += 1;
      }),
      { numRuns: 300 },
    );
    expect(refusedInAll).toBeGreaterThan(100);
    expect((await fetch(`${at.address}/healthz`)).status).toBe(200);
  });
});
