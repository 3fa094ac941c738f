// What a holder's tests are made of: seals, a wallet with keys that exist only here, coins, clearances, orders.
import { createECDH, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import {
  type Coin,
  decodeTransaction,
  deriveScript,
  fingerprintOf,
  parseDescriptor,
  planPayout,
  type Wallet,
  walletDescriptor,
  xpubFromPublicKey,
} from "@sluice/chains";
import {
  createTrust,
  type MessageOf,
  PRODUCERS,
  type Producer,
  type Sealer,
  seal,
  signRequest,
  type TrustFile,
  type WithdrawalRequest,
} from "@sluice/contracts";
import type { HolderPolicy } from "../src/judge-order.ts";

export const NOW_MS = 1_700_000_000_000;
/** BIP173's own example program, on regtest. */
export const DESTINATION = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
export const OTHER_DESTINATION = "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry";

export type Order = MessageOf<"signing.ordered.v1">;

export function makeSeals() {
  const sealers = new Map<Producer, Sealer>();
  const file: TrustFile = PRODUCERS.map((producer) => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    sealers.set(producer, { producer, keyId: `${producer}-1`, privateKey });
    return { producer, keyId: `${producer}-1`, publicKey: rawPublicKey(publicKey) };
  });
  const sealer = (producer: Producer): Sealer => sealers.get(producer) as Sealer;
  return { file, trust: createTrust(file), sealer };
}

export function makeWallet(gapLimit = 20) {
  const keys = [0, 1, 2].map(() => {
    const account = createECDH("secp256k1");
    account.generateKeys();
    const scalar = account.getPrivateKey();
    const publicKey = account.getPublicKey(null, "compressed");
    const xpub = xpubFromPublicKey({
      network: "regtest",
      depth: 4,
      parentFingerprint: "00000000",
      childNumber: 0x8000_0002,
      chainCode: randomBytes(32),
      publicKey,
    });
    const secret = Buffer.concat([Buffer.alloc(32 - scalar.length), scalar]);
    return { secret, publicKey, key: { fingerprint: fingerprintOf(publicKey), path: "48h/1h/0h/2h", xpub } };
  });
  const [a, b, c] = keys as [(typeof keys)[0], (typeof keys)[0], (typeof keys)[0]];
  const text = walletDescriptor("regtest", [a.key, b.key, c.key]);
  const parsed = parseDescriptor(text, "regtest");
  if (!parsed.ok) throw new Error(parsed.refusal.detail);
  const wallet: Wallet = { walletId: "hot", descriptor: parsed.value, gapLimit };
  return {
    text,
    wallet,
    secrets: [a.secret, b.secret, c.secret] as const,
    publicKeys: [a, b, c].map((k) => k.publicKey),
  };
}

/** A coin of the wallet from a transaction out of nowhere, in the form without witnesses (BIP144). */
export function fund({ descriptor }: Wallet, amountSat: bigint, index = 0): Coin {
  const { scriptPubKey } = deriveScript(descriptor, 0, index);
  const amount = Buffer.alloc(8);
  amount.writeBigUInt64LE(amountSat);
  const previousTransaction = Buffer.concat([
    Buffer.from("0200000001", "hex"),
    randomBytes(32),
    Buffer.from("0000000000fdffffff01", "hex"),
    amount,
    Buffer.of(scriptPubKey.length),
    scriptPubKey,
    Buffer.alloc(4),
  ]);
  const { txid } = decodeTransaction(previousTransaction);
  return { txid, vout: 0, amountSat, branch: 0, index, previousTransaction };
}

export type Seals = ReturnType<typeof makeSeals>;

export function clear(seals: Seals, request: WithdrawalRequest): Uint8Array {
  const body = Buffer.from(JSON.stringify(request));
  const signed = signRequest(
    {
      method: "POST",
      authority: "sluice.example",
      path: "/v1/withdrawals",
      query: "",
      contentType: "application/json",
      body,
    },
    seals.sealer("exchange-backend"),
    { createdAtMs: NOW_MS, nonce: randomBytes(8).toString("hex") },
  );
  return seal(seals.sealer("online-risk"), "withdrawal.cleared.v1", {
    id: `${request.id}/cleared`,
    key: request.id,
    occurredAtMs: NOW_MS,
    message: { withdrawalId: request.id, request: signed, findings: [], clearedAtMs: NOW_MS },
  });
}

export function request(id: string, changes: Partial<WithdrawalRequest> = {}): WithdrawalRequest {
  return { id, account: "alice", asset: "BTC", amount: "100000", address: DESTINATION, ...changes };
}

export type OrderParts = {
  readonly holder?: Producer;
  readonly coins?: readonly Coin[];
  readonly requests?: readonly WithdrawalRequest[];
  /** What the transaction really pays, when it is not what was requested. */
  readonly pays?: readonly { readonly address: string; readonly amountSat: bigint }[];
  readonly anchors?: readonly string[];
  readonly feeRateSatPerVbyte?: number;
};

/** An order as semi-offline-risk would give it, unless told otherwise. */
export function makeOrder(seals: Seals, wallet: Wallet, parts: OrderParts = {}): Order {
  const { holder = "semi-offline-signer-a", coins = [fund(wallet, 1_000_000n)], requests = [request("w1")] } = parts;
  const pays = parts.pays ?? requests.map(({ address, amount }) => ({ address, amountSat: BigInt(amount) }));
  const planned = planPayout({
    wallet: wallet.descriptor,
    coins,
    requiredOutpoints: coins.map(({ txid, vout }) => `${txid}:${vout}`),
    payments: pays.map((payment, at) => ({ withdrawalId: `p${at}`, ...payment })),
    changeIndex: 0,
    feeRateSatPerVbyte: parts.feeRateSatPerVbyte ?? 5,
  });
  if (!planned.ok) throw new Error(planned.refusal.detail);
  const [first] = coins;
  return {
    taskId: `task-${planned.value.txid.slice(0, 8)}`,
    walletId: wallet.walletId,
    holder,
    round: 1,
    transactionId: planned.value.txid,
    psbt: planned.value.psbt,
    withdrawals: requests.map((one, at) => ({
      withdrawalId: one.id,
      anchor: parts.anchors?.[at] ?? `${first?.txid}:${first?.vout}`,
      clearance: clear(seals, one),
    })),
  };
}

export function makePolicy(seals: Seals, wallet: Wallet, changes: Partial<HolderPolicy> = {}): HolderPolicy {
  return {
    holder: "semi-offline-signer-a",
    trust: seals.trust,
    wallets: new Map([[wallet.walletId, wallet]]),
    caps: { maxPaymentSat: 500_000n, maxFeeSat: 10_000n, maxFeeRateSatPerKvbyte: 20_000n },
    ...changes,
  };
}

function rawPublicKey(key: KeyObject): string {
  return key.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
}
