// Limits by the key that requested: what a facade's key asks for above them is refused although online-risk has cleared it.
import { generateKeyPairSync } from "node:crypto";
import { createTrust, type Producer, type Sealer } from "@sluice/contracts";
import { describe, expect, test } from "vitest";
import { openBundle } from "./bundle.ts";
import {
  asMessage,
  bundleContent,
  clear,
  fund,
  makeOffice,
  makePolicy,
  makeSeals,
  makeTask,
  makeWallet,
  noHistory,
  OTHER_DESTINATION,
  request,
  sealAll,
  sealedBundle,
} from "./fixtures.ts";
import { judgeTask, readTask } from "./judge-task.ts";
import type { History } from "./judgement.ts";

const NOW_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;
const FACADE = "okx-facade-1";

const seals = makeSeals();
const { wallet } = makeWallet();
const wallets = new Map([["hot", wallet]]);
const pair = generateKeyPairSync("ed25519");
const rawKey = pair.publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
const entry = { producer: "exchange-backend" as const, keyId: FACADE, publicKey: rawKey };
const trust = createTrust([...seals.file, entry]);
const facade: Sealer = { ...entry, privateKey: pair.privateKey };
/** The same seals, with requests that the facade has signed in the place of the backend. */
const throughFacade = { sealers: { ...seals.sealers, "exchange-backend": facade } as Record<Producer, Sealer> };
const limits = (changes: object) => makePolicy({ originLimits: [{ keyId: FACADE, ...changes }] });

type Payment = { readonly id: string; readonly amount: string; readonly by: typeof seals | typeof throughFacade };

function judged(payments: readonly Payment[], policy = limits({ maxPaymentSat: "100000" }), history: object = {}) {
  const requests = payments.map(({ id, amount }, at) =>
    request(id, { amount, ...(at === 0 ? {} : { address: OTHER_DESTINATION }) }),
  );
  const task = makeTask(seals, wallet, { requests, coins: [fund(wallet, 900_000n)], clearedAtMs: NOW_MS });
  const withdrawals = requests.map((one, at) => ({
    clearance: clear(payments[at]?.by ?? seals, one, NOW_MS),
    attempt: 1,
  }));
  const reading = readTask({ ...asMessage(task), withdrawals }, { trust, wallets });
  if (reading.kind !== "read") throw new Error(JSON.stringify(reading.findings));
  return judgeTask(reading.read, policy, { ...noHistory(NOW_MS), ...history } as History, NOW_MS);
}

const by = (sealed: Payment["by"], amount: string, id = "w1"): Payment => ({ id, amount, by: sealed });

describe("limits of the key that requested", () => {
  test("refuse what online-risk has cleared for a facade above its cap, and name the key; the control is signed", () => {
    expect(judged([by(throughFacade, "100000")])).toEqual({ kind: "sign" });
    expect(judged([by(throughFacade, "100001")])).toMatchObject({
      kind: "refuse",
      findings: [
        {
          ...{ withdrawalId: "w1", rule: "ORIGIN_OVER_LIMIT" },
          reason: `${FACADE}, which requested it, may ask for 100000 satoshi at most`,
          evidence: { requesterKey: FACADE, amountSat: "100001", maxPaymentSat: "100000" },
        },
      ],
    });
  });

  test("say nothing of what another key asks for, also in the same transaction", () => {
    expect(judged([by(seals, "400000")])).toEqual({ kind: "sign" });
    expect(judged([by(seals, "400000"), by(throughFacade, "100000", "w2")])).toEqual({ kind: "sign" });
    expect(judged([by(seals, "400000"), by(throughFacade, "100001", "w2")])).toMatchObject({
      kind: "refuse",
      findings: [{ withdrawalId: "w2", rule: "ORIGIN_OVER_LIMIT" }],
    });
  });

  test("count over windows for all accounts together, and name the key", () => {
    const policy = limits({ windows: [{ windowMs: HOUR_MS, maxSat: "150000" }] });
    const byOrigin = new Map([[FACADE, [{ atMs: NOW_MS - 1_000, amountMinor: 60_000n }]]]);
    expect(judged([by(throughFacade, "90000")], policy, { byOrigin })).toEqual({ kind: "sign" });
    expect(judged([by(throughFacade, "90001")], policy, { byOrigin })).toMatchObject({
      ...{ kind: "delay", untilMs: NOW_MS - 1_000 + HOUR_MS },
      findings: [{ withdrawalId: "w1", rule: "ORIGIN_VELOCITY", evidence: { requesterKey: FACADE, usedSat: "60000" } }],
    });
    expect(judged([by(throughFacade, "150001")], policy)).toMatchObject({ kind: "refuse" });
    expect(judged([by(seals, "400000")], policy, { byOrigin })).toEqual({ kind: "sign" });
  });

  test("do not stop a replacement of what was ordered before they were narrowed", () => {
    const coin = fund(wallet, 900_000n);
    const task = makeTask(seals, wallet, { requests: [request("w1")], coins: [coin], clearedAtMs: NOW_MS });
    const withdrawals = [{ clearance: clear(throughFacade, request("w1"), NOW_MS), attempt: 2 }];
    const reading = readTask({ ...asMessage(task), withdrawals }, { trust, wallets });
    if (reading.kind !== "read") throw new Error("the control does not read");
    const anchor = reading.read.decoded.inputs[0]?.outpoint ?? "";
    const { scriptHex = "", amountSat = 0n } = reading.read.due[0] ?? {};
    const paid = new Map([["w1", { anchor, taskId: "t0", txid: "ab".repeat(32), scriptHex, amountSat }]]);
    const narrow = limits({ maxPaymentSat: "1", windows: [{ windowMs: HOUR_MS, maxCount: 0 }] });
    expect(judgeTask(reading.read, narrow, { ...noHistory(NOW_MS), paid }, NOW_MS)).toEqual({ kind: "sign" });
    expect(judgeTask(reading.read, narrow, noHistory(NOW_MS), NOW_MS)).toMatchObject({ kind: "refuse" });
  });
});

describe("a bundle with limits of keys", () => {
  const office = makeOffice();
  const around = { signers: office.signers, network: "regtest" } as const;
  const known = { file: [...seals.file, entry] };
  const opened = (originLimits: unknown) =>
    openBundle(sealedBundle(known, office, { changes: { originLimits } }), around);

  test("is read into them; one that says nothing of them limits no key", () => {
    const limited = opened([{ keyId: FACADE, maxPaymentSat: "100000" }]);
    expect(limited.ok && [...limited.value.policy.limitsOfOrigin.keys()]).toEqual([FACADE]);
    const content = bundleContent(known, office);
    expect(Object.keys(content)).not.toContain("originLimits");
    const old = openBundle(sealedBundle(known, office), around);
    expect(old.ok && old.value.policy.limitsOfOrigin.size).toBe(0);
  });

  test.each([
    ["a key that is not listed", [{ keyId: "okx-facade-2", maxPaymentSat: "1" }]],
    ["a key of online-risk", [{ keyId: "online-risk-1", maxPaymentSat: "1" }]],
    ["nothing", [{ keyId: FACADE }]],
    ["nothing, with an empty list", [{ keyId: FACADE, windows: [] }]],
    ["one key twice", [1, 2].map((amount) => ({ keyId: FACADE, maxPaymentSat: `${amount}` }))],
    ["with a number that loses satoshis", [{ keyId: FACADE, maxPaymentSat: 100_000 }]],
  ])("is refused where it limits %s", (_, originLimits) => {
    const sealed = sealUnchecked(originLimits);
    expect(openBundle(sealed, around)).toMatchObject({ refusal: { code: "BUNDLE_CONTENT_INVALID" } });
  });

  function sealUnchecked(originLimits: unknown): Uint8Array {
    const content = JSON.stringify({ ...bundleContent(known, office), originLimits });
    const head = Buffer.from(`{"format":"sluice-bundle-v1","signatures":[]}\n`);
    return sealAll(Buffer.concat([head, Buffer.from(content)]), office, 2);
  }
});
