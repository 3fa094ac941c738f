// A holder killed before and after each of its durable effects, by name, one after the other over one journal, and robbed of power
// between a write and its sync: of two orders for one withdrawal that do not conflict exactly one is ever signed.
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bridge, openBridge, unixListener } from "@sluice/bridge";
import { testBridgeSession } from "@sluice/bridge/testing";
import { callConsole } from "@sluice/console";
import { open, seal } from "@sluice/contracts";
import { crashArming, pointsAround, reachedPoints, walkPoints } from "@sluice/crash-points";
import { openJournal } from "@sluice/sign-once";
import { expect, onTestFinished, test } from "vitest";
import { EFFECTS } from "./crash-points.ts";
import { HOLDER, type Signer, startSigner } from "./signer-process.ts";
import { fund, makeHeldWallet, makeOrder, makeSeals, NOW_MS, type Order, request } from "./zone.ts";

/** Which of the two is on record after a death, and so the only one that will ever be signed. */
type Winner = "first" | "second";

test("whichever effect it dies at, of two orders that do not conflict exactly one is signed", async () => {
  const world = await openWorld();
  const { pairs, answers, reached } = world;
  const killed = await walkPoints(pointsAround(EFFECTS), reached, world.live);
  const released = new Set(
    answers()
      .filter(({ answer }) => answer.case === "signatures")
      .map(idOf),
  );
  const last = world.start(crashArming(reached));
  await last.unlock();
  // The zone has forgotten too, and asks for the other one before it asks for the first again.
  for (const order of pairs.flatMap(({ first, second }) => [second, first])) await world.send(order);
  for (const { first, second, winner } of pairs) {
    const [won, lost] = winner === "first" ? [first, second] : [second, first];
    await world.until(() => answersTo(won).length > 0 && answersTo(lost).length > 0);
    for (const { answer } of answersTo(won)) expect([won.taskId, answer.case]).toEqual([won.taskId, "signatures"]);
    expect(new Set(answersTo(won).map((one) => JSON.stringify(one.answer, hex))).size).toBe(1);
    for (const { answer } of answersTo(lost))
      expect(answer).toMatchObject({ case: "refusal", value: { code: "WITHDRAWAL_ALREADY_SIGNED" } });
  }
  // What was heard before a death is what was on record then.
  expect(released.size).toBeGreaterThan(0);
  expect(pairs.filter(({ second }) => released.has(idOf(second)))).toEqual([]);
  last.child.kill("SIGKILL");
  await last.ended;
  const journal = openJournal(join(world.folder, "journal"), HOLDER);
  onTestFinished(() => journal.close());
  expect(journal.entries).toBe(pairs.length);
  for (const { first, second, winner } of pairs) {
    expect(journal.history.transaction((winner === "first" ? first : second).transactionId)).toBeDefined();
  }
  expect(world.vetoes()).toBeGreaterThan(0);
  // An effect that is not in the list is found here, and the list names nothing that is not there.
  expect(reachedPoints(reached)).toEqual(pointsAround(EFFECTS).toSorted());
  process.stdout.write(`semi-offline-signer: killed at ${killed} of ${2 * EFFECTS.length} crash points\n`);

  function answersTo(order: Order) {
    return answers().filter(
      ({ taskId, transactionId }) => taskId === order.taskId && transactionId === order.transactionId,
    );
  }
}, 600_000);

const idOf = ({ transactionId }: { readonly transactionId: string }): string => transactionId;
const hex = (_: string, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value);

async function openWorld() {
  const seals = makeSeals();
  const held = await makeHeldWallet();
  const folder = mkdtempSync(join(tmpdir(), "signer-points-"));
  const journal = join(folder, "journal", `${HOLDER}.journal`);
  const reached = join(folder, "reached");
  const signers: Signer[] = [];
  const heard: ReturnType<typeof opened>[] = [];
  const arrived = new EventTarget();
  const pairs: { readonly first: Order; readonly second: Order; readonly winner: Winner }[] = [];
  let bridge: Bridge = listen();
  onTestFinished(async () => {
    for (const { child, ended } of signers) {
      child.kill("SIGKILL");
      await ended;
    }
    await bridge.close();
    rmSync(folder, { recursive: true });
  });

  function opened(bytes: Uint8Array) {
    const said = open(seals.trust, bytes, ["signing.answered.v1", "holder.reported.v1", "signing.vetoed.v1"]);
    if (!said.ok) throw new Error(said.refusal.code);
    return said.value;
  }

  function listen(): Bridge {
    return openBridge({
      carrier: unixListener(join(folder, "holder.sock")),
      localName: "semi-offline-risk",
      peerName: HOLDER,
      session: testBridgeSession("semi-offline-risk", HOLDER),
      onMessage: async (bytes) => {
        heard.push(opened(bytes));
        arrived.dispatchEvent(new Event("message"));
      },
    });
  }

  const start = (flags: readonly string[]): Signer => {
    const signer = startSigner({ folder, seals, held, flags });
    signers.push(signer);
    return signer;
  };
  const send = (order: Order): Promise<void> => {
    const { taskId, walletId } = order;
    const outgoing = { id: taskId, key: walletId, occurredAtMs: NOW_MS, message: order };
    return bridge.send(seal(seals.sealer("semi-offline-risk"), "signing.ordered.v1", outgoing));
  };
  /** For one withdrawal, with other coins: both signed would be paid twice. */
  const order = (pair: number, which: number): Order => ({
    ...makeOrder(seals, held.wallet, {
      coins: [fund(held.wallet, 300_000n, (2 * pair + which) % 20)],
      requests: [request(`w-${pair}`, { amount: "100000" })],
    }),
  });

  return {
    ...{ start, send, pairs, folder },
    reached,
    answers: () => heard.flatMap((said) => (said.type === "signing.answered.v1" ? [said.message] : [])),
    vetoes: () => heard.filter(({ type }) => type === "signing.vetoed.v1").length,
    until: async (holds: () => boolean): Promise<void> => {
      while (!holds()) await once(arrived, "message");
    },
    live: async (point: string, flags: readonly string[]): Promise<string | null> => {
      // What a trimmed journal was torn by: a death before this one.
      if (point === "before journal trim")
        await die("before journal sync", crashArming(reached, "before journal sync"));
      return die(point, flags);
    },
  };

  async function die(point: string, flags: readonly string[]): Promise<string | null> {
    const before = statSync(journal, { throwIfNoEntry: false })?.size ?? 0;
    const signer = start(flags);
    const serving = signer.unlock();
    serving.catch(() => undefined);
    if (point.endsWith("veto-command over the bridge")) void veto(signer).catch(() => undefined);
    // A record that was written and not synced may be gone with the power, or be torn.
    const tears = point === "before journal sync";
    if (/journal (write|sync)|onMessage/.test(point)) {
      const pair = pairs.length;
      const first = order(pair, 0);
      pairs.push({
        first,
        second: order(pair, 1),
        winner: tears || point === "before journal write" ? "second" : "first",
      });
      void serving.then(() => send(first)).catch(() => undefined);
    }
    const { signal } = await signer.ended;
    if (tears) truncateSync(journal, before + Math.floor((statSync(journal).size - before) / 2));
    // The zone forgets whom it has asked: nothing but the journal remembers.
    await bridge.close();
    bridge = listen();
    return signal;
  }

  async function veto(signer: Signer): Promise<void> {
    await signer.says("serving");
    for (;;) {
      const said = { taskId: "task-1", person: "dave", reason: "no" };
      if ((await callConsole(signer.console, "veto", said)).ok) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
