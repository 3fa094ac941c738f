// A person says that a withdrawal has failed: over real HTTP and Postgres, with the zone's and the gateway's sealed words.
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { openPolicies } from "@sluice/active-policy";
import { createSluiceClient, type SluiceClient } from "@sluice/client";
import {
  createTrust,
  type MessageOf,
  type MessageType,
  type OpenedOf,
  open,
  seal,
  verifyFailure,
} from "@sluice/contracts";
import type { WithdrawalId, WithdrawalState } from "@sluice/core";
import { apiKeysSchema, readApiKeys } from "@sluice/gate";
import { MESSAGING_MIGRATIONS } from "@sluice/messaging";
import { parsePolicyText } from "@sluice/online-rules";
import { createPool, migrate, type Pool, transaction } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import { insertWithdrawals } from "@sluice/risk-memory";
import { SCREENING_OFF } from "@sluice/screening";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openApi } from "../src/api.ts";
import { createHandlers } from "../src/handlers/index.ts";
import { createKey, trustEntry } from "./keys.ts";
import { POLICY } from "./world.ts";

const keys = {
  ...{
    service: createKey("online-risk"),
    gateway: createKey("blockchain-gateway"),
    zone: createKey("semi-offline-risk"),
  },
  ...{ vault: createKey("vault"), backend: createKey("exchange-backend"), ann: createKey("exchange-backend", "ann") },
  ...{ ann2: createKey("exchange-backend", "ann2"), bob: createKey("exchange-backend", "bob") },
};
const trust = createTrust(Object.values(keys).map((key) => trustEntry(key)));
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, trace: () => {}, fatal: () => {} };
const logger = { ...quiet, level: "info", silent: () => {}, child: () => logger };
const hash = (text: string) => createHash("sha256").update(text).digest("hex");
const THIEF = hash("thief");
const ending: (() => Promise<unknown>)[] = [];
let pool: Pool;
let handlers: ReturnType<typeof createHandlers>;
let clients: Readonly<Record<"backend" | "ann" | "ann2" | "bob", SluiceClient>>;

beforeAll(async () => {
  const database = await createTestDatabase();
  pool = createPool({ url: database.url, applicationName: "test", max: 4 });
  ending.push(
    () => pool.end(),
    () => database.drop(),
  );
  await migrate(pool, [
    { set: "messaging", directory: MESSAGING_MIGRATIONS },
    { set: "online-risk", directory: fileURLToPath(new URL("../migrations", import.meta.url)) },
  ]);
  const key = (keyId: string, scopes: readonly string[], person?: string) => {
    return { keyId, scopes, ipAllowList: ["127.0.0.0/8"], ...(person === undefined ? {} : { person }) };
  };
  const apiKeys = readApiKeys(
    apiKeysSchema.parse([
      key(keys.backend.keyId, ["withdraw", "read", "approve"]),
      ...[
        key("ann", ["read", "fail"], "Ann"),
        key("ann2", ["read", "fail"], "Ann"),
        key("bob", ["read", "fail"], "Bob"),
      ],
    ]),
  );
  const written = parsePolicyText(JSON.stringify(POLICY));
  if (!written.ok) throw new Error("the policy is at fault");
  const policies = await openPolicies(
    { pool, network: "regtest", now: Date.now, logger: logger as never },
    written.value,
  );
  handlers = createHandlers(keys.service, new Map(), Date.now);
  const server = await openApi({
    ...{
      pool,
      policies,
      limits: { requestsPerSecond: 1_000, inHand: 500 },
      sealer: keys.service,
      trust,
      apiKeys,
      signatureWindowMs: 60_000,
      now: Date.now,
      logger: logger as never,
    },
    ...{ network: "regtest", onRefused: () => {}, onAnswered: () => {}, screening: SCREENING_OFF },
  });
  ending.unshift(() => server.close());
  const baseUrl = await server.listen({ host: "127.0.0.1", port: 0 });
  const client = (name: "backend" | "ann" | "ann2" | "bob") => createSluiceClient({ baseUrl, ...keys[name], tries: 1 });
  clients = { backend: client("backend"), ann: client("ann"), ann2: client("ann2"), bob: client("bob") };
});
afterAll(async () => {
  for (const end of ending) await end();
});

let number = 0;

/** A withdrawal that vault has released a transaction for, in this state. */
async function released(state: WithdrawalState = "broadcast") {
  number += 1;
  const id = `w-${number}` as WithdrawalId;
  const [ours, anchor] = [hash(`ours ${id}`), `${hash(`coin ${id}`)}:1`];
  await pool.query(
    `insert into withdrawal_request (withdrawal_id, key_id, nonce, method, authority, path, query, content_type,
       content_digest, signature_input, signature, body, body_sha256, received_at_ms)
     values ($1, 'k', $1, 'POST', 'a', '/', '', '', '', '', '', '', '', 1)`,
    [id],
  );
  await transaction(pool, (tx) =>
    insertWithdrawals(tx, [
      {
        ...{ id, state: "received", account: "acme", asset: "BTC", amountMinor: 7_000n, address: "bcrt1", keyId: "k" },
        ...{
          scriptPubKey: new Uint8Array([0]),
          priority: "normal",
          feePayer: "exchange",
          feeMinor: 0n,
          detail: "",
          receivedAtMs: 1,
        },
      },
    ]),
  );
  await pool.query("update withdrawal set state = $2, attempt = 1 where id = $1", [id, state]);
  return { id, ours, anchor };
}
type Released = Awaited<ReturnType<typeof released>>;

function tell<T extends MessageType & keyof typeof handlers>(
  key: typeof keys.gateway,
  type: T,
  message: MessageOf<T>,
  id: string,
) {
  const envelope = seal(key, type, { id, key: id, occurredAtMs: Date.now(), message });
  const opened = open(trust, envelope, [type]);
  if (!opened.ok) throw new Error(opened.refusal.code);
  const handle = handlers[type] as (tx: unknown, opened: OpenedOf<T>) => Promise<void>;
  return transaction(pool, (tx) => handle(tx, opened.value as OpenedOf<T>));
}

let reports = 0n;

/** The zone signed it, and names the anchor. */
function zoneSigned({ id, ours, anchor }: Released) {
  reports += 1n;
  const head = {
    number: reports,
    taskId: `t-${id}`,
    withdrawals: [{ withdrawalId: id, attempt: 1 }],
    transactionId: ours,
  };
  const value = { psbt: new Uint8Array([1]), holders: ["a", "b"] };
  const message = {
    ...head,
    verdict: { case: "signed", value },
    anchors: [{ withdrawalId: id, anchor }],
    orderedBefore: [],
  } as const;
  return tell(keys.zone, "risk.reported.v1", message, `t-${id}/${reports}`);
}

let revision = 0;
type Told = {
  readonly outpoint?: string;
  readonly by?: string;
  readonly own?: boolean;
  readonly confirmations?: number;
};

/** The gateway says what has spent an input of ours; 0 confirmations are in no block. */
function gatewaySays(
  { id, ours, anchor }: Released,
  { outpoint = anchor, by = THIEF, own = false, confirmations = 6 }: Told,
) {
  revision += 1;
  const [blockHash, height] = confirmations === 0 ? ["", 0] : [hash("block"), 100];
  const other = { outpoint, own, blockHash, height, confirmations };
  const message = {
    ...{ transactionId: ours, withdrawals: [{ withdrawalId: id, attempt: 1 }], conflictingTransactionId: by, ...other },
    ...{ spent: [{ ...other, transactionId: by }], requiredConfirmations: 6, revision },
  };
  return tell(keys.gateway, "transaction.conflicted.v1", message, `${ours}/${revision}`);
}

const says = (who: keyof typeof clients, { id }: Pick<Released, "id">, conflictingTransactionId = THIEF) =>
  clients[who].failWithdrawal(id, { conflictingTransactionId, reason: `${who} looked` });
const refusedWith = (code: string, status = 409) => expect.objectContaining({ code, status });

it("is refused with the part of the proof that is missing, until none is; then two people do it, for good", async () => {
  const one = await released();
  await expect(says("ann", one)).rejects.toEqual(refusedWith("ANCHOR_UNKNOWN"));
  await zoneSigned(one);
  await expect(says("ann", one)).rejects.toEqual(refusedWith("CONFLICT_UNKNOWN"));
  expect((await clients.ann.getWithdrawal(one.id)).failure).toBeUndefined();
  await gatewaySays(one, { outpoint: `${hash("another")}:0` });
  await expect(says("ann", one)).rejects.toEqual(refusedWith("CONFLICT_NOT_AT_ANCHOR"));
  await gatewaySays(one, { confirmations: 0 });
  await expect(says("ann", one)).rejects.toEqual(refusedWith("CONFLICT_IN_NO_BLOCK"));
  await gatewaySays(one, { confirmations: 5 });
  await expect(says("ann", one)).rejects.toEqual(refusedWith("PROOF_TOO_SHALLOW"));
  expect((await clients.ann.getWithdrawal(one.id)).failure).toMatchObject({
    conflictingTxid: THIEF,
    missing: { code: "PROOF_TOO_SHALLOW" },
    said: [],
  });
  await gatewaySays(one, { own: true });
  await expect(says("ann", one)).rejects.toEqual(refusedWith("CONFLICT_IS_OURS"));
  await gatewaySays(one, {});
  await expect(says("ann", one, hash("mistyped"))).rejects.toEqual(refusedWith("CONFLICT_UNKNOWN"));
  await expect(says("backend", one)).rejects.toEqual(refusedWith("SCOPE_MISSING", 403));
  const asked = await says("ann", one);
  expect([asked.state, asked.detail]).toEqual([
    "broadcast",
    "ann (ann looked) asks for it to be given up; a second person has to",
  ]);
  expect(asked.failure).toMatchObject({ missing: null, required: 2, said: [{ by: "ann", reason: "ann looked" }] });
  await expect(says("ann2", one)).rejects.toEqual(refusedWith("SAME_PERSON", 403));
  expect((await says("ann", one)).state).toBe("broadcast");
  const failed = await says("bob", one);
  expect([failed.state, failed.history.at(-1)?.state]).toEqual(["failed", "failed"]);
  expect(failed.detail).toContain("failed by ann (ann looked) and bob (bob looked)");
  expect((await says("bob", one)).revision).toBe(failed.revision);
  const { rows } = await pool.query<{ envelope: Buffer }>(
    "select envelope from outbox where topic = 'withdrawal.failed.v1'",
  );
  expect(rows.map(({ envelope }) => verifyFailure(trust, envelope))).toMatchObject([
    {
      ok: true,
      value: {
        withdrawalId: one.id,
        account: "acme",
        amountMinor: 7_000n,
        keyIds: ["ann", "bob"],
        transactionId: one.ours,
      },
    },
  ]);
});

it("asks again at the second word: a block that went meanwhile takes the proof with it", async () => {
  const one = await released();
  await zoneSigned(one);
  await gatewaySays(one, {});
  await says("ann", one);
  await gatewaySays(one, { confirmations: 0 });
  await expect(says("bob", one)).rejects.toEqual(refusedWith("CONFLICT_IN_NO_BLOCK"));
  // Older news does not bring it back.
  revision -= 3;
  await gatewaySays(one, {});
  revision += 3;
  await expect(says("bob", one)).rejects.toEqual(refusedWith("CONFLICT_IN_NO_BLOCK"));
  expect((await clients.bob.getWithdrawal(one.id)).state).toBe("broadcast");
});

it("two who name different transactions are not two; a transaction that the zone signed for it is never a stranger's", async () => {
  const one = await released();
  await zoneSigned(one);
  const other = hash("another thief");
  await gatewaySays(one, { by: other });
  await says("ann", one, other);
  await gatewaySays(one, {});
  await expect(says("bob", one, other)).rejects.toEqual(refusedWith("CONFLICT_UNKNOWN"));
  expect((await says("bob", one)).state).toBe("broadcast");
  expect((await says("ann", one)).state).toBe("failed");
  const two = await released();
  await zoneSigned(two);
  await zoneSigned({ ...two, ours: THIEF });
  await gatewaySays(two, {});
  await expect(says("ann", two)).rejects.toEqual(refusedWith("CONFLICT_IS_OURS"));
});

it.each(["confirming", "completed", "refused", "cancelled", "received"] as const)(
  "is refused while it is %s",
  async (state) => {
    const one = await released(state);
    await zoneSigned(one);
    await gatewaySays(one, {});
    await expect(says("ann", one)).rejects.toEqual(refusedWith("NOT_FAILABLE"));
  },
);

it("is refused while a report of the zone is missing, and for a withdrawal that nobody knows", async () => {
  const one = await released();
  await zoneSigned(one);
  await gatewaySays(one, {});
  await expect(says("ann", { id: "unheard-of" as WithdrawalId })).rejects.toEqual(
    refusedWith("WITHDRAWAL_UNKNOWN", 404),
  );
  await pool.query("insert into report_alarm (code, number, since_ms) values ('REPORT_NUMBER_REUSED', 1, 1)");
  await expect(says("ann", one)).rejects.toEqual(refusedWith("REPORT_NUMBER_REUSED"));
  await pool.query("delete from report_alarm");
  expect((await says("ann", one)).state).toBe("broadcast");
});

it("the zone naming another anchor is an alarm, and changes nothing", async () => {
  const one = await released();
  await zoneSigned(one);
  await expect(zoneSigned({ ...one, anchor: `${hash("moved")}:0` })).rejects.toMatchObject({
    code: "ANCHOR_CHANGED",
    action: "park",
  });
  const { rows } = await pool.query("select anchor from anchor where withdrawal_id = $1", [one.id]);
  expect(rows).toEqual([{ anchor: one.anchor }]);
});
