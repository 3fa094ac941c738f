// Step 7, first half: a holder's answer is verified as it comes and recorded, late ones too.
import { decodePayout, deriveScript, type PartialSignatures, verifySignatures, type Wallet } from "@sluice/chains";
import { type OpenedOf, open, type Trust } from "@sluice/contracts";
import { type Pool, transaction } from "@sluice/postgres";
import type { Logger } from "@sluice/runtime";
import { type Answer, recordAnswer } from "../order-store.ts";
import { lockTask } from "../store.ts";

type Answered = OpenedOf<"signing.answered.v1">;

export async function handleSigningAnswered(
  around: {
    readonly pool: Pool;
    readonly trust: Trust;
    readonly wallets: ReadonlyMap<string, Wallet>;
    readonly logger: Logger;
  },
  answered: Answered,
): Promise<void> {
  const { message, producer, envelope } = answered;
  await transaction(around.pool, async (tx) => {
    const task = await lockTask(tx, message.taskId);
    const request = task === null ? undefined : open(around.trust, task.envelope, ["signing.requested.v1"]);
    const wallet = task === null ? undefined : around.wallets.get(task.walletId);
    if (request?.ok !== true || wallet === undefined) {
      around.logger.warn({ taskId: message.taskId, holder: producer }, "an answer to no task of ours is dropped");
      return;
    }
    const answer = judgeAnswer(answered, request.value.message.psbt, wallet);
    const recorded = await recordAnswer(tx, message.taskId, producer, envelope, answer);
    around.logger.info({ taskId: message.taskId, holder: producer, answer, recorded }, "a holder answered");
  });
}

/** A holder whose signatures do not verify is passed over like one that refuses, but it may have made valid ones too. */
function judgeAnswer({ message }: Answered, psbt: Uint8Array, wallet: Wallet): Answer {
  if (message.answer.case === "refusal") return { kind: "refusal", ...message.answer.value };
  const partial = toPartial(message, psbt, wallet);
  if (partial === null) return { kind: "invalid", code: "SIGNATURE_KEY_FOREIGN", reason: "no holder's key" };
  const verified = verifySignatures(psbt, partial, wallet.descriptor);
  if (verified.ok) return { kind: "signatures" };
  return { kind: "invalid", code: verified.refusal.code, reason: verified.refusal.detail };
}

/** The answer as chains takes it; the holder's fingerprint is found by its public key in the first input's script. */
export function toPartial(message: Answered["message"], psbt: Uint8Array, wallet: Wallet): PartialSignatures | null {
  if (message.answer.case !== "signatures") return null;
  const decoded = decodePayout(psbt, wallet.descriptor, { gapLimit: wallet.gapLimit });
  const [first] = decoded.ok ? decoded.value.inputs : [];
  const given = message.answer.value.inputs.find(({ input }) => input === 0);
  if (first === undefined || given === undefined) return null;
  const script = deriveScript(wallet.descriptor, first.branch, first.index);
  const key = Buffer.from(given.publicKey);
  const holder = script.derivations.find(({ publicKey }) => key.equals(publicKey))?.fingerprint;
  if (holder === undefined) return null;
  const signatures = message.answer.value.inputs.map(({ input, publicKey, signature }) => ({
    inputIndex: input,
    publicKey,
    signature,
  }));
  return { holder, txid: message.transactionId, signatures };
}
