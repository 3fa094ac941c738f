// Attacks on the transaction: every tampering of its bytes, and everything that well-formed bytes can do wrong.
import { deriveScript } from "@sluice/chains";
import { HOLDERS } from "@sluice/contracts";
import { DESTINATION, makeWallet, OTHER_DESTINATION, request } from "@sluice/signing-fixtures";
import { changePrevious, closeDraft, field, openDraft, type Draft as Parts } from "../../packages/chains/test/draft.ts";
import {
  control,
  GAP_LIMIT,
  payments,
  stranger,
  TAMPERINGS,
  tampered,
} from "../../packages/chains/test/tampering/index.ts";
import { type Attack, transaction, withPsbt } from "./attack.ts";
import { asked, cleared, type Draft, honest, NOW_MS, orderOf, otherCoin, planned, wallet } from "./honest.ts";

const [one, two] = payments;
const [askedOne, askedTwo] = asked as [(typeof asked)[0], (typeof asked)[0]];
const [clearedOne, clearedTwo] = honest.withdrawals as [(typeof honest.withdrawals)[0], (typeof honest.withdrawals)[0]];
const ENEMY = DESTINATION;
const otherWallet = makeWallet(GAP_LIMIT, "hot-2").wallet;
const own = (branch: 0 | 1, index: number) => deriveScript(wallet.descriptor, branch, index);
const paying = (...pays: readonly { readonly address: string; readonly amountSat: bigint }[]) =>
  withPsbt(planned({ pays }));
const changed = (change: (parts: Parts) => void): Draft => {
  const parts = openDraft(control);
  change(parts);
  return withPsbt(closeDraft(parts));
};
const output = (parts: Parts, at: number) => {
  const found = parts.transaction.outputs[at];
  if (found === undefined) throw new Error(`there is no output ${at}`);
  return found;
};
/** Change is the third output of the control. */
const CHANGE = 2;
const changeTo = (scriptPubKey: Uint8Array): Draft =>
  changed((parts) => {
    Object.assign(output(parts, CHANGE), { scriptPubKey });
    parts.outputs[CHANGE] = [];
  });

export const TRANSACTION_ATTACKS: readonly Attack[] = [
  // The container, the transaction as a whole, each input and each output: the decoder's own tables.
  ...TAMPERINGS.map((tampering) => {
    // More than crosses the bridge is refused before anybody decodes it.
    const tooLarge = tampering.code === "PSBT_TOO_LARGE";
    const code = tooLarge ? "TASK_TOO_LARGE" : tampering.code;
    const options = { holder: tampering.code, ...(tooLarge ? { about: "nobody" as const } : {}) };
    // A field without bytes is no message at all: what comes instead is as little a PSBT.
    const bytes = tampered(tampering);
    const psbt = bytes.length === 0 ? Uint8Array.of(0) : bytes;
    return transaction(`bytes: ${tampering.name} (${tampering.code})`, code, withPsbt(psbt), options);
  }),
  ...outputs(),
  ...change(),
  ...fees(),
  ...clearances(),
  ...liesToEach(),
];

function outputs(): readonly Attack[] {
  const enemy = { address: ENEMY, amountSat: 50_000n };
  return [
    transaction("the first payment redirected", "PAYMENT_UNMATCHED", paying({ ...one, address: ENEMY }, two)),
    transaction("the second payment redirected", "PAYMENT_UNMATCHED", paying(one, { ...two, address: ENEMY })),
    transaction("all payments redirected to one", "PAYMENT_UNMATCHED", paying({ address: ENEMY, amountSat: 550_000n })),
    transaction("a satoshi more", "PAYMENT_AMOUNT", paying({ ...one, amountSat: one.amountSat + 1n }, two)),
    transaction("a satoshi less", "PAYMENT_AMOUNT", paying(one, { ...two, amountSat: two.amountSat - 1n })),
    transaction(
      "two payments' amounts swapped",
      "PAYMENT_AMOUNT",
      paying({ ...one, amountSat: two.amountSat }, { ...two, amountSat: one.amountSat }),
    ),
    transaction("a payment removed, its money to the change", "PAYMENT_MISSING", paying(two)),
    transaction(
      "a payment removed, its money to the fee",
      "PAYMENT_MISSING",
      changed((parts) => {
        parts.transaction.outputs.splice(0, 1);
        parts.outputs.splice(0, 1);
      }),
    ),
    transaction("an output added out of the change", "PAYMENT_UNMATCHED", paying(one, two, enemy)),
    transaction("an output added in front", "PAYMENT_UNMATCHED", paying(enemy, one, two)),
    transaction("a payment doubled", "PAYMENT_UNMATCHED", paying(one, one, two)),
    transaction("a payment in two halves", "PAYMENT_AMOUNT", paying(...halves(one), two)),
    transaction("two payments merged", "PAYMENT_AMOUNT", paying({ ...one, amountSat: one.amountSat + two.amountSat })),
    transaction(
      "a payment of the least amount added",
      "PAYMENT_UNMATCHED",
      paying(one, two, { ...enemy, amountSat: 294n }),
    ),
    transaction(
      "a payment to a script like the payee's",
      "PAYMENT_UNMATCHED",
      changed((parts) => {
        const { scriptPubKey } = output(parts, 0);
        Object.assign(output(parts, 0), {
          scriptPubKey: Uint8Array.from(scriptPubKey, (byte, at) => (at === 10 ? byte ^ 1 : byte)),
        });
      }),
    ),
  ];
}

function halves<T extends { readonly amountSat: bigint }>(payment: T): readonly T[] {
  const half = payment.amountSat / 2n;
  return [half, payment.amountSat - half].map((amountSat) => ({ ...payment, amountSat }));
}

function change(): readonly Attack[] {
  const foreign = deriveScript(otherWallet.descriptor, 1, 8);
  return [
    transaction(
      "change to a foreign script, nothing said",
      "PAYMENT_UNMATCHED",
      changeTo(deriveScript(stranger, 1, 8).scriptPubKey),
    ),
    transaction(
      "change to the right script of another wallet, nothing said",
      "PAYMENT_UNMATCHED",
      changeTo(foreign.scriptPubKey),
    ),
    transaction(
      "change to the right script of another wallet, described truly",
      "OUTPUT_CLAIM_UNKNOWN",
      changed((parts) => {
        Object.assign(output(parts, CHANGE), { scriptPubKey: foreign.scriptPubKey });
        parts.outputs[CHANGE] = claimOf(otherWallet, 8);
      }),
    ),
    transaction(
      "change past the gap limit, nothing said",
      "PAYMENT_UNMATCHED",
      changeTo(own(1, GAP_LIMIT).scriptPubKey),
    ),
    transaction(
      "change far past the gap limit, nothing said",
      "PAYMENT_UNMATCHED",
      changeTo(own(1, 2 ** 31 - 1).scriptPubKey),
    ),
    transaction("change to the receiving branch, nothing said", "OWN_BRANCH_OUTPUT", changeTo(own(0, 5).scriptPubKey)),
    transaction(
      "a payment to the wallet's own receiving branch",
      "OWN_BRANCH_OUTPUT",
      paying({ ...one, address: own(0, 6).address }, two),
    ),
    transaction(
      "change split in two",
      "CHANGE_SPLIT",
      paying(one, two, { address: own(1, 9).address, amountSat: 100_000n }),
    ),
    transaction(
      "change split over one address twice",
      "CHANGE_SPLIT",
      paying(one, two, { address: own(1, 8).address, amountSat: 100_000n }),
    ),
  ];
}

function claimOf({ descriptor }: typeof wallet, changeIndex: number): Parts["outputs"][number] {
  // What the other wallet's own planner writes for its own change.
  const script = deriveScript(descriptor, 1, changeIndex);
  const none = new Uint8Array();
  return [
    { type: 1, keyData: none, value: script.witnessScript },
    ...script.derivations.map(({ fingerprint, path, publicKey }) => {
      const value = Buffer.alloc(4 + 4 * path.length);
      value.write(fingerprint, "hex");
      for (const [at, step] of path.entries()) value.writeUInt32LE(step, 4 + 4 * at);
      return { type: 2, keyData: publicKey, value: new Uint8Array(value) };
    }),
  ];
}

function fees(): readonly Attack[] {
  const nothing = "no holder's rule: a fee that is too low takes nothing from anybody";
  const small = { address: OTHER_DESTINATION, amountSat: 2_000n };
  const smallDraft = {
    ...honest,
    psbt: planned({ coins: [otherCoin], pays: [small], rate: 6 }),
    withdrawals: [cleared(request("w-small", { address: small.address, amount: "2000" }))],
  };
  return [
    transaction(
      "the change to the fee",
      "FEE_OVER_ABSOLUTE_CAP",
      changed((parts) => {
        parts.transaction.outputs.splice(CHANGE, 1);
        parts.outputs.splice(CHANGE, 1);
      }),
      { holder: "FEE_OVER_CAP" },
    ),
    transaction(
      "a fee of one satoshi over the cap",
      "FEE_OVER_ABSOLUTE_CAP",
      changed((parts) => {
        output(parts, CHANGE).amountSat = 1_000_000n - one.amountSat - two.amountSat - 10_001n;
      }),
      { holder: "FEE_OVER_CAP" },
    ),
    transaction("a fee rate over the cap", "FEE_OVER_RATE_CAP", withPsbt(planned({ rate: 20.5 })), {
      holder: "FEE_RATE_OVER_CAP",
    }),
    transaction("a fee that outweighs its payment", "FEE_OVER_PERCENT_CAP", smallDraft, {
      holder: "FEE_PERCENT_OVER_CAP",
    }),
    transaction("a fee below the floor", "FEE_TOO_LOW", withPsbt(planned({ rate: 0.5 })), {
      holder: { outOfReach: nothing },
    }),
  ];
}

function clearances(): readonly Attack[] {
  const large = request("w-large", { address: ENEMY, amount: "500001" });
  const home = request("w-home", { address: own(0, 4).address, amount: "10000" });
  const pay = (body: ReturnType<typeof request>): Draft => ({
    ...honest,
    psbt: planned({ coins: [otherCoin], pays: [{ address: body.address, amountSat: BigInt(body.amount) }] }),
    withdrawals: [cleared(body)],
  });
  const only = (...withdrawals: Draft["withdrawals"]): Draft => ({ ...honest, withdrawals });
  return [
    transaction("a payment whose clearance is left out", "PAYMENT_UNMATCHED", only(clearedOne)),
    transaction("a clearance whose payment is left out", "PAYMENT_MISSING", {
      ...honest,
      psbt: planned({ pays: [one] }),
    }),
    transaction("a clearance twice for one payment", "DUPLICATE_WITHDRAWAL", only(clearedOne, clearedOne, clearedTwo), {
      holder: "WITHDRAWAL_DUPLICATE",
      about: "nobody",
    }),
    transaction(
      "a clearance twice for two payments",
      "DUPLICATE_WITHDRAWAL",
      { ...honest, psbt: planned({ pays: [one, one] }), withdrawals: [clearedOne, clearedOne] },
      { holder: "WITHDRAWAL_DUPLICATE", about: "nobody" },
    ),
    transaction(
      "one request cleared twice, at two times, for two payments",
      "DUPLICATE_WITHDRAWAL",
      { ...honest, psbt: planned({ pays: [one, one] }), withdrawals: [clearedOne, cleared(askedOne, NOW_MS - 1_000)] },
      { holder: "WITHDRAWAL_DUPLICATE", about: "nobody" },
    ),
    transaction("a payment over the cap", "OVER_PAYMENT_LIMIT", pay(large), { holder: "PAYMENT_OVER_CAP" }),
    transaction("a payment to the wallet itself", "PAYMENT_TO_OWN_WALLET", pay(home)),
    transaction("a wallet of nobody", "WALLET_UNKNOWN", { ...honest, walletId: "cold" }, { about: "nobody" }),
    transaction(
      "another clearance for the same address",
      "PAYMENT_AMOUNT",
      only(clearedOne, cleared({ ...askedTwo, id: "w-3", amount: "299999" })),
    ),
  ];
}

/** Each holder is told something else, as somebody would who collects one signature under each lie. */
function liesToEach(): readonly Attack[] {
  const claimed = (by: bigint) =>
    changed((parts) => {
      const utxo = field(parts.inputs[0], 1);
      const value = Buffer.from(utxo.value);
      value.writeBigUInt64LE(value.readBigUInt64LE() + by);
      utxo.value = new Uint8Array(value);
    });
  const previous = (by: bigint) =>
    changed((parts) =>
      changePrevious(
        parts,
        1,
        ({ outputs: made }) => {
          for (const each of made) each.amountSat += by;
        },
        false,
      ),
    );
  const toEach = (name: string, code: string, lie: (by: bigint) => Draft): Attack =>
    transaction(name, code, lie(1n), {
      order: (holder) => orderOf(lie([-100_000n, 1n, 100_000n][HOLDERS.indexOf(holder)] ?? 0n), holder),
    });
  return [
    toEach("an input's value lied about, differently to each holder", "WITNESS_UTXO_AMOUNT", claimed),
    toEach("a previous transaction doctored, differently for each holder", "PREVIOUS_TRANSACTION_ID", previous),
  ];
}
