// Two people of an exchange, and the sealed failure of a withdrawal that they and a gateway bear out.
import { generateKeyPairSync } from "node:crypto";
import {
  createTrust,
  failurePath,
  type MessageOf,
  type Sealer,
  seal,
  signRequest,
  type Trust,
} from "@sluice/contracts";
import type { Seals } from "./seals.ts";

export type People = {
  readonly people: readonly [Sealer, Sealer];
  /** The deployment's own keys, and theirs. */
  readonly trust: Trust;
};

export function makePeople({ file }: Pick<Seals, "file">): People {
  const made = ["officer-1", "officer-2"].map((keyId) => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
    const sealer: Sealer = { producer: "exchange-backend", keyId, privateKey };
    return { sealer, entry: { producer: "exchange-backend" as const, keyId, publicKey: raw } };
  });
  const [first, second] = made;
  if (first === undefined || second === undefined) throw new Error("there are two people");
  const trust = createTrust([...file, first.entry, second.entry]);
  return { people: [first.sealer, second.sealer], trust };
}

export type FailureParts = {
  readonly withdrawalId: string;
  readonly amountSat: bigint;
  /** Ours, and what another transaction has spent of what it spends. */
  readonly transactionId: string;
  readonly outpoint: string;
  readonly conflictingTransactionId: string;
  readonly account?: string;
  /** What the gateway says otherwise. */
  readonly conflict?: Partial<MessageOf<"transaction.conflicted.v1">>;
  readonly by?: readonly Sealer[];
  /** What the people's requests are about, if not this withdrawal. */
  readonly askedAbout?: string;
};

export const REQUIRED_CONFIRMATIONS = 6;

/** The sealed withdrawal.failed envelope. */
export function makeFailure(
  seals: Pick<Seals, "sealers">,
  people: readonly Sealer[],
  { withdrawalId, amountSat, conflictingTransactionId, outpoint, account = "alice", ...parts }: FailureParts,
): Uint8Array {
  const spent = {
    outpoint,
    transactionId: conflictingTransactionId,
    own: false,
    blockHash: "ab".repeat(32),
    height: 9,
  };
  const message: MessageOf<"transaction.conflicted.v1"> = {
    ...{ transactionId: parts.transactionId, withdrawals: [{ withdrawalId, attempt: 1 }], outpoint, own: false },
    ...{ conflictingTransactionId, blockHash: spent.blockHash, height: 9, confirmations: REQUIRED_CONFIRMATIONS },
    ...{ spent: [{ ...spent, confirmations: REQUIRED_CONFIRMATIONS }], requiredConfirmations: REQUIRED_CONFIRMATIONS },
    revision: 7,
    ...parts.conflict,
  };
  const key = parts.transactionId;
  const conflict = seal(seals.sealers["blockchain-gateway"], "transaction.conflicted.v1", {
    ...{ id: `${key}/conflicted/7`, key, occurredAtMs: 1, message },
  });
  const body = Buffer.from(JSON.stringify({ conflictingTransactionId, reason: "it was stolen" }));
  const path = failurePath(parts.askedAbout ?? withdrawalId);
  const target = {
    method: "POST",
    authority: "sluice.example",
    path,
    query: "",
    contentType: "application/json",
    body,
  };
  const requests = (parts.by ?? people).map((person, at) =>
    signRequest(target, person, { createdAtMs: 1_000, nonce: `nonce-${at}-of-${withdrawalId}` }),
  );
  return seal(seals.sealers["online-risk"], "withdrawal.failed.v1", {
    ...{ id: `${withdrawalId}/failed`, key: withdrawalId, occurredAtMs: 1 },
    message: {
      ...{ withdrawalId, account, asset: "BTC", amountMinor: `${amountSat}`, outpoint, conflictingTransactionId },
      ...{ conflict, requests, failedAtMs: 1 },
    },
  });
}
