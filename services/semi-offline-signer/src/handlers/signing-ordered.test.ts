// Orders through the whole holder, with a real key and a real journal: checked, recorded, signed.
import { fdatasyncSync, fsyncSync, mkdtempSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { combineSignatures, decodePayout, finalisePayout, type PartialSignatures } from "@sluice/chains";
import { open, seal } from "@sluice/contracts";
import type { SecretKey } from "@sluice/keys";
import { type JournalDisk, openJournal } from "@sluice/sign-once";
import { afterAll, describe, expect, test } from "vitest";
import {
  fund,
  HOLDER_CAPS,
  keyOf,
  makeOrder,
  makePolicy,
  makeSeals,
  makeWallet,
  NOW_MS,
  type Order,
  request,
} from "../../test/zone.ts";
import { answerOrder, fingerprintOfKey, type Holder } from "./signing-ordered.ts";

const folder = mkdtempSync(join(tmpdir(), "signing-ordered-"));
afterAll(() => rmSync(folder, { recursive: true }));

const seals = makeSeals();
const { wallet, secrets } = makeWallet();
const NAMES = ["semi-offline-signer-a", "semi-offline-signer-b", "semi-offline-signer-c"] as const;

function makeHolder(
  at: 0 | 1 | 2 = 0,
  disk?: JournalDisk,
): Holder & { readonly directory: string; readonly key: SecretKey } {
  const directory = mkdtempSync(join(folder, "journal-"));
  const name = NAMES[at];
  const key = keyOf(secrets[at]);
  return {
    directory,
    key,
    policy: makePolicy(seals, wallet, { holder: name }),
    journal: openJournal(directory, name, disk),
    keys: [key],
    sealer: seals.sealer(name),
    now: () => NOW_MS,
  };
}

function give(holder: Holder, order: Order) {
  const message = { ...order, holder: holder.policy.holder };
  const envelope = seal(seals.sealer("semi-offline-risk"), "signing.ordered.v1", {
    id: `${order.taskId}/order`,
    key: order.walletId,
    occurredAtMs: NOW_MS,
    message,
  });
  const opened = open(seals.trust, envelope, ["signing.ordered.v1"]);
  if (!opened.ok) throw new Error(opened.refusal.detail);
  const { envelope: answer, outcome } = answerOrder(opened.value, holder);
  const back = open(seals.trust, answer, ["signing.answered.v1"]);
  if (!back.ok) throw new Error(back.refusal.detail);
  return { outcome, answer: back.value };
}

function partialOf(holder: ReturnType<typeof makeHolder>, { answer }: ReturnType<typeof give>): PartialSignatures {
  const { answer: said, transactionId } = answer.message;
  if (said.case !== "signatures") throw new Error(said.value.code);
  return {
    holder: fingerprintOfKey(wallet, holder.key.publicKey) ?? "",
    txid: transactionId,
    signatures: said.value.inputs.map(({ input, publicKey, signature }) => ({
      inputIndex: input,
      publicKey,
      signature,
    })),
  };
}

const order = makeOrder(seals, wallet, { coins: [fund(wallet, 80_000n), fund(wallet, 70_000n, 2)] });

describe("a holder", () => {
  test.each([[[0, 1]], [[0, 2]], [[1, 2]]] as const)("and another (%j) complete a payout", (pair) => {
    const holders = pair.map((at) => makeHolder(at));
    const partials = holders.map((holder) => partialOf(holder, give(holder, order)));
    const combined = combineSignatures(order.psbt, partials, wallet.descriptor);
    if (!combined.ok) throw new Error(combined.refusal.detail);
    expect(finalisePayout(order.psbt, combined.value.psbt, wallet.descriptor)).toMatchObject({
      ok: true,
      value: { txid: order.transactionId },
    });
  });

  test("answers in its own name, and to the order's round and transaction", () => {
    const { answer } = give(makeHolder(1), order);
    expect(answer).toMatchObject({
      producer: "semi-offline-signer-b",
      message: { taskId: order.taskId, round: 1, transactionId: order.transactionId },
    });
  });

  test("answers the same order again with the same signatures and no new record", () => {
    const holder = makeHolder();
    const first = give(holder, order);
    const size = statSync(join(holder.directory, "semi-offline-signer-a.journal")).size;
    const again = give(holder, order);
    expect([first.outcome, again.outcome]).toEqual(["first", "again"]);
    expect(again.answer.message).toEqual(first.answer.message);
    expect([holder.journal.entries, statSync(join(holder.directory, "semi-offline-signer-a.journal")).size]).toEqual([
      1,
      size,
    ]);
  });

  test("refuses what its own checks refuse, and puts nothing on record", () => {
    const holder = makeHolder();
    const { answer } = give(holder, makeOrder(seals, wallet, { requests: [request("w1", { amount: "500001" })] }));
    expect(answer.message.answer).toMatchObject({ case: "refusal", value: { code: "PAYMENT_OVER_CAP" } });
    expect(holder.journal.entries).toBe(0);
  });

  test("refuses a second transaction for a withdrawal unless it spends the first one's anchor", () => {
    const holder = makeHolder();
    const coins = [fund(wallet, 1_000_000n)];
    expect(give(holder, makeOrder(seals, wallet, { coins })).outcome).toBe("first");
    expect(give(holder, makeOrder(seals, wallet)).outcome).toBe("WITHDRAWAL_ALREADY_SIGNED");
    const bumped = makeOrder(seals, wallet, { coins, feeRateSatPerVbyte: 9 });
    expect(give(holder, bumped).outcome).toBe("first");
    const others = makeOrder(seals, wallet, { coins, requests: [request("w2")] });
    expect(give(holder, others).outcome).toBe("TRANSACTION_FOR_OTHERS");
    const other = makeOrder(seals, wallet, { coins, requests: [request("w2", { amount: "90000" })] });
    expect(give(holder, other).outcome).toBe("INPUT_ALREADY_SIGNED");
    expect(holder.journal.entries).toBe(2);
  });

  test("signs for the first time only what was cleared not too long ago, and again whenever it is asked", () => {
    const { maxClearanceAgeMs } = HOLDER_CAPS;
    const coins = [fund(wallet, 1_000_000n)];
    const clearedAt = (clearedAtMs: number, feeRateSatPerVbyte = 5) => ({
      ...makeOrder(seals, wallet, { coins, clearedAtMs, feeRateSatPerVbyte }),
      taskId: `cleared at ${clearedAtMs} for ${feeRateSatPerVbyte}`,
    });
    const holder = makeHolder();
    expect(give(holder, clearedAt(NOW_MS - maxClearanceAgeMs - 1)).outcome).toBe("CLEARANCE_EXPIRED");
    expect(give(holder, clearedAt(NOW_MS + maxClearanceAgeMs + 1)).outcome).toBe("CLEARANCE_FROM_FUTURE");
    expect(holder.journal.entries).toBe(0);
    const last = clearedAt(NOW_MS - maxClearanceAgeMs);
    expect(give(holder, last).outcome).toBe("first");
    const later = { ...holder, now: () => NOW_MS + maxClearanceAgeMs };
    expect(give(later, last).outcome).toBe("again");
    expect(give(later, clearedAt(NOW_MS - maxClearanceAgeMs, 9)).outcome).toBe("first");
  });

  test("stands by a refusal when the same order comes again to a clock or caps that would let it pass, also after a restart", () => {
    const holder = makeHolder();
    const early = makeOrder(seals, wallet, { clearedAtMs: NOW_MS + HOLDER_CAPS.maxClearanceAgeMs + 1 });
    expect(give(holder, early).outcome).toBe("CLEARANCE_FROM_FUTURE");
    expect([holder.journal.entries, holder.journal.refusals]).toEqual([0, 1]);
    const later = { ...holder, now: () => NOW_MS + HOLDER_CAPS.maxClearanceAgeMs };
    expect(give(later, early).outcome).toBe("TASK_REFUSED_BEFORE");
    holder.journal.close();
    const journal = openJournal(holder.directory, NAMES[0]);
    expect([journal.entries, journal.refusals]).toEqual([0, 1]);
    expect(give({ ...later, journal }, early).outcome).toBe("TASK_REFUSED_BEFORE");
    // The same transaction as another task's is not what was refused.
    expect(give({ ...later, journal }, { ...early, taskId: "another task" }).outcome).toBe("first");
    journal.close();
  });

  test("says with a refusal that it has the transaction on record, and then puts nothing more there", () => {
    const holder = makeHolder();
    const signed = makeOrder(seals, wallet);
    expect(give(holder, signed).outcome).toBe("first");
    const stricter = { ...holder, policy: { ...holder.policy, caps: { ...holder.policy.caps, maxFeeSat: 1n } } };
    const { answer } = give(stricter, signed);
    expect(answer.message.answer).toMatchObject({ value: { code: "FEE_OVER_CAP", signedBefore: true } });
    expect([holder.journal.entries, holder.journal.refusals]).toEqual([1, 0]);
    const { answer: other } = give(stricter, makeOrder(seals, wallet));
    expect(other.message.answer).toMatchObject({ value: { code: "FEE_OVER_CAP", signedBefore: false } });
  });

  test("has its record written and synced before its key is touched, and before a refusal is said", () => {
    const events: string[] = [];
    const note =
      <A extends readonly unknown[], R>(event: string, act: (...args: A) => R) =>
      (...args: A): R => {
        events.push(event);
        return act(...args);
      };
    const disk: JournalDisk = {
      writeSync: note("write", writeSync as (...args: Parameters<typeof writeSync>) => number) as typeof writeSync,
      fdatasyncSync: note("sync", fdatasyncSync),
      fsyncSync,
    };
    const holder = makeHolder(0, disk);
    const key = {
      ...holder.key,
      publicKey: holder.key.publicKey,
      sign: note("sign", holder.key.sign.bind(holder.key)),
    };
    expect(give({ ...holder, keys: [key] }, order).outcome).toBe("first");
    expect(events).toEqual(["write", "sync", "sign", "sign"]);
    events.length = 0;
    expect(give({ ...holder, keys: [key] }, order).outcome).toBe("again");
    expect(events).toEqual(["sign", "sign"]);
    events.length = 0;
    const dear = makeOrder(seals, wallet, { requests: [request("w1", { amount: "500001" })] });
    expect(give({ ...holder, keys: [key] }, dear).outcome).toBe("PAYMENT_OVER_CAP");
    expect(events).toEqual(["write", "sync"]);
  });

  test("lets nothing out when the journal cannot be synced, and never signs again", () => {
    const broken: JournalDisk = { writeSync, fsyncSync, fdatasyncSync: () => fdatasyncSync(1_000_000) };
    const holder = makeHolder(0, broken);
    const fails = expect.objectContaining({ code: "JOURNAL_WRITE_FAILED" });
    expect(() => give(holder, order)).toThrow(fails);
    expect(() => give(holder, order)).toThrow(fails);
  });

  test("lets nothing out when its key does not sign as the descriptor says", () => {
    const holder = {
      ...makeHolder(),
      keys: [{ ...keyOf(secrets[0]), sign: makeHolder(1).key.sign.bind(keyOf(secrets[1])) }],
    };
    expect(() => give(holder, order)).toThrow(expect.objectContaining({ code: "SIGNATURE_INVALID" }));
  });

  test("decodes what it signs by itself", () => {
    const decoded = decodePayout(order.psbt, wallet.descriptor, { gapLimit: wallet.gapLimit });
    if (!decoded.ok) throw new Error(decoded.refusal.detail);
    const holder = makeHolder();
    give(holder, order);
    expect(holder.journal.history.transaction(decoded.value.txid)?.inputs).toEqual(
      decoded.value.inputs.map(({ outpoint }) => outpoint),
    );
  });
});
