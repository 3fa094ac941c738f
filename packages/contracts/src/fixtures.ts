// Keys and messages that the tests of this package share. Nothing but tests imports it.
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import type { MessageOf } from "./messages.ts";
import type { Producer } from "./producers.ts";
import type { OutgoingMessage, Sealer } from "./seal.ts";
import type { MessageType } from "./table.ts";
import { createTrust, type Trust, type TrustFile } from "./trust.ts";

export function rawPublicKey(key: KeyObject): string {
  return key.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
}

export type Keyring = {
  readonly trust: Trust;
  readonly file: TrustFile;
  readonly sealer: (producer: Producer) => Sealer;
};

export function keyring(producers: readonly Producer[], revoked: readonly Producer[] = []): Keyring {
  const sealers = new Map<Producer, Sealer>();
  const file: TrustFile = producers.map((producer) => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const keyId = `${producer}-1`;
    sealers.set(producer, { producer, keyId, privateKey });
    return { producer, keyId, publicKey: rawPublicKey(publicKey), revoked: revoked.includes(producer) };
  });
  return {
    file,
    trust: createTrust(file),
    sealer: (producer) => {
      const found = sealers.get(producer);
      if (found === undefined) throw new Error(`the keyring has no ${producer}`);
      return found;
    },
  };
}

const txid = "ab".repeat(32);
const withdrawals = [{ withdrawalId: "w1", attempt: 1 }];
const bytes = new Uint8Array([1, 2, 3]);
const finding = { rule: "R", verdict: "clear", reason: "fine", evidence: { a: "b" } };
const isolation = { noIp: true, detail: "only lo, down" };
const holder = {
  holder: "semi-offline-signer-a",
  state: "serving" as const,
  isolation,
  journalRecords: 2n,
  journalHead: "aa",
  journalRefusals: 1n,
  metrics: "m 1\n",
};
const spentElsewhere = {
  ...{ outpoint: `${txid}:0`, transactionId: "cd".repeat(32), own: false, blockHash: txid },
  ...{ height: 7, confirmations: 6 },
};
const inBlock = { transactionId: txid, withdrawals, blockHash: txid, height: 7, revision: 3 };
const request = {
  method: "POST",
  authority: "sluice.example",
  path: "/v1/withdrawals",
  query: "",
  contentType: "application/json",
  contentDigest: "d",
  signatureInput: "i",
  signature: "s",
  body: bytes,
};

/** One valid value of every message. */
export const EXAMPLES: { readonly [T in MessageType]: MessageOf<T> } = {
  "withdrawal.changed.v1": {
    withdrawalId: "w1",
    account: "alice",
    asset: "BTC",
    amountMinor: "150000",
    address: "bcrt1q",
    state: "signed",
    detail: "",
    transactionId: txid,
    revision: 4,
    changedAtMs: 1_700_000_000_000,
    findings: [finding],
    confirmations: 0,
  },
  "withdrawal.cleared.v1": {
    ...{ withdrawalId: "w1", request, findings: [finding], clearedAtMs: 1_700_000_000_001 },
    ...{ customerFeeMinor: "900", approvals: [request] },
  },
  "withdrawal.failed.v1": {
    ...{ withdrawalId: "w1", account: "acme", asset: "BTC", amountMinor: "1", outpoint: `${txid}:0` },
    ...{ conflictingTransactionId: "cd".repeat(32), conflict: bytes, requests: [request, request] },
    failedAtMs: 1_700_000_000_000,
  },
  "transaction.planned.v1": {
    taskId: "t1",
    walletId: "hot",
    transactionId: txid,
    withdrawals,
    feeSat: 300n,
    vbytes: 150,
    purpose: "",
    replaces: txid,
  },
  "signing.requested.v1": {
    taskId: "t1",
    walletId: "hot",
    psbt: bytes,
    withdrawals: [{ clearance: bytes, attempt: 1 }],
    purpose: "",
  },
  "signing.started.v1": { taskId: "t1", transactionId: txid, withdrawals },
  "signing.ordered.v1": {
    taskId: "t1",
    walletId: "hot",
    holder: "semi-offline-signer-a",
    round: 1,
    transactionId: txid,
    psbt: bytes,
    withdrawals: [{ withdrawalId: "w1", anchor: `${txid}:0`, clearance: bytes }],
    seenRecords: 3n,
    seenHead: "aa",
    purpose: "",
  },
  "signing.answered.v1": {
    taskId: "t1",
    round: 1,
    transactionId: txid,
    answer: { case: "signatures", value: { inputs: [{ input: 0, publicKey: bytes, signature: bytes }] } },
  },
  "risk.reported.v1": {
    number: 1n,
    taskId: "t1",
    withdrawals,
    transactionId: txid,
    verdict: {
      case: "refused",
      value: { findings: [{ withdrawalId: "w1", finding }], signatureMayExist: false },
    },
    anchors: [{ withdrawalId: "w1", anchor: `${txid}:0` }],
    orderedBefore: ["w1"],
  },
  "signing.vetoed.v1": { taskId: "t1", holder: holder.holder, person: "carol", reason: "not this one" },
  "bundle.offered.v1": { bundle: bytes },
  "labels.offered.v1": { update: bytes },
  "holder.reported.v1": holder,
  "zone.reported.v1": {
    isolation,
    databaseReady: true,
    holders: [{ holder: holder.holder, connected: true, heardAtMs: 1_700_000_000_000, report: holder, alarm: "" }],
    lastReportNumber: 9n,
    metrics: "m 1\n",
    bundle: {
      version: 2n,
      sha256: txid,
      madeAtMs: 1_700_000_000_000,
      offeredOutcome: "BUNDLE_ACCEPTED",
      offeredDetail: "",
      offeredAtMs: 1_700_000_000_001,
    },
  },
  "transaction.signed.v1": {
    taskId: "t1",
    walletId: "hot",
    transactionId: txid,
    transaction: bytes,
    payouts: [{ withdrawalId: "w1", attempt: 1, account: "alice", address: "bcrt1q", amountSat: 150_000n }],
    spent: [{ transactionId: txid, vout: 0, amountSat: 200_000n }],
    feeSat: 300n,
    changeSat: 49_700n,
    purpose: "",
    replaces: txid,
  },
  "transaction.broadcast.v1": { transactionId: txid, withdrawals },
  "transaction.included.v1": { ...inBlock, confirmations: 1, requiredConfirmations: 6 },
  "transaction.reorged.v1": inBlock,
  "transaction.confirmed.v1": { ...inBlock, confirmations: 6 },
  "coin.observed.v1": {
    walletId: "hot",
    transactionId: txid,
    vout: 0,
    amountSat: 1n,
    branch: 0,
    index: 0,
    blockHash: txid,
    height: 1,
    previousTransaction: bytes,
    revision: 3,
  },
  "coin.vanished.v1": {
    ...{ walletId: "hot", transactionId: txid, vout: 0, amountSat: 1n, branch: 0, index: 0 },
    ...{ blockHash: txid, height: 1, revision: 4 },
  },
  "transaction.stuck.v1": {
    ...{ transactionId: txid, withdrawals, sinceMs: 1_700_000_000_000, code: "FEE_TOO_LOW", revision: 5 },
    ...{ wantedSatPerKvbyte: 9_000n, replacementFeeSat: 900n, descendants: 1 },
    ...{ refusalCode: "DUST", stopsLane: false },
  },
  "transaction.conflicted.v1": {
    ...{ transactionId: txid, withdrawals, outpoint: `${txid}:0`, conflictingTransactionId: "cd".repeat(32) },
    ...{ own: false, blockHash: "", height: 0, confirmations: 0, revision: 6, walletId: "" },
    ...{ requiredConfirmations: 6, spent: [spentElsewhere] },
  },
  "fee.estimated.v1": {
    estimates: [{ targetBlocks: 6, satPerKvbyte: 4_000n }],
    minimumSatPerKvbyte: 1_000n,
    estimatedAtMs: 1_700_000_000_000,
    nodes: 2,
  },
  "database.marked.v1": { service: "vault", mark: 7n, markedAtMs: 1_700_000_000_000 },
  "recall.requested.v1": { sinceMs: 1_700_000_000_000 },
  "refill.requested.v1": {
    ...{ walletId: "hot", missingSat: 7n, waitingWithdrawals: 1, address: "bcrt1q", index: 4 },
    ...{ requestedAtMs: 1_700_000_000_000, revision: 1 },
  },
  "account.signalled.v1": { signal: '{"type":"balance"}' },
  "suspension.changed.v1": {
    ...{ suspensionId: "1", kind: "account", values: ["alice"], isStanding: true, changedAtMs: 1_700_000_000_000 },
    ...{ reason: "a leak", saidBy: ["ann-1"], suspendedBy: "ann-1", suspendedAtMs: 1_700_000_000_000 },
  },
  "message.received.v1": { received: [{ type: "transaction.planned.v1", ids: ["t1/planned"] }] },
};

export function outgoing<T extends MessageType>(type: T): OutgoingMessage<T> {
  return { id: `${type}/1`, key: "w1", occurredAtMs: 1_700_000_000_000, message: EXAMPLES[type] };
}
