// Compares what the services say of a withdrawal with what the node has, satoshi by satoshi.
import { decodeTransaction, parseAddress } from "@sluice/chains";
import type { WithdrawalDetails } from "@sluice/client";
import type { Regtest, Stack } from "@sluice/devstack";
import type { DemoWithdrawal, Outcome } from "./scenario.ts";

export async function verifyOutcome(
  { chain }: Pick<Stack, "chain">,
  withdrawal: DemoWithdrawal | undefined,
  details: WithdrawalDetails,
): Promise<Outcome> {
  if (withdrawal === undefined) throw new Error(`${details.id} was never posted`);
  const { request, endsAs } = withdrawal;
  const received = await transactionsPaying(chain, request.address);
  const faults: string[] = [];
  const { approvals } = details;
  if (approvals.required !== withdrawal.approvals || approvals.by.length !== withdrawal.approvals) {
    faults.push(
      `${request.id} has ${approvals.by.length} of ${approvals.required} approvals, not ${withdrawal.approvals}`,
    );
  }
  const wasHeld = details.history.some(({ state }) => state === "held");
  if (wasHeld !== withdrawal.approvals > 0) faults.push(`${request.id} was ${wasHeld ? "" : "not "}held`);
  if (details.state !== endsAs) faults.push(`${request.id} ended as ${details.state}, not as ${endsAs}`);
  if (endsAs !== "completed") {
    if (received.length > 0) faults.push(`${request.id} is ${details.state}, and was paid by ${received.join(", ")}`);
    return { withdrawal, details, payment: null, faults };
  }
  if (received.length !== 1) faults.push(`${request.id} has to be paid once and was paid ${received.length} times`);
  const [txid] = received;
  if (txid === undefined) return { withdrawal, details, payment: null, faults };
  if (txid !== details.txid) faults.push(`${request.id} was paid by ${txid}, the services say ${details.txid}`);
  const onChain = await chain.rpc<{ hex: string; confirmations?: number }>("getrawtransaction", txid, true);
  const amountSat = paidTo(request.address, Buffer.from(onChain.hex, "hex"));
  if (amountSat !== request.amount) faults.push(`${request.id} was paid ${amountSat} instead of ${request.amount}`);
  const confirmations = onChain.confirmations ?? 0;
  if (confirmations < 1) faults.push(`${request.id} is in no block`);
  return { withdrawal, details, payment: { txid, confirmations }, faults };
}

/** Asked of the wallet that owns the address, including what is in the mempool only. */
async function transactionsPaying(chain: Regtest, address: string): Promise<readonly string[]> {
  const received = await chain.rpc<readonly { address: string; txids: readonly string[] }[]>(
    "listreceivedbyaddress",
    0,
    false,
    false,
    address,
  );
  return received.flatMap(({ txids }) => txids);
}

function paidTo(address: string, transaction: Uint8Array): bigint {
  const parsed = parseAddress("regtest", address);
  if (!parsed.ok) throw new Error(`${address}: ${parsed.refusal.detail}`);
  const script = Buffer.from(parsed.value.scriptPubKey);
  return decodeTransaction(transaction)
    .outputs.filter(({ scriptPubKey }) => script.equals(scriptPubKey))
    .reduce((sum, { amountSat }) => sum + amountSat, 0n);
}
