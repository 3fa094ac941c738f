// What the console shows of other services and passes on to them. The other service here is another console.
import { createServer } from "node:http";
import { seal } from "@sluice/contracts";
import { type Deployment, openLine, type ServiceProcess, until } from "@sluice/online-service/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { change, openConsole } from "./news.ts";

const TOPIC = "withdrawal.changed.v1";
const HOSTILE_KEY = `"><img src=x onerror=alert(1)>`;

type Shown = {
  readonly services: readonly {
    readonly name: string;
    readonly ready: boolean;
    readonly dependencies: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
    readonly deadLetters: readonly { readonly id: string; readonly code: string; readonly attempts: number }[];
  }[];
};

let other: Deployment;
let otherProcess: ServiceProcess;
let world: Deployment;
let service: ServiceProcess;
let stranger: Awaited<ReturnType<typeof answerNonsense>>;
let line: Awaited<ReturnType<typeof openLine>>;

beforeAll(async () => {
  other = await openConsole();
  otherProcess = await other.start();
  const address = new URL(otherProcess.httpUrl);
  line = await openLine({ host: address.hostname, port: Number(address.port) });
  stranger = await answerNonsense();
  world = await openConsole([
    { name: "vault", url: `http://${line.host}:${line.port}` },
    { name: "treasury", url: stranger.url },
    { name: "online/risk", url: "http://127.0.0.1:1" },
  ]);
  service = await world.start();
});

afterAll(async () => {
  await world.close();
  await other.close();
  await line.close();
  await stranger.close();
});

const shown = async (name: string) => {
  const { services } = (await service.get("/api/overview")).json() as Shown;
  const found = services.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`${name} is not shown`);
  return found;
};

/** Parks a message at the other service: sealed under a name that nobody trusts. */
async function park(withdrawalId: string, keyId: string): Promise<string> {
  const sealer = { ...other.sealerOf("online-risk"), keyId };
  const { id, key, occurredAtMs, message } = change(withdrawalId, 1);
  await other.publishBytes(TOPIC, key, seal(sealer, TOPIC, { id, key, occurredAtMs, message }));
  const { deadLetters } = await until(
    () => shown("vault"),
    ({ deadLetters }) => deadLetters.some(({ code }) => code === "SEAL_KEY_UNKNOWN"),
  );
  return deadLetters.at(-1)?.id ?? "";
}

describe("a service", () => {
  it("is shown with everything that it needs", async () => {
    const { ready, dependencies } = await shown("vault");
    expect(ready).toBe(true);
    expect(dependencies.map(({ name, ok }) => [name, ok])).toEqual([
      ["postgres", true],
      ["outbox relay", true],
      ["consumer", true],
    ]);
  });

  it("that answers something else, or nothing at all, is shown as such and not left out", async () => {
    expect(await shown("treasury")).toMatchObject({
      ready: false,
      deadLetters: [],
      dependencies: [
        { name: "the service itself", ok: false, detail: "answered 200 with something else" },
        { name: "its dead letters", ok: false, detail: "answered 200 with something else" },
      ],
    });
    const silent = await shown("online/risk");
    expect(silent).toMatchObject({ ready: false, deadLetters: [] });
    expect(silent.dependencies[0]).toMatchObject({ name: "the service itself", ok: false });
    const page = (await service.get("/")).text;
    expect(page).toContain('<td>online/risk</td><td class="bad">not ready</td>');
  });

  it("that goes down is shown as down, and as ready when it is back", async () => {
    line.cut();
    expect(await shown("vault")).toMatchObject({ ready: false });
    const refused = await service.post("/services/vault/dead-letters/1/retry");
    expect(refused.json()).toMatchObject({ status: 502, code: "SERVICE_SILENT" });
    line.mend();
    expect(await shown("vault")).toMatchObject({ ready: true });
  });
});

describe("a dead letter", () => {
  it("is shown as text, and its button has the service retry it", async () => {
    const id = await park("parked", HOSTILE_KEY);
    const page = (await service.get("/")).text;
    expect(page).toContain("SEAL_KEY_UNKNOWN: online-risk &quot;&gt;&lt;img src=x onerror=alert(1)&gt;");
    expect(page).not.toContain("<img");
    const path = `/services/vault/dead-letters/${id}/retry`;
    expect(page).toContain(`data-post="${path}"`);
    const answer = await service.post(path, { origin: service.httpUrl, "sec-fetch-site": "same-origin" });
    expect(answer.json()).toMatchObject({ status: 409, code: "SEAL_KEY_UNKNOWN" });
    expect((await shown("vault")).deadLetters).toMatchObject([{ id, attempts: 2 }]);
  });

  it("is not retried for a page of another site", async () => {
    const [letter] = (await shown("vault")).deadLetters;
    const path = `/services/vault/dead-letters/${letter?.id}/retry`;
    for (const headers of [{ "sec-fetch-site": "cross-site" }, { origin: "https://elsewhere.example" }]) {
      expect((await service.post(path, headers)).json()).toMatchObject({ status: 403, code: "CROSS_SITE" });
    }
    expect((await shown("vault")).deadLetters[0]?.attempts).toBe(letter?.attempts);
  });

  it("of nobody, or without a number, is refused before anybody is asked", async () => {
    const asked = stranger.asked();
    expect((await service.post("/services/nobody/dead-letters/1/retry")).json()).toMatchObject({
      status: 404,
      code: "SERVICE_UNKNOWN",
    });
    expect((await service.post("/services/treasury/dead-letters/..%2F1/retry")).json()).toMatchObject({
      status: 400,
      code: "REQUEST_INVALID",
    });
    expect((await service.get("/services/treasury/dead-letters/1/retry")).status).toBe(405);
    expect(stranger.asked()).toBe(asked);
  });

  it("that the service does not know is told so", async () => {
    expect((await service.post("/services/vault/dead-letters/999999/retry")).json()).toMatchObject({
      status: 404,
      code: "DEAD_LETTER_UNKNOWN",
    });
  });
});

/** Something that is no service of ours, under an address where one was expected. */
async function answerNonsense() {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    response.end('{"dependencies":[{"name":"<script>"}]}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    asked: () => asked,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
