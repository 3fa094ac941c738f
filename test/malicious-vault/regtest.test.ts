// The conflict rule on a real node: two transactions for one withdrawal, both signed by two holders, in both orders of
// arrival. Exactly one can confirm, and no block can hold both.
import { randomBytes } from "node:crypto";
import {
  addressOf,
  type Coin,
  combineSignatures,
  decodeTransaction,
  deriveScript,
  finalisePayout,
  outpointOf,
} from "@sluice/chains";
import { HOLDERS, type Holder } from "@sluice/contracts";
import { openFaucet } from "@sluice/devstack";
import { toPartial } from "@sluice/second-opinion";
import { request } from "@sluice/signing-fixtures";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cleared, type Draft, orderOf, planned, sealOrder, sealTask, wallet } from "./honest.ts";
import { makeParty, type Party } from "./party.ts";

const [A, B, C] = HOLDERS;
const COIN_SAT = 400_000n;
const PAID_SAT = 60_000n;

let rpc: Awaited<ReturnType<typeof openFaucet>>;
let miner = "";
let party: Party;

beforeAll(async () => {
  rpc = await openFaucet(process.env["BITCOIN_RPC_URL"] ?? "");
  miner = await rpc<string>("getnewaddress");
  party = makeParty();
});
afterAll(() => party.close());

/** Two coins of the hot wallet in a block. The node is shared, so nothing is assumed about heights or other coins. */
async function fundTwo(): Promise<readonly [Coin, Coin]> {
  const outputs = [3, 4].map((index) => [deriveScript(wallet.descriptor, 0, index), index] as const);
  const amounts = Object.fromEntries(outputs.map(([{ address }]) => [address, Number(COIN_SAT) / 1e8]));
  const txid = await rpc<string>("sendmany", "", amounts);
  const { hex } = await rpc<{ hex: string }>("gettransaction", txid);
  const previousTransaction = Buffer.from(hex, "hex");
  const made = decodeTransaction(previousTransaction).outputs;
  const coins = outputs.map(([{ scriptPubKey }, index]): Coin => {
    const vout = made.findIndex((output) => Buffer.from(output.scriptPubKey).equals(scriptPubKey));
    return { txid, vout, amountSat: COIN_SAT, branch: 0, index, previousTransaction };
  });
  await rpc("generatetoaddress", 1, miner);
  const [one, two] = coins;
  if (one === undefined || two === undefined) throw new Error("two were paid");
  return [one, two];
}

type Withdrawal = { readonly id: string; readonly address: string };

/** A task of a vault; `null` when the second opinion refuses it, with its code in `refusal`. */
function ask({ id, address }: Withdrawal, coins: readonly Coin[], rate: number) {
  const psbt = planned({ coins, pays: [{ address, amountSat: PAID_SAT }], rate });
  const body = request(id, { address, amount: String(PAID_SAT) });
  const draft: Draft = {
    taskId: `${id}-${randomBytes(4).toString("hex")}`,
    walletId: wallet.walletId,
    psbt,
    withdrawals: [cleared(body)],
  };
  const verdict = party.judgeTask(sealTask(draft));
  return verdict.kind === "signed" ? { draft, refusal: null } : { draft, refusal: verdict.code };
}

/** Ordered under the anchor that was named once, signed by two holders, complete. */
function complete({ draft }: ReturnType<typeof ask>, holders: readonly Holder[]): { hex: string; txid: string } {
  const anchors = party.memory.anchors();
  const withdrawals = draft.withdrawals.map((one) => ({ ...one, anchor: anchors.get(one.id) ?? "" }));
  const partials = holders.map((holder) => {
    const verdict = party.judgeOrder(holder, sealOrder(orderOf({ ...draft, withdrawals }, holder)));
    const partial = verdict.kind === "signed" ? toPartial(verdict.answer, draft.psbt, wallet) : null;
    if (partial === null) throw new Error(`${holder}: ${JSON.stringify(verdict)}`);
    return partial;
  });
  const combined = combineSignatures(draft.psbt, partials, wallet.descriptor);
  if (!combined.ok) throw new Error(combined.refusal.detail);
  const final = finalisePayout(draft.psbt, combined.value.psbt, wallet.descriptor);
  if (!final.ok) throw new Error(final.refusal.detail);
  return { hex: Buffer.from(final.value.transaction).toString("hex"), txid: final.value.txid };
}

type Sent = { readonly hex: string; readonly txid: string };

async function send({ hex }: Sent): Promise<string> {
  return rpc<string>("sendrawtransaction", hex).then(
    () => "taken",
    (error: Error) => error.message,
  );
}

/** What the node says of it by itself. */
async function accepts({ hex }: Sent): Promise<string> {
  const [verdict] = await rpc<readonly { allowed: boolean; "reject-reason"?: string }[]>("testmempoolaccept", [hex]);
  return verdict?.allowed === true ? "allowed" : (verdict?.["reject-reason"] ?? "");
}

async function isInBlock({ txid }: Sent): Promise<boolean> {
  // The payee is nobody's wallet, so its output stays unspent.
  return (await rpc<object | null>("gettxout", txid, 0, false)) !== null;
}

test.each(["the first, then its replacement", "the replacement, then the first"])(
  "of two complete transactions exactly one confirms: %s",
  async (order) => {
    const coins = await fundTwo();
    const [anchor, other] = coins;
    const payee = {
      id: `w-${randomBytes(6).toString("hex")}`,
      address: addressOf("regtest", new Uint8Array([0, 20, ...randomBytes(20)])) ?? "",
    };
    const asked = ask(payee, [anchor], 2);
    expect(asked.refusal).toBeNull();
    const first = complete(asked, [A, B]);
    // What does not spend the anchor is refused, and so there is nothing to complete.
    expect(ask(payee, [other], 3).refusal).toBe("ALREADY_PAID");
    expect(party.memory.anchors().get(payee.id)).toBe(outpointOf(anchor));
    const replaced = ask(payee, coins, 12);
    expect(replaced.refusal).toBeNull();
    const replacement = complete(replaced, [B, C]);
    expect(replacement.txid).not.toBe(first.txid);

    // Each could confirm, by itself; consensus lets no block have both.
    expect([await accepts(first), await accepts(replacement)]).toEqual(["allowed", "allowed"]);
    const both = rpc("generateblock", miner, [first.hex, replacement.hex]);
    await expect(both).rejects.toThrow(/bad-txns-inputs-missingorspent/);

    const [early, late] = order.startsWith("the first") ? [first, replacement] : [replacement, first];
    expect(await send(early)).toBe("taken");
    const answer = await send(late);
    await rpc("generatetoaddress", 1, miner);
    const confirmed = [await isInBlock(first), await isInBlock(replacement)];
    expect(confirmed.filter(Boolean)).toHaveLength(1);
    const loser = confirmed[0] ? replacement : first;
    expect(await accepts(loser)).toBe("missing-inputs");
    expect(await send(loser)).toMatch(/missingorspent|missing-inputs/);
    await rpc("generatetoaddress", 1, miner);
    expect([await isInBlock(first), await isInBlock(replacement)]).toEqual(confirmed);
    process.stderr.write(
      `${order}: the second was ${answer}; ${confirmed[0] ? "the first" : "the replacement"} confirmed\n`,
    );
  },
);
