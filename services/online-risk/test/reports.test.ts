// The semi-offline zone's reports over real topics: one withheld, the last one withheld, a number used twice, a zone that
// counts from before or is silent. Nothing is cleared meanwhile, and it is seen why.
import { describe, expect, it, onTestFinished } from "vitest";
import { createPeer, type Outgoing, report } from "./peer.ts";
import { clientOf, createWorld, type Keys, newWithdrawal } from "./world.ts";

const POLL = { pollMs: 100 };
const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 40_000, interval: 50 });

let words = 0;

function zoneSays(
  { zone }: Keys,
  lastReportNumber: bigint,
  more: { databaseReady?: boolean; atMs?: number } = {},
): Outgoing {
  words += 1;
  // No two words are of the same millisecond.
  const { databaseReady = true, atMs = Date.now() + words } = more;
  const isolation = { noIp: true, detail: "" };
  const message = { isolation, databaseReady, holders: [], lastReportNumber, metrics: "" };
  return { key: zone, type: "zone.reported.v1", id: `life/${words}`, message, occurredAtMs: atMs };
}

async function createWatchedWorld(zone: object) {
  const world = await createWorld({ policy: { zone } });
  const [running, peer] = await Promise.all([world.start(), createPeer(world)]);
  const client = clientOf(running, world.keys.backend);
  const alarms = async () => {
    const answer = await (await fetch(`${running.internal}/report-alarms`)).json();
    return (answer as { readonly alarms: readonly { readonly code: string }[] }).alarms.map(({ code }) => code);
  };
  const acknowledge = () => fetch(`${running.internal}/report-alarms/acknowledge`, { method: "POST" });
  return { ...world, running, peer, client, alarms, acknowledge };
}

describe("the semi-offline zone's reports", () => {
  it("that do not arrive stop every clearance until they do, or until a person acknowledges it", async () => {
    const zone = { gapMs: 1_000, zoneSilentMs: 31_536_000_000 };
    const { keys, running, peer, client, alarms, acknowledge } = await createWatchedWorld(zone);
    await peer.publish([report(keys, 1n), report(keys, 3n)]);
    await eventually(alarms).toEqual(["REPORTS_MISSING"]);
    const waiting = await client.createWithdrawal(newWithdrawal());
    const delayed = await client.waitFor(waiting.id, ["delayed"], POLL);
    expect(delayed.detail).toContain("REPORTS_MISSING: report 2 of the semi-offline zone did not arrive");
    const ready = await fetch(`${running.internal}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining("REPORTS_MISSING: report 2")]);
    expect(await (await fetch(`${running.internal}/metrics`)).text()).toMatch(
      /report_alarm_info\{[^}]*REPORTS_MISSING[^}]*\} 1/,
    );
    // It ends by itself with the number that was missing.
    await peer.publish([report(keys, 2n)]);
    await eventually(alarms).toEqual([]);
    expect((await client.waitFor(waiting.id, ["cleared"], POLL)).state).toBe("cleared");
    expect((await fetch(`${running.internal}/readyz`)).status).toBe(200);

    // Nothing follows the last one; the zone's own word names it. While its database is away it names none.
    await peer.publish([zoneSays(keys, 0n, { databaseReady: false }), zoneSays(keys, 5n)]);
    await eventually(alarms).toEqual(["REPORTS_MISSING"]);
    await acknowledge();
    expect(await alarms()).toEqual([]);
    // What comes after all changes nothing any more.
    await peer.publish([report(keys, 5n), report(keys, 4n), zoneSays(keys, 5n)]);

    // The same number with other content; then again the same bytes, which say nothing new.
    const first = report(keys, 6n);
    await peer.publish([first, report(keys, 6n, "another-task")]);
    await eventually(alarms).toEqual(["REPORT_NUMBER_REUSED"]);
    await acknowledge();
    await peer.publish([first]);
    // A zone that was restored counts on from before; its older words, heard late, are no news.
    await peer.publish([zoneSays(keys, 2n, { atMs: 1_000 }), zoneSays(keys, 6n)]);
    const held = newWithdrawal();
    await client.createWithdrawal(held);
    await client.waitFor(held.id, ["cleared"], POLL);
    expect(await alarms()).toEqual([]);
    // A word that was on its way while the last report was made is not one of them.
    await peer.publish([zoneSays(keys, 4n)]);
    const next = newWithdrawal();
    await client.createWithdrawal(next);
    await client.waitFor(next.id, ["cleared"], POLL);
    expect(await alarms()).toEqual([]);
    await peer.publish([zoneSays(keys, 4n, { atMs: Date.now() + 61_000 })]);
    await eventually(alarms).toEqual(["REPORTS_ROLLED_BACK"]);
  });

  it("hold what people would approve as well, and a refusal by the zone holds the account's next", async () => {
    const zone = { gapMs: 300, zoneSilentMs: 31_536_000_000 };
    const { keys, running, peer, client, alarms } = await createWatchedWorld(zone);
    const refused = await client.createWithdrawal(newWithdrawal({ account: "refused" }));
    await client.waitFor(refused.id, ["cleared"], POLL);
    const finding = { rule: "DESTINATION_LABELLED", verdict: "refuse", reason: "stolen", evidence: { tier: "black" } };
    const value = { findings: [{ withdrawalId: refused.id, finding }], signatureMayExist: false };
    await peer.publish([
      {
        ...report(keys, 1n),
        type: "risk.reported.v1",
        message: {
          ...{
            number: 1n,
            taskId: "task-1",
            transactionId: "",
            withdrawals: [{ withdrawalId: refused.id, attempt: 1 }],
          },
          verdict: { case: "refused", value },
        },
      },
    ]);
    const ended = await client.waitFor(refused.id, ["refused"], POLL);
    expect(ended.findings.at(-1)).toMatchObject({
      by: "semi-offline-risk",
      rule: "DESTINATION_LABELLED",
      reason: "stolen",
    });
    const [next, other] = [newWithdrawal({ account: "refused" }), newWithdrawal({ account: "other" })];
    for (const one of [next, other]) await client.createWithdrawal(one);
    expect((await client.waitFor(next.id, ["held", "cleared"], POLL)).detail).toContain("REFUSED_OFFLINE_LATELY");
    expect((await client.waitFor(other.id, ["held", "cleared"], POLL)).state).toBe("cleared");
    await peer.publish([report(keys, 3n)]);
    await eventually(alarms).toEqual(["REPORTS_MISSING"]);
    const ann = clientOf(running, keys.ann);
    await expect(ann.approveWithdrawal(next.id)).rejects.toMatchObject({ status: 409, code: "REPORTS_MISSING" });
    await peer.publish([report(keys, 2n)]);
    await eventually(alarms).toEqual([]);
    expect((await ann.approveWithdrawal(next.id)).state).toBe("cleared");
  });

  it("a zone that is silent stops every clearance until it speaks", async () => {
    const { keys, peer, client, alarms } = await createWatchedWorld({ zoneSilentMs: 2_000 });
    await eventually(alarms).toEqual(["ZONE_SILENT"]);
    const waiting = await client.createWithdrawal(newWithdrawal());
    await client.waitFor(waiting.id, ["delayed"], POLL);
    // What was held back on its way is no sign of life.
    await peer.publish([zoneSays(keys, 0n, { atMs: Date.now() - 60_000 })]);
    const speaking = setInterval(() => void peer.publish([zoneSays(keys, 0n)]).catch(() => undefined), 300);
    onTestFinished(() => clearInterval(speaking));
    const cleared = await client.waitFor(waiting.id, ["cleared"], POLL);
    expect(cleared.history.map(({ state }) => state).slice(0, 2)).toEqual(["received", "delayed"]);
  });
});
