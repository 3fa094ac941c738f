// After the database was restored from an older copy: what was lost comes back from this service's own sealed words.
// A withdrawal that was cleared comes back whole, for its clearance holds the request; of the others only the ids are
// known, and the backend repeats them, which is always safe. Facts come again by themselves from the topics.

import { createHash } from "node:crypto";
import { parseAddress } from "@sluice/chains";
import { type MessageOf, type OpenedOf, verifyClearance, verifyRequest } from "@sluice/contracts";
import { parseAmount, parseAsset, type WithdrawalId } from "@sluice/core";
import { readToEnd } from "@sluice/messaging";
import { endsOf } from "@sluice/online-rules";
import type { OnlineService } from "@sluice/online-service";
import { type Transaction, transaction } from "@sluice/postgres";
import {
  clearKnown,
  insertFindings,
  insertRequests,
  insertWithdrawals,
  keepTold,
  type LastTold,
  noteClearance,
  noteDestinations,
} from "@sluice/risk-memory";
import { bringBackSuspensions } from "@sluice/suspensions";
import type { Acceptance } from "@sluice/withdrawal-routes";

/** Can be done again, and again after a crash in between: what is there is left alone. */
export async function bringBack(
  { pool, bus, trust, life }: Pick<OnlineService, "pool" | "bus" | "trust" | "life">,
  network: Acceptance["network"],
): Promise<void> {
  // A number that a change was told under is not given to another change: readers could take neither for true. And what
  // was cancelled or rejected stays so, whatever is asked of it anew.
  let told = new Map<string, LastTold>();
  const flush = async (): Promise<void> => {
    const some = told;
    told = new Map();
    await keepTold(pool, some);
  };
  await readToEnd(bus, trust, "withdrawal.changed.v1", async ({ message: { withdrawalId, ...said } }) => {
    const ended = said.state === "cancelled" || said.state === "rejected" ? said.state : null;
    const last = told.get(withdrawalId) ?? { revision: 0, ended: null };
    told.set(withdrawalId, { revision: Math.max(said.revision, last.revision), ended: ended ?? last.ended });
    if (told.size >= 1_000) await flush();
  });
  await flush();
  await bringBackSuspensions({ pool, bus, trust, life }, network);
  let cleared = 0;
  const takeCleared = async (opened: OpenedOf<"withdrawal.cleared.v1">): Promise<void> => {
    const clearance = verifyClearance(trust, opened.envelope);
    if (!clearance.ok) {
      const { refusal } = clearance;
      life.logger.error({ withdrawalId: opened.message.withdrawalId, refusal }, "a clearance of ours does not hold");
      return;
    }
    const parts = { opened, nonce: nonceOf(trust, opened.message), ...clearance.value };
    if (await transaction(pool, (tx) => insertCleared(tx, network, parts))) cleared += 1;
  };
  await readToEnd(bus, trust, "withdrawal.cleared.v1", takeCleared);
  life.logger.warn({ cleared }, "cleared withdrawals were brought back; the backend has to repeat the others");
}

type Parts = Extract<ReturnType<typeof verifyClearance>, { readonly ok: true }>["value"] & {
  readonly opened: OpenedOf<"withdrawal.cleared.v1">;
  readonly nonce: string;
};

function nonceOf(trust: OnlineService["trust"], { request }: MessageOf<"withdrawal.cleared.v1">): string {
  const verified = verifyRequest(trust, request);
  return verified.ok ? verified.value.nonce : "";
}

/** False when it was there, and cleared. */
async function insertCleared(
  tx: Transaction,
  network: Acceptance["network"],
  { opened, nonce, request, backendKeyId: keyId, requestedAtMs: receivedAtMs, clearedAtMs }: Parts,
): Promise<boolean> {
  const { request: signed, findings, customerFeeMinor } = opened.message;
  const id = request.id as WithdrawalId;
  const asset = parseAsset(request.asset);
  const amount = asset.ok ? parseAmount(request.amount, asset.value) : asset;
  const destination = parseAddress(network, request.address);
  if (!asset.ok || !amount.ok || !destination.ok) throw new Error(`${id} was cleared and cannot be read`);
  const bodySha256 = createHash("sha256").update(signed.body).digest();
  const stored = await insertRequests(tx, [{ id, keyId, nonce, signed, bodySha256, receivedAtMs }]);
  if (!stored.has(id)) return clearKnown(tx, id, clearedAtMs);
  const item = {
    ...({ id, state: "cleared", account: request.account, address: request.address, keyId, receivedAtMs } as const),
    ...{ asset: asset.value, amountMinor: amount.value, scriptPubKey: destination.value.scriptPubKey },
    ...{ detail: "brought back from its clearance", priority: request.priority ?? ("normal" as const) },
    feePayer: customerFeeMinor === undefined ? ("exchange" as const) : ("customer" as const),
    feeMinor: BigInt(customerFeeMinor ?? "0"),
  };
  await noteDestinations(tx, [{ ...item, ends: endsOf(request.address) }]);
  await insertWithdrawals(tx, [item]);
  await noteClearance(tx, id, clearedAtMs);
  await insertFindings(tx, "online-risk", [{ id, findings, atMs: clearedAtMs }]);
  return true;
}
