// A policy that is changed while withdrawals are judged, and one that is tried on history: by the rules that judge, on a real database.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createPolicies } from "@sluice/active-policy";
import type { Replay, Replayed } from "@sluice/client";
import type { Judge } from "@sluice/judging";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Defer } from "./process.ts";
import { createReplayWorld, fingerprint, makeHistory, type ReplayWorld, RICH, withdrawal } from "./replay-world.ts";
import { countRows } from "./world.ts";

/** SLUICE_REPLAY_COUNT=1000 measures so many, with the same code. */
const COUNT = Number(process.env["SLUICE_REPLAY_COUNT"] ?? 90);
const WAVES = 16;

const cleanUps: (() => Promise<void>)[] = [];
const defer: Defer = (cleanUp) => cleanUps.push(cleanUp);
let replaying: ReplayWorld;
let judges: readonly Judge[];
beforeAll(async () => {
  replaying = await createReplayWorld(defer);
  judges = [await replaying.startOne(), await replaying.startOne()];
});
afterAll(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
});

/** In the order in which they were made: a version after a later one is a judgement by a policy that was superseded. */
async function versionsInOrder(): Promise<readonly number[]> {
  const { rows } = await replaying.world.pool.query<{ version: number }>(
    "select policy_version as version from finding where rule = 'AMOUNT_MAX' order by id",
  );
  return rows.map(({ version }) => version);
}
const wentBack = (versions: readonly number[]) => versions.filter((version, at) => version < (versions[at - 1] ?? 0));

describe("two instances", () => {
  it("judge by no policy that was superseded before, while it is activated again and again", async () => {
    const { ask, settle, activate, world } = replaying;
    const { ann, bob, backend } = world.keys;
    const posting = (async () => {
      for (let n = 0; n < 20; n += 1) {
        const some = [1, 2, 3].map((k) => withdrawal(`live-${k}`, 200 + n, "1000"));
        await Promise.all(some.map((one) => ask(backend, "POST", "/v1/withdrawals", one)));
      }
    })();
    const versions = [1];
    for (let n = 0; n < 6; n += 1) {
      const text = JSON.stringify({ ...RICH, maxAmountMinor: String(800_000 + n) });
      versions.push(await activate(text, ...(n % 2 === 0 ? ([ann, bob] as const) : ([bob, ann] as const))));
    }
    await posting;
    await settle();
    const judged = await versionsInOrder();
    // Some are delayed, and judged again.
    expect(judged.length).toBeGreaterThanOrEqual(60);
    expect(wentBack(judged)).toEqual([]);
    const used = new Set(judged);
    process.stderr.write(
      `policies: ${judged.length} judgements by ${used.size} of ${versions.length} versions, by two instances\n`,
    );
    expect(used.size).toBeGreaterThan(1);
    // From an activation's answer on, everything is judged by it.
    const newest = await activate(JSON.stringify({ ...RICH, maxAmountMinor: "850000" }));
    await ask(backend, "POST", "/v1/withdrawals", withdrawal("live-1", 1, "1000"));
    await settle();
    expect((await versionsInOrder()).at(-1)).toBe(newest);
  });

  it("would be found out: one that goes on with what it has read", async () => {
    const { ask, settle, activate, startOne, world } = replaying;
    const frozen = createPolicies("regtest");
    const read = await frozen.active(world.pool);
    await activate(JSON.stringify({ ...RICH, maxAmountMinor: "860000" }));
    await ask(world.keys.backend, "POST", "/v1/withdrawals", withdrawal("live-1", 1, "1000"));
    await settle();
    for (const judge of judges) await judge.stop();
    const planted = await startOne({ active: async () => read });
    await ask(world.keys.backend, "POST", "/v1/withdrawals", withdrawal("live-2", 1, "1000"));
    await settle();
    await planted.stop();
    expect(wentBack(await versionsInOrder())).toEqual([read.version]);
  });

  it("judge nothing by a version that they cannot read, say so, and go on with the next", async () => {
    const { ask, settle, activate, startOne, world } = replaying;
    const { pool, keys } = world;
    await pool.query(
      `with v as (insert into policy_version (number, content, sha256, based_on, proposed_by, person, proposed_at_ms, request)
         select max(v.number) + 1, 'inventions: of a later program', sha256('x'), (select max(version) from policy_decision where kind = 'activated'),
           'k', 'K', 1, '{}' from policy_version v returning number)
       select from v`,
    );
    await pool.query(
      "insert into policy_decision (version, kind, decided_by, person, decided_at_ms) select max(number), 'activated', 'l', 'L', 1 from policy_version",
    );
    judges = [await startOne(), await startOne()];
    const policies = createPolicies("regtest");
    await expect(policies.active(pool)).rejects.toThrow("inventions: is not known");
    const refused = withdrawal("live-3", 1, "1000");
    await expect(ask(keys.backend, "POST", "/v1/withdrawals", refused)).rejects.toThrow("503");
    expect(await countRows(pool, `withdrawal where id = '${refused.id}'`)).toBe(0);
    await pool.query("update withdrawal set state = 'received' where id = (select max(id) from withdrawal)");
    const unreadable = (await versionsInOrder()).length;
    const next = await activate(JSON.stringify(RICH));
    await settle();
    expect(await countRows(pool, `finding where policy_version = ${next - 1}`)).toBe(0);
    expect((await versionsInOrder()).length).toBeGreaterThan(unreadable);
    expect((await versionsInOrder()).at(-1)).toBe(next);
  });
});

describe("a replay", () => {
  let newest: bigint;
  const total = { withdrawals: 0, judgements: 0, controlled: 0, notJudged: 0 };

  beforeAll(async () => {
    const { rows } = await replaying.world.pool.query<{ newest: bigint }>(
      "select max(number) as newest from withdrawal",
    );
    newest = rows[0]?.newest ?? 0n;
    await makeHistory(replaying, WAVES);
    for (const judge of judges) await judge.stop();
  });

  /** Over all that was made by makeHistory. */
  async function replay(policy: object): Promise<readonly Replay[]> {
    const pages: Replay[] = [];
    let left = await countRows(replaying.world.pool, `withdrawal where number > ${newest}`);
    let cursor: string | null = null;
    while (left > 0) {
      const limit = Math.min(20, left);
      const body = { text: JSON.stringify(policy), limit, ...(cursor === null ? {} : { cursor }) };
      const answer = await replaying.ask(replaying.world.keys.ann, "POST", "/v1/policies/replay", body);
      const page = answer as unknown as Replay;
      pages.push(page);
      left -= page.withdrawals;
      cursor = page.nextCursor;
    }
    return pages;
  }
  const changesIn = (pages: readonly Replay[]): readonly Replayed[] => pages.flatMap(({ changes }) => changes);

  it("of the active policy gives every verdict that was given, and writes nothing", async () => {
    const before = await fingerprint(replaying.world);
    const pages = await replay(RICH);
    expect(await fingerprint(replaying.world)).toEqual(before);
    for (const page of pages)
      for (const name of ["withdrawals", "judgements", "controlled", "notJudged"] as const) total[name] += page[name];
    expect(JSON.stringify(pages.flatMap(({ notReproduced }) => notReproduced))).toBe("[]");
    expect(changesIn(pages)).toEqual([]);
    expect([total.notJudged, total.controlled]).toEqual([0, total.judgements]);
    const { rows } = await replaying.world.pool.query<{ rule: string; verdict: string }>(
      "select distinct rule, verdict from finding where found_by = 'online-risk' and verdict <> 'clear' order by 1, 2",
    );
    const kinds = new Set(pages.flatMap(({ totals }) => totals.map(({ from }) => from)));
    process.stderr.write(
      `replay: ${total.withdrawals} withdrawals, ${total.judgements} judgements as they were; against them spoke ${rows.map(({ rule }) => rule).join(" ")}\n`,
    );
    // Otherwise the control would say little.
    expect([...kinds].toSorted()).toEqual(["clear", "delay", "hold", "reject"]);
    expect(new Set(rows.map(({ rule }) => rule)).size).toBeGreaterThan(12);
    expect(total.judgements).toBeGreaterThan(total.withdrawals);
  });

  it("finds a planted change, withdrawal by withdrawal, and nothing else", async () => {
    const pages = await replay({ ...RICH, maxAmountMinor: "599999" });
    const changes = changesIn(pages);
    const { rows } = await replaying.world.pool.query<{ id: string; amount: string; verdict: string }>(
      `select id, amount_minor as amount, (select case when bool_or(verdict = 'reject') then 'reject' when bool_or(verdict = 'hold') then 'hold'
           when bool_or(verdict = 'delay') then 'delay' else 'clear' end
         from finding f where withdrawal_id = w.id and found_by = 'online-risk'
           and at_ms = (select min(at_ms) from finding where withdrawal_id = w.id and found_by = 'online-risk')) as verdict
       from withdrawal w where amount_minor between 599999 + 1 and 900000 and number > $1 order by id`,
      [newest],
    );
    expect(rows.length).toBeGreaterThan(5);
    const first = changes.filter(({ judgement }) => judgement === "first");
    expect(first.map(({ id, active, candidate }) => `${id} ${active.kind} ${candidate.kind}`).toSorted()).toEqual(
      rows.map(({ id, verdict }) => `${id} ${verdict} reject`).toSorted(),
    );
    for (const { rules } of changes) {
      expect(rules).toEqual([
        { rule: "AMOUNT_MAX", active: { kind: "clear" }, candidate: { kind: "reject" }, reason: expect.any(String) },
      ]);
    }
    const moved = rows
      .filter(({ verdict }) => verdict !== "reject")
      .reduce((sum, { amount }) => sum + BigInt(amount), 0n);
    const told = pages.flatMap(({ totals }) => totals).filter(({ from, to }) => from !== "reject" && to === "reject");
    expect(told.reduce((sum, { amount }) => sum + BigInt(amount), 0n)).toBe(moved);
    // The control is of the active policy, whatever is tried.
    expect(JSON.stringify(pages.flatMap(({ notReproduced }) => notReproduced))).toBe("[]");
  });

  it("reads what the active policy never asked: a window that it does not have", async () => {
    const { maxCount, windowMs } = { maxCount: 1, windowMs: 24 * 3_600_000 };
    const pages = await replay({ ...RICH, accountWindows: [...RICH.accountWindows, { maxCount, windowMs }] });
    // Two of one millisecond may have been judged in either order.
    const clearedBefore = (comes: "<" | "<=") => `(select count(*)::float8 from withdrawal o
      where o.account = w.account and o.id <> w.id and o.cleared_at_ms ${comes} f.at_ms and not exists (select from withdrawal_change c
        where c.withdrawal_id = o.id and c.state = 'refused' and c.at_ms <= f.at_ms))`;
    const { rows } = await replaying.world.pool.query<{ id: string; least: number; most: number }>(
      `select w.id, ${clearedBefore("<")} as least, ${clearedBefore("<=")} as most from withdrawal w,
         lateral (select min(at_ms) as at_ms from finding where withdrawal_id = w.id and found_by = 'online-risk') f
       where w.number > $1`,
      [newest],
    );
    const full = new Set(rows.filter(({ least }) => least >= maxCount).map(({ id }) => id));
    const perhaps = new Set(rows.filter(({ most }) => most >= maxCount).map(({ id }) => id));
    const found = changesIn(pages).filter(
      ({ judgement, rules }) => judgement === "first" && rules.some(({ rule }) => rule === "ACCOUNT_VELOCITY"),
    );
    expect(found.length).toBeGreaterThan(5);
    for (const { id } of found) expect(perhaps.has(id)).toBe(true);
    // The others were against the account's own windows before.
    const others = [...full].filter((id) => !found.some((each) => each.id === id));
    const noted = await countRows(
      replaying.world.pool,
      `finding where rule = 'ACCOUNT_VELOCITY' and verdict <> 'clear' and withdrawal_id in ('${others.join("','")}')`,
    );
    expect(noted).toBeGreaterThanOrEqual(others.length);
  });

  it("says where history is not what was judged: a finding that somebody changed", async () => {
    const { pool } = replaying.world;
    const forge = (from: string, to: string) =>
      pool.query(
        `alter table finding disable trigger append_only;
         update finding set verdict = '${to}' where id = (select max(id) from finding where rule = 'AMOUNT_MAX' and verdict = '${from}');
         alter table finding enable trigger append_only`,
      );
    await forge("clear", "hold");
    const pages = await replay(RICH);
    expect(pages.flatMap(({ notReproduced }) => notReproduced)).toEqual([
      { id: expect.any(String), judgement: expect.any(String), rules: ["AMOUNT_MAX"] },
    ]);
    await forge("hold", "clear");
  });

  it("is what people see before they activate, with the command sluice", async () => {
    const { api, world } = replaying;
    const { ann, bob } = world.keys;
    const folder = mkdtempSync(join(tmpdir(), "sluice-policy-"));
    defer(async () => rmSync(folder, { recursive: true }));
    const [file, faulty] = [join(folder, "policy.yaml"), join(folder, "faulty.yaml")];
    writeFileSync(file, `# smaller withdrawals\n${JSON.stringify({ ...RICH, maxAmountMinor: "500000" })}`);
    writeFileSync(faulty, "maxAmountMinor: 500000\n");
    const pem = (name: string, key: typeof ann) => {
      writeFileSync(join(folder, name), key.privateKey.export({ format: "pem", type: "pkcs8" }));
      return ["--key-id", key.keyId, "--key", join(folder, name)];
    };
    const url = await api.listen({ host: "127.0.0.1", port: 0 });
    const [as, by] = [pem("ann.pem", ann), pem("bob.pem", bob)].map((caller) => ["--api", url, ...caller]);
    const checked = await sluice("policy", "check", faulty);
    expect([checked.code, checked.err]).toEqual([65, expect.stringContaining("line 1: maxAmountMinor: is a number")]);
    const sound = await sluice("policy", "check", file, "--network", "regtest");
    expect(sound.out).toContain("no withdrawal is larger than 500000");
    const replayed = await sluice("policy", "replay", file, "--last", "60", "--json", ...(as ?? []));
    const told = JSON.parse(replayed.out) as {
      withdrawals: number;
      controlled: number;
      notReproduced: [];
      rules: object;
      limits: [];
    };
    expect([told.withdrawals, told.controlled > 50, told.notReproduced, Object.keys(told.rules)]).toEqual([
      60,
      true,
      [],
      ["AMOUNT_MAX"],
    ]);
    expect(told.limits.length).toBeGreaterThan(3);
    const proposed = await sluice("policy", "propose", file, ...(as ?? []));
    const [version = "", , sha256 = ""] = proposed.out.split(" ");
    const shown = await sluice("policy", "activate", version, ...(by ?? []));
    expect([shown.code, shown.out]).toEqual([65, ""]);
    expect(shown.err).toContain("  - maxAmountMinor: 900000\n  + maxAmountMinor: 500000\nNOT_CONFIRMED: ");
    const own = await sluice("policy", "activate", version, "--sha256", sha256, ...(as ?? []));
    expect([own.code, own.err]).toEqual([65, expect.stringContaining("SAME_PERSON")]);
    const active = await sluice("policy", "activate", version, "--sha256", sha256, ...(by ?? []));
    expect([active.code, active.out]).toEqual([
      0,
      expect.stringContaining(`${version} active ${sha256} proposed by Ann`),
    ]);
    expect((await sluice("policy", "list", ...(as ?? []))).out.split("\n")[0]).toBe(active.out);
    expect((await sluice("policy", "show", version, ...(as ?? []))).out).toContain("# smaller withdrawals");
    expect((await sluice("policy", "withdraw", version, ...(as ?? []))).err).toContain("POLICY_NOT_PROPOSED");
  });

  it(`costs, for ${COUNT} withdrawals`, async () => {
    const before = process.cpuUsage();
    let judged = 0;
    let judgements = 0;
    while (judged < COUNT) {
      for (const page of await replay({ ...RICH, maxAmountMinor: "599999" })) {
        judged += page.withdrawals;
        judgements += page.judgements;
      }
    }
    const { user, system } = process.cpuUsage(before);
    process.stderr.write(
      `replay: ${judged} withdrawals (${judgements} judgements, each by two policies): ${Math.round((user + system) / 1_000)} ms of processor time of this process\n`,
    );
  });
});

/** The command in this process; its package is nobody's dependency. */
async function sluice(...words: readonly string[]) {
  const from = (name: string) => fileURLToPath(new URL(`../../../packages/cli/src/${name}.ts`, import.meta.url));
  const { runCommand } = (await import(from("run-command"))) as {
    runCommand: (...given: unknown[]) => Promise<number>;
  };
  const { COMMANDS } = (await import(from("commands/index"))) as { COMMANDS: unknown };
  const [out, err]: [string[], string[]] = [[], []];
  const output = { stdout: (line: string) => void out.push(line), stderr: (line: string) => void err.push(line) };
  return { code: await runCommand(COMMANDS, words, output), out: out.join("\n"), err: err.join("\n") };
}
