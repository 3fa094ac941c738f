// Step 9, one transaction to all nodes: asked first whether they would take it, then given it; what each of them makes of it.
import { gather } from "./gather.ts";
import type { Member } from "./member.ts";
import type { NodeClient } from "./node-client.ts";
import type { NoQuorum } from "./node-fault.ts";
import { concludeSending, type NodeOutcome, rejectionOf, type SendAnswer } from "./rejections.ts";

export type SendOptions = {
  readonly quorum: number;
  readonly graceMs: number;
  readonly noQuorum: (what: string) => NoQuorum;
  readonly stopping: AbortSignal;
};

/** Success on some is not undone by the others: it only is no quorum yet, and is tried again. */
export async function sendToAll(
  members: readonly Member[],
  transaction: Uint8Array,
  { quorum, graceMs, noQuorum }: SendOptions,
): Promise<SendAnswer> {
  const hex = Buffer.from(transaction).toString("hex");
  const answers = await gather(members, {
    question: async (client, member): Promise<NodeOutcome> => outcomeOf(member.name, await offer(client, hex)),
    isEnough: (sofar) => sofar.filter(({ value }) => value.action === "have").length >= quorum,
    graceMs,
  });
  // A node that was silent may have it all the same: whether it does is seen at the next sending of the same bytes.
  if (answers.length === 0) throw noQuorum("a transaction could be given to no node");
  return concludeSending(
    answers.map(({ value }) => value),
    quorum,
  );
}

/** Null when the node has it now, or its reason for not taking it. */
async function offer(client: NodeClient, hex: string): Promise<string | null> {
  const refusal = await client.refusalOf(hex);
  if (refusal !== null) return refusal;
  const sent = await client.send(hex);
  return sent.ok ? null : sent.refusal.message;
}

function outcomeOf(node: string, reason: string | null): NodeOutcome {
  if (reason === null) return { node, reason: "has it", action: "have", code: "ACCEPTED" };
  return { node, reason, ...rejectionOf(reason) };
}
