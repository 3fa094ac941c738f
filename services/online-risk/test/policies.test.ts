// Versions of the policy over the API: proposed by one person, activated by another one, never two at once, never an older one.
import type { HttpServer } from "@sluice/http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { randomOf } from "./hostile-requests.ts";
import { askInProcess, openInProcess } from "./in-process.ts";
import type { TestKey } from "./keys.ts";
import type { Defer } from "./process.ts";
import { countRows, createSharedWorld, POLICY } from "./world.ts";

let shared: Awaited<ReturnType<typeof createSharedWorld>>;
let api: HttpServer;
const cleanUps: (() => Promise<void>)[] = [];
const defer: Defer = (cleanUp) => cleanUps.push(cleanUp);
beforeAll(async () => {
  shared = await createSharedWorld();
  api = await openInProcess(shared.world, defer);
});
afterAll(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  await shared.end();
});

let lastAmount = 1_000_000;
/** One that says something else than every other one. */
function textOf(change: object = {}): string {
  lastAmount += 1;
  return `# as people write it\n${JSON.stringify({ ...POLICY, maxAmountMinor: String(lastAmount), ...change })}`;
}

async function ask(key: TestKey, method: "GET" | "POST", path: string, body?: unknown) {
  const told = await askInProcess(api, { key, method, path, ...(body === undefined ? {} : { body }) });
  return { ...told, code: told.status < 300 ? "ok" : String(told.body["code"]) };
}
const propose = (key: TestKey, text: string) => ask(key, "POST", "/v1/policies", { text });
const activate = (key: TestKey, version: unknown, sha256: unknown) =>
  ask(key, "POST", `/v1/policies/${version}/activation`, { sha256 });
const withdraw = (key: TestKey, version: unknown) => ask(key, "POST", `/v1/policies/${version}/withdrawal`);

describe("a version of the policy", () => {
  it("comes from the file on an empty database, and is the active one", async () => {
    const { keys } = shared.world;
    const listed = (await ask(keys.ann, "GET", "/v1/policies")).body["policies"];
    expect(listed).toEqual([
      expect.objectContaining({ version: 1, state: "active", proposedBy: null, person: null, basedOn: null }),
    ]);
    expect((await ask(keys.ann, "GET", "/v1/policies/1")).body["text"]).toBe(JSON.stringify(POLICY));
  });

  it("counts once another person has activated what that person has read", async () => {
    const { keys } = shared.world;
    const text = textOf({ fees: { BTC: { floorMinor: "777", ceilingMinor: "777" } } });
    const proposed = await propose(keys.ann, text);
    const { version, sha256 } = proposed.body;
    expect([proposed.status, proposed.body["state"], proposed.body["person"]]).toEqual([200, "proposed", "Ann"]);
    const again = await propose(keys.ann, text.replace("as people", "with another comment, as people"));
    expect(again.body["version"]).toBe(version);
    const fee = async () => JSON.stringify((await ask(keys.ann, "GET", "/v1/fees/BTC")).body);
    expect(await fee()).not.toContain('"777"');
    const refused = [
      await activate(keys.ann, version, sha256),
      await activate(keys.ann2, version, sha256),
      await activate(keys.backend, version, sha256),
      await activate(keys.bob, version, "0".repeat(64)),
      await activate(keys.bob, 9_999, sha256),
    ];
    expect(refused.map(({ status, code }) => `${status} ${code}`)).toEqual([
      ...["403 SAME_PERSON", "403 SAME_PERSON", "403 SCOPE_MISSING", "409 POLICY_DIFFERS", "404 POLICY_UNKNOWN"],
    ]);
    expect(await fee()).not.toContain('"777"');
    const active = await activate(keys.bob, version, sha256);
    expect([active.status, active.body["state"], active.body["decision"]]).toEqual([
      ...[200, "active"],
      { kind: "activated", by: keys.bob.keyId, person: "Bob", atMs: expect.any(Number) },
    ]);
    // What it depends on counts at once, in every route that asks the policy.
    expect(await fee()).toContain('"777"');
    // A client that did not hear the answer asks again; nobody else does what is done.
    expect((await activate(keys.bob, version, sha256)).code).toBe("ok");
    expect((await withdraw(keys.ann, version)).code).toBe("POLICY_NOT_PROPOSED");
    expect((await propose(keys.ann2, text)).code).toBe("POLICY_UNCHANGED");
  });

  it("has to be proposed anew when something else became active meanwhile", async () => {
    const { keys } = shared.world;
    const [late, first] = [await propose(keys.ann, textOf()), await propose(keys.bob, textOf())];
    expect((await activate(keys.ann, first.body["version"], first.body["sha256"])).code).toBe("ok");
    const refused = await activate(keys.bob, late.body["version"], late.body["sha256"]);
    expect([refused.status, refused.code]).toEqual([409, "POLICY_OUTDATED"]);
    const { body } = await ask(keys.ann, "GET", `/v1/policies/${late.body["version"]}`);
    const anew = await propose(keys.ann, String(body["text"]));
    expect(anew.body["version"]).not.toBe(late.body["version"]);
    expect((await activate(keys.bob, anew.body["version"], anew.body["sha256"])).code).toBe("ok");
  });

  it("is refused by line and field, and by keys that are for some accounts or are nobody's", async () => {
    const { keys } = shared.world;
    const faulty = await propose(keys.ann, `maxAmountMinor: 5\n${JSON.stringify({})}`);
    expect([faulty.status, faulty.code]).toEqual([422, "POLICY_INVALID"]);
    const unquoted = await propose(
      keys.ann,
      textOf().replace('"maxAmountMinor":"', '"maxAmountMinor":').replace(`${lastAmount}"`, `${lastAmount}`),
    );
    expect(unquoted.body["errors"]).toEqual([
      {
        field: "text:2 maxAmountMinor",
        rule: 'is a number where text is asked for: write it in quotes, as "1000"',
        code: "POLICY_INVALID",
      },
    ]);
    expect((await propose(keys.limited, textOf())).code).toBe("ACCOUNT_NOT_PERMITTED");
    expect((await propose(keys.backend, textOf())).code).toBe("PERSON_UNKNOWN");
    expect((await propose(keys.reader, textOf())).code).toBe("SCOPE_MISSING");
    expect((await ask(keys.limited, "POST", "/v1/policies/replay", { text: textOf() })).code).toBe(
      "ACCOUNT_NOT_PERMITTED",
    );
  });

  it("is never changed, also by who can write to the database", async () => {
    const { pool, keys } = shared.world;
    for (const statement of [
      "update policy_version set content = 'x'",
      "delete from policy_decision",
      "truncate policy_version cascade",
    ]) {
      await expect(pool.query(statement)).rejects.toThrow("only ever added to");
    }
    const { version } = (await propose(keys.ann, textOf())).body;
    const decide = (by: string, person: string) =>
      pool.query(
        "insert into policy_decision (version, kind, decided_by, person, decided_at_ms) values ($1, 'activated', $2, $3, 1)",
        [version, by, person],
      );
    await expect(decide(keys.ann.keyId, "Bob")).rejects.toThrow("not activated by who proposed it");
    await expect(decide(keys.bob.keyId, "Ann")).rejects.toThrow("not activated by who proposed it");
    expect(
      await countRows(pool, "policy_version where proposed_by is not null and request ->> 'signature' is null"),
    ).toBe(0);
  });
});

type Modelled = {
  readonly by: string;
  readonly basedOn: number;
  state: "proposed" | "active" | "superseded" | "withdrawn";
};

it("any sequence of proposing, activating and withdrawing by anybody: one active, by another person, ever higher", async () => {
  const { keys, pool } = shared.world;
  const people = [
    [keys.ann, "Ann"],
    [keys.ann2, "Ann"],
    [keys.bob, "Bob"],
  ] as const;
  const random = randomOf(20_261_122);
  const { rows } = await pool.query<{
    number: number;
    person: string;
    based_on: number;
    sha256: string;
    kind: string | null;
  }>(
    `select v.number, coalesce(v.person, '') as person, v.based_on, encode(sha256, 'hex') as sha256, kind
     from policy_version v left join policy_decision d on d.version = v.number order by v.number`,
  );
  const hashes = new Map(rows.map(({ number, sha256 }) => [number, sha256]));
  let active = Math.max(...rows.filter(({ kind }) => kind === "activated").map(({ number }) => number));
  const model = new Map(
    rows.map(({ number, person, based_on: basedOn, kind }): [number, Modelled] => {
      const decided = number === active ? "active" : kind === "activated" ? "superseded" : "withdrawn";
      return [number, { by: person, basedOn, state: kind === null ? "proposed" : decided }];
    }),
  );
  const begun = model.size;
  const seen = new Map<string, number>();
  const activated: number[] = [];
  for (let step = 0; step < 150; step += 1) {
    const [key, person] = random.of(people);
    const known = [...model.keys()];
    // Mostly of the newest, so that something can be done.
    const version = random.below(3) === 0 ? random.of(known) : random.of(known.slice(-4));
    const stored = model.get(version);
    if (stored === undefined) throw new Error("the model lost a version");
    const action = random.of(["propose", "activate", "activate", "withdraw"] as const);
    let expected: string;
    let answer: Awaited<ReturnType<typeof ask>>;
    if (action === "propose") {
      answer = await propose(key, textOf());
      expected = "ok";
      model.set(Number(answer.body["version"]), { by: person, basedOn: active, state: "proposed" });
      hashes.set(Number(answer.body["version"]), String(answer.body["sha256"]));
    } else if (action === "activate") {
      answer = await activate(key, version, hashes.get(version));
      const isDone = stored.state === "active" && (await decidedBy(version)) === key.keyId;
      if (isDone) expected = "ok";
      else if (stored.state !== "proposed") expected = "POLICY_NOT_PROPOSED";
      else if (stored.by === person) expected = "SAME_PERSON";
      else if (stored.basedOn !== active) expected = "POLICY_OUTDATED";
      else {
        expected = "ok";
        const before = model.get(active);
        if (before !== undefined) before.state = "superseded";
        stored.state = "active";
        active = version;
        activated.push(version);
      }
    } else {
      answer = await withdraw(key, version);
      expected = stored.state === "proposed" || stored.state === "withdrawn" ? "ok" : "POLICY_NOT_PROPOSED";
      if (expected === "ok") stored.state = "withdrawn";
    }
    expect([step, action, version, answer.code]).toEqual([step, action, version, expected]);
    const what = `${action} ${expected}`;
    seen.set(what, (seen.get(what) ?? 0) + 1);
  }
  const { body } = await askInProcess(api, { key: keys.ann, path: "/v1/policies", query: "?limit=200" });
  const listed = body["policies"] as readonly {
    version: number;
    state: string;
    person: string;
    decision: { person: string } | null;
  }[];
  expect(listed.map(({ version, state }) => [version, state])).toEqual(
    [...model].toReversed().map(([version, { state }]) => [version, state]),
  );
  expect(listed.filter(({ state }) => state === "active").map(({ version }) => version)).toEqual([active]);
  expect(activated).toEqual(activated.toSorted((left, right) => left - right));
  for (const { version, state, person, decision } of listed) {
    if (version > 1 && (state === "active" || state === "superseded")) expect(decision?.person).not.toBe(person);
  }
  process.stderr.write(
    `policies: ${model.size - begun} proposed; ${JSON.stringify(Object.fromEntries([...seen].toSorted()))}\n`,
  );
  // All of it really happened.
  const all = [
    "propose ok",
    "activate ok",
    "activate SAME_PERSON",
    "activate POLICY_OUTDATED",
    "activate POLICY_NOT_PROPOSED",
  ];
  for (const what of [...all, "withdraw ok", "withdraw POLICY_NOT_PROPOSED"])
    expect([what, (seen.get(what) ?? 0) > 0]).toEqual([what, true]);

  async function decidedBy(version: number): Promise<string | undefined> {
    const found = await pool.query<{ by: string }>("select decided_by as by from policy_decision where version = $1", [
      version,
    ]);
    return found.rows[0]?.by;
  }
});
