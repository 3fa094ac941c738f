// Messages as vault and the gateway send them, for the treasury's tests.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import {
  createTrust,
  type MessageOf,
  type MessageType,
  open,
  type Producer,
  type Sealer,
  seal,
  signRequest,
  type Trust,
} from "@sluice/contracts";
import { makeFailure } from "@sluice/signing-fixtures";

export type Told = {
  readonly [T in MessageType]: { readonly type: T; readonly id: string; readonly message: MessageOf<T> };
}[
  | "transaction.signed.v1"
  | "transaction.confirmed.v1"
  | "transaction.reorged.v1"
  | "transaction.conflicted.v1"
  | "coin.observed.v1"
  | "coin.vanished.v1"
  | "withdrawal.cleared.v1"
  | "withdrawal.failed.v1"];

export type TestPayout = { readonly withdrawalId: string; readonly account: string; readonly amountSat: bigint };

export type TestTransaction = {
  readonly txid: string;
  readonly payouts: readonly TestPayout[];
  readonly spent: readonly TestCoin[];
  readonly feeSat: bigint;
};

export type TestCoin = { readonly txid: string; readonly vout: number; readonly amountSat: bigint };

export function newTxid(): string {
  return randomBytes(32).toString("hex");
}

export function changeSatOf({ payouts, spent, feeSat }: TestTransaction): bigint {
  const inSat = spent.reduce((sum, { amountSat }) => sum + amountSat, 0n);
  return payouts.reduce((rest, { amountSat }) => rest - amountSat, inSat) - feeSat;
}

export function signed(transaction: TestTransaction): Told {
  const { txid, payouts, spent, feeSat } = transaction;
  const message: MessageOf<"transaction.signed.v1"> = {
    taskId: `task-${txid}`,
    walletId: "hot-1",
    transactionId: txid,
    transaction: Buffer.from("00", "hex"),
    payouts: payouts.map((payout) => ({ ...payout, attempt: 1, address: "bcrt1q" })),
    spent: spent.map((coin) => ({ transactionId: coin.txid, vout: coin.vout, amountSat: coin.amountSat })),
    feeSat,
    changeSat: changeSatOf(transaction),
  };
  return { type: "transaction.signed.v1", id: `task-${txid}/signed`, message };
}

export function confirmed(transaction: TestTransaction, revision = 7): Told {
  const message = { ...inBlock(transaction, revision), confirmations: 6 };
  return { type: "transaction.confirmed.v1", id: `${transaction.txid}/confirmed/${revision}`, message };
}

export function reorged(transaction: TestTransaction, revision: number): Told {
  const message = inBlock(transaction, revision);
  return { type: "transaction.reorged.v1", id: `${transaction.txid}/reorged/${revision}`, message };
}

function inBlock({ txid, payouts }: TestTransaction, revision: number): MessageOf<"transaction.reorged.v1"> {
  return {
    transactionId: txid,
    withdrawals: payouts.map(({ withdrawalId }) => ({ withdrawalId, attempt: 1 })),
    blockHash: "ab".repeat(32),
    height: 110,
    revision,
  };
}

const sealers = {
  ...{
    backend: makeSealer("exchange-backend"),
    risk: makeSealer("online-risk"),
    gateway: makeSealer("blockchain-gateway"),
  },
  ...{ ann: makeSealer("exchange-backend", "ann"), bob: makeSealer("exchange-backend", "bob") },
};

function makeSealer(producer: Producer, keyId: string = producer): Sealer {
  return { producer, keyId, privateKey: generateKeyPairSync("ed25519").privateKey };
}

/** Whose seals these messages have. */
export const TRUST: Trust = createTrust(
  Object.values(sealers).map(({ producer, keyId, privateKey }) => {
    const { x = "" } = privateKey.export({ format: "jwk" });
    return { producer, keyId, publicKey: Buffer.from(x, "base64url").toString("base64") };
  }),
);

/** `feeMinor` is what the customer pays; 0 when the exchange does. `forged`: no backend has asked for it. */
export function cleared(
  withdrawalId: string,
  feeMinor: bigint,
  forged = false,
): Told & { readonly envelope: Uint8Array } {
  const asked = { id: withdrawalId, account: "alice", asset: "BTC", amount: "1000", address: "bcrt1q" };
  const parts = { method: "POST", authority: "a", path: "/v1/withdrawals", query: "", contentType: "application/json" };
  const signed = signRequest({ ...parts, body: Buffer.from(JSON.stringify(asked)) }, sealers.backend, {
    createdAtMs: 1,
    nonce: `nonce-of-${withdrawalId}`,
  });
  const request = forged ? { ...signed, body: Buffer.from(JSON.stringify({ ...asked, account: "bob" })) } : signed;
  const fee = feeMinor > 0n ? { customerFeeMinor: `${feeMinor}` } : {};
  const message: MessageOf<"withdrawal.cleared.v1"> = { withdrawalId, request, findings: [], clearedAtMs: 1, ...fee };
  const id = `${withdrawalId}/cleared`;
  const envelope = seal(sealers.risk, "withdrawal.cleared.v1", { id, key: withdrawalId, occurredAtMs: 1, message });
  return { type: "withdrawal.cleared.v1", id, message, envelope };
}

/** By two people, with the gateway's proof; `forged`: one of them twice. */
export function failed(
  { txid, payouts, spent }: TestTransaction,
  forged = false,
): readonly (Told & { readonly envelope: Uint8Array })[] {
  const [coin] = spent;
  const seals = { sealers: { "online-risk": sealers.risk, "blockchain-gateway": sealers.gateway } };
  return payouts.map(({ withdrawalId, account, amountSat }) => {
    const about = { withdrawalId, account, amountSat, transactionId: txid, conflictingTransactionId: "ef".repeat(32) };
    const people = forged ? [sealers.ann, sealers.ann] : [sealers.ann, sealers.bob];
    const envelope = makeFailure(seals as never, people, { ...about, outpoint: `${coin?.txid}:${coin?.vout}` });
    const opened = open(TRUST, envelope, ["withdrawal.failed.v1"]);
    if (!opened.ok) throw new Error(opened.refusal.code);
    return { type: "withdrawal.failed.v1", id: `${withdrawalId}/failed`, message: opened.value.message, envelope };
  });
}

/** Branch 0 takes money from outside, 1 our own change. A coin may be seen again in another block. */
export function observed(coin: TestCoin, branch: 0 | 1, height = 100, revision?: number): Told {
  const message: MessageOf<"coin.observed.v1"> = {
    ...sighting(coin, branch, height),
    previousTransaction: Buffer.from("00", "hex"),
    ...(revision === undefined ? {} : { revision }),
  };
  return { type: "coin.observed.v1", id: `hot-1/${coin.txid}:${coin.vout}/${height}/${revision}`, message };
}

export function vanished(coin: TestCoin, branch: 0 | 1, revision: number): Told {
  const message = { ...sighting(coin, branch, 100), revision };
  return { type: "coin.vanished.v1", id: `hot-1/${coin.txid}:${coin.vout}/vanished/${revision}`, message };
}

/** By a stranger's transaction in a block, or in none any more. */
export function taken(coin: TestCoin, by: string, isInBlock: boolean, revision: number): Told {
  const message: MessageOf<"transaction.conflicted.v1"> = {
    ...{ transactionId: "", walletId: "hot-1", withdrawals: [], outpoint: `${coin.txid}:${coin.vout}`, own: false },
    ...{
      conflictingTransactionId: by,
      blockHash: isInBlock ? "ab".repeat(32) : "",
      height: 7,
      confirmations: 1,
      revision,
    },
  };
  return { type: "transaction.conflicted.v1", id: `${message.outpoint}/taken/${revision}`, message };
}

function sighting(coin: TestCoin, branch: 0 | 1, height: number) {
  return {
    walletId: "hot-1",
    transactionId: coin.txid,
    vout: coin.vout,
    amountSat: coin.amountSat,
    branch,
    index: 0,
    blockHash: height.toString(16).padStart(64, "0"),
    height,
  };
}
