// Attacks on the seals inside: the clearances of a task, by vault, by online-risk in enemy hands, by a revoked key.
import {
  contentDigest,
  type MessageOf,
  open,
  type RequestParts,
  type Sealer,
  type SignedRequest,
  seal,
  signRequest,
} from "@sluice/contracts";
import { clear, DESTINATION, request } from "@sluice/signing-fixtures";
import { altered, enclose, forge, stranger, write } from "../journeys/enemy/envelopes.ts";
import { type Attack, sealed } from "./attack.ts";
import {
  asked,
  cleared,
  type Draft,
  honest,
  NOW_MS,
  orderOf,
  retiredSealer,
  seals,
  sealTask,
  trust,
} from "./honest.ts";

const HOUR_MS = 3_600_000;
const [real, other] = honest.withdrawals as [(typeof honest.withdrawals)[0], (typeof honest.withdrawals)[0]];
const [askedReal] = asked as [(typeof asked)[0]];
const onlineRisk = seals.sealer("online-risk");
const backend = seals.sealer("exchange-backend");
const opened = open(trust, real.clearance, ["withdrawal.cleared.v1"]);
if (!opened.ok) throw new Error(opened.refusal.code);
const { message } = opened.value;

/** The control with another first clearance. */
const withClearance = (clearance: Uint8Array): Draft => ({ ...honest, withdrawals: [{ ...real, clearance }, other] });
const row = (name: string, code: string, clearance: Uint8Array): Attack =>
  sealed(`a clearance ${name}`, code, withClearance(clearance), { about: "nobody" });
const resealed = (by: Sealer): Uint8Array => forge(by, "withdrawal.cleared.v1", real.id, message);
const flipped = (at: number): Uint8Array => {
  const bytes = Uint8Array.from(real.clearance);
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = (bytes[place] ?? 0) ^ 1;
  return bytes;
};

export const CLEARANCE_ATTACKS: readonly Attack[] = [
  ...sealsOfIt(),
  ...requests(),
  ...bodies(),
  ...belonging(),
  ...times(),
];

function sealsOfIt(): readonly Attack[] {
  const type = "withdrawal.cleared.v1";
  const { id, key } = opened.ok ? opened.value : { id: "", key: "" };
  const changed: MessageOf<"withdrawal.changed.v1"> = {
    ...{
      withdrawalId: real.id,
      account: "alice",
      asset: "BTC",
      amountMinor: "1",
      address: DESTINATION,
      state: "cleared",
    },
    ...{ detail: "", transactionId: "", revision: 1, changedAtMs: NOW_MS, findings: [], confirmations: 0 },
  };
  return [
    row("by a key of nobody", "SEAL_KEY_UNKNOWN", resealed(stranger("online-risk", "online-risk-9"))),
    row("by a stranger in online-risk's name", "SEAL_INVALID", resealed(stranger("online-risk"))),
    row("by online-risk's revoked key", "SEAL_KEY_REVOKED", resealed(retiredSealer("online-risk"))),
    row("sealed by vault", "PRODUCER_NOT_PERMITTED", resealed(seals.sealer("vault"))),
    row("sealed by the backend itself", "PRODUCER_NOT_PERMITTED", resealed(backend)),
    row("sealed by semi-offline-risk", "PRODUCER_NOT_PERMITTED", resealed(seals.sealer("semi-offline-risk"))),
    row(
      "by vault's key in online-risk's name",
      "SEAL_KEY_UNKNOWN",
      resealed({ ...seals.sealer("vault"), producer: "online-risk" }),
    ),
    row("with its amount raised", "SEAL_INVALID", altered(real.clearance, '"amount":"250000"', '"amount":"950000"')),
    row("with its address changed", "SEAL_INVALID", altered(real.clearance, askedReal.address, DESTINATION)),
    row("with a bit of its seal flipped", "SEAL_INVALID", flipped(-1)),
    row("cut short", "ENVELOPE_MALFORMED", real.clearance.subarray(0, -1)),
    row("with a byte behind", "ENVELOPE_MALFORMED", Buffer.concat([real.clearance, Buffer.of(0)])),
    row("that is no envelope", "ENVELOPE_MALFORMED", Buffer.from("cleared, honestly")),
    row(
      "sealed for another domain",
      "SEAL_INVALID",
      write(onlineRisk, { id, type, key, payload: new Uint8Array() }, "sluice/seal/v0"),
    ),
    row(
      "that is news of a withdrawal",
      "TYPE_UNEXPECTED",
      forge(onlineRisk, "withdrawal.changed.v1", real.id, changed),
    ),
    row("that is a task of vault's own", "TYPE_UNEXPECTED", sealTask(honest)),
    row(
      "of a type of nobody",
      "TYPE_UNKNOWN",
      write(onlineRisk, { id, type: "withdrawal.cleared.v2", key, payload: new Uint8Array() }),
    ),
    row("without content", "PAYLOAD_MALFORMED", write(onlineRisk, { id, type, key, payload: new Uint8Array() })),
    row("without an id", "PAYLOAD_MALFORMED", write(onlineRisk, { id: "", type, key, payload: new Uint8Array() })),
    row("whose content is a seal alone", "ENVELOPE_MALFORMED", enclose(onlineRisk, new Uint8Array())),
  ];
}

/** Online-risk is in enemy hands: its seal is real, and the backend's signature is what is missing. */
function requests(): readonly Attack[] {
  const asking = (name: string, code: string, changes: Partial<SignedRequest>): Attack =>
    row(`of a request ${name}`, `REQUEST_${code}`, clearing({ ...message.request, ...changes }));
  const body = altered(message.request.body, askedReal.address, DESTINATION);
  const { signatureInput } = message.request;
  const by = (
    signer: { readonly keyId: string; readonly privateKey: Sealer["privateKey"] },
    parts: Partial<RequestParts> = {},
  ) => signRequest({ ...message.request, ...parts }, signer, { createdAtMs: NOW_MS, nonce: "nonce-of-enemy" });
  return [
    asking("with another body", "DIGEST_MISMATCH", { body }),
    asking("with another body and its digest", "SIGNATURE_INVALID", { body, contentDigest: contentDigest(body) }),
    asking("without its digest", "DIGEST_MISSING", { contentDigest: "" }),
    asking("that nobody signed", "SIGNATURE_MISSING", { signature: "", signatureInput: "" }),
    asking("with a signature of another form", "SIGNATURE_MALFORMED", { signature: "sluice=:AAAA:" }),
    asking("signed under another label", "SIGNATURE_MALFORMED", {
      signatureInput: signatureInput.replace("sluice=", "other="),
    }),
    asking("signed for another use", "SIGNATURE_MALFORMED", {
      signatureInput: signatureInput.replace("sluice-withdrawal-v1", "sluice-withdrawal-v2"),
    }),
    asking("whose signature leaves the digest out", "SIGNATURE_INCOMPLETE", {
      signatureInput: signatureInput.replace(' "content-digest"', ""),
    }),
    asking("signed an hour later than it says", "SIGNATURE_INVALID", {
      signatureInput: signatureInput.replace(/created=\d+/, `created=${Math.floor(NOW_MS / 1000) + 3_600}`),
    }),
    asking("to another host", "SIGNATURE_INVALID", { authority: "enemy.example" }),
    row(
      "of a request by a key of nobody",
      "REQUEST_KEY_UNKNOWN",
      clearing(by({ ...backend, keyId: "exchange-backend-9" })),
    ),
    row(
      "of a request by the backend's revoked key",
      "REQUEST_KEY_REVOKED",
      clearing(by(retiredSealer("exchange-backend"))),
    ),
    row("of a request that vault signed", "REQUEST_KEY_UNKNOWN", clearing(by(seals.sealer("vault")))),
    row(
      "of a request by a stranger under the backend's key",
      "REQUEST_SIGNATURE_INVALID",
      clearing(by(stranger("exchange-backend"))),
    ),
    row(
      "of a request that asks for something else",
      "REQUEST_NOT_A_WITHDRAWAL",
      clearing(by(backend, { path: "/v1/withdrawals/w-1/approvals" })),
    ),
    row("of a request to read", "REQUEST_NOT_A_WITHDRAWAL", clearing(by(backend, { method: "GET" }))),
    row("of a request with a query", "REQUEST_NOT_A_WITHDRAWAL", clearing(by(backend, { query: "?dry-run=true" }))),
  ];
}

/** The backend really signed these: what is ambiguous is not for us to read one way. */
function bodies(): readonly Attack[] {
  const text = Buffer.from(message.request.body).toString("utf8");
  const asking = (name: string, body: Uint8Array): Attack => {
    const signed = signRequest({ ...message.request, body }, backend, { createdAtMs: NOW_MS, nonce: "nonce-of-body" });
    return row(`of a request ${name}`, "REQUEST_MALFORMED", clearing(signed));
  };
  return [
    asking("with a field that nobody knows", Buffer.from(text.replace("{", '{"memo":"x",'))),
    asking("with its amount given twice", Buffer.from(text.replace("{", '{"amount":"1",'))),
    asking("with its amount as a number", Buffer.from(text.replace('"250000"', "250000"))),
    asking("with a zero in front of its amount", Buffer.from(text.replace('"250000"', '"0250000"'))),
    asking("without its address", Buffer.from(text.replace(/,"address":"[^"]*"/, ""))),
    asking("that is not UTF-8", Buffer.concat([Buffer.from(text.slice(0, -2)), Buffer.of(0xff), Buffer.from('"}')])),
    asking("that is not JSON", Buffer.from("pay me")),
  ];
}

/** Real clearances, of something else. */
function belonging(): readonly Attack[] {
  const elsewhere = cleared(request("w-9", { address: DESTINATION, amount: "250000" }));
  const mainnet = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
  const about = (name: string, code: string, changes: Parameters<typeof request>[1]): Attack =>
    sealed(`a clearance ${name}`, code, withClearance(clear(seals, { ...askedReal, ...changes }, NOW_MS)));
  const mixed = forge(onlineRisk, "withdrawal.cleared.v1", "w-7", { ...message, withdrawalId: "w-7" });
  const borrowed = { ...honest, withdrawals: [{ ...real, clearance: elsewhere.clearance }, other] };
  return [
    row("of one request under the id of another", "CLEARANCE_MISMATCH", mixed),
    sealed("a clearance of another withdrawal in a withdrawal's place", "PAYMENT_UNMATCHED", {
      ...honest,
      withdrawals: [elsewhere, other],
    }),
    sealed(
      "a clearance of another withdrawal, said to be this one's",
      "PAYMENT_UNMATCHED",
      { ...honest, withdrawals: [elsewhere, other] },
      {
        holder: "CLEARANCE_OTHER",
        order: (holder) => orderOf(borrowed, holder),
      },
    ),
    about("for another amount", "PAYMENT_AMOUNT", { amount: "250001" }),
    about("for nothing", "AMOUNT_ZERO", { amount: "0" }),
    about("for an asset of nobody", "ASSET_UNKNOWN", { asset: "XMR" }),
    about("for another network", "ADDRESS_WRONG_NETWORK", { address: mainnet }),
    about("for an address with a wrong checksum", "ADDRESS_CHECKSUM", {
      address: askedReal.address.replace(/.$/, (last) => (last === "q" ? "p" : "q")),
    }),
    about("for an amount over the supply", "AMOUNT_OVER_SUPPLY", { amount: "2100000000000001" }),
  ];
}

function times(): readonly Attack[] {
  const at = (clearedAtMs: number): Draft => ({
    ...honest,
    withdrawals: asked.map((body) => cleared(body, clearedAtMs)),
  });
  return [
    sealed("clearances that are a month old", "CLEARANCE_EXPIRED", at(NOW_MS - 30 * 24 * HOUR_MS), { onlyFresh: true }),
    sealed("clearances from the year to come", "CLEARANCE_FROM_FUTURE", at(NOW_MS + 365 * 24 * HOUR_MS), {
      onlyFresh: true,
    }),
    sealed(
      "one clearance of two that is a month old",
      "CLEARANCE_EXPIRED",
      () => ({
        ...honest,
        withdrawals: [real, cleared(asked[1] as (typeof asked)[0], NOW_MS - 30 * 24 * HOUR_MS)],
      }),
      { onlyFresh: true },
    ),
  ];
}

function clearing(signed: SignedRequest): Uint8Array {
  return seal(onlineRisk, "withdrawal.cleared.v1", {
    id: `${real.id}/cleared`,
    key: real.id,
    occurredAtMs: NOW_MS,
    message: { ...message, request: signed },
  });
}
