// What this zone's tests are made of: seals, a wallet with keys that exist only here, coins, clearances, tasks, a policy.
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
  HOLDERS,
  type Holder,
  type MessageOf,
  PRODUCERS,
  type Producer,
  type Sealer,
  seal,
  signRequest,
  type TrustFile,
  type WithdrawalRequest,
} from "@sluice/contracts";
import { type Policy, policyFileSchema, readPolicy } from "./policy.ts";

/** BIP173's own example programs, on regtest. */
export const DESTINATION = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
export const OTHER_DESTINATION = "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry";

const DAY_MS = 24 * 60 * 60 * 1_000;

export type Task = MessageOf<"signing.requested.v1">;

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

export type Seals = ReturnType<typeof makeSeals>;

export function makeWallet(gapLimit = 20) {
  const keys = HOLDERS.map(() => {
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
    return { secret, key: { fingerprint: fingerprintOf(publicKey), path: "48h/1h/0h/2h", xpub } };
  });
  const [a, b, c] = keys as [(typeof keys)[0], (typeof keys)[0], (typeof keys)[0]];
  const text = walletDescriptor("regtest", [a.key, b.key, c.key]);
  const parsed = parseDescriptor(text, "regtest");
  if (!parsed.ok) throw new Error(parsed.refusal.detail);
  const wallet: Wallet = { walletId: "hot", descriptor: parsed.value, gapLimit };
  const secretOf = (holder: Holder): Buffer => keys[HOLDERS.indexOf(holder)]?.secret as Buffer;
  return { text, wallet, secretOf };
}

/** A coin of the wallet from a transaction out of nowhere, in the form without witnesses (BIP144). */
export function fund({ descriptor }: Wallet, amountSat = 1_000_000n, index = 0): Coin {
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

export const outpointOf = ({ txid, vout }: Coin): string => `${txid}:${vout}`;

export function request(id: string, changes: Partial<WithdrawalRequest> = {}): WithdrawalRequest {
  return { id, account: "alice", asset: "BTC", amount: "100000", address: DESTINATION, ...changes };
}

export function clear(seals: Seals, body: WithdrawalRequest, clearedAtMs = Date.now()): Uint8Array {
  const parts = { method: "POST", authority: "sluice.example", path: "/v1/withdrawals", query: "" };
  const signed = signRequest(
    { ...parts, contentType: "application/json", body: Buffer.from(JSON.stringify(body)) },
    seals.sealer("exchange-backend"),
    { createdAtMs: clearedAtMs, nonce: randomBytes(8).toString("hex") },
  );
  return seal(seals.sealer("online-risk"), "withdrawal.cleared.v1", {
    id: `${body.id}/cleared`,
    key: body.id,
    occurredAtMs: clearedAtMs,
    message: { withdrawalId: body.id, request: signed, findings: [], clearedAtMs },
  });
}

export type TaskParts = {
  readonly taskId?: string;
  readonly coins?: readonly Coin[];
  readonly requests?: readonly WithdrawalRequest[];
  /** What the transaction really pays, when it is not what was requested. */
  readonly pays?: readonly { readonly address: string; readonly amountSat: bigint }[];
  readonly feeRateSatPerVbyte?: number;
  readonly clearedAtMs?: number;
};

/** A task as an honest vault would send it, unless told otherwise, with the transaction's id. */
export function makeTask(seals: Seals, wallet: Wallet, parts: TaskParts = {}): Task & { readonly txid: string } {
  const { coins = [fund(wallet)], requests = [request("w1")], clearedAtMs } = parts;
  const pays = parts.pays ?? requests.map(({ address, amount }) => ({ address, amountSat: BigInt(amount) }));
  const planned = planPayout({
    wallet: wallet.descriptor,
    coins,
    requiredOutpoints: coins.map(outpointOf),
    payments: pays.map((payment, at) => ({ withdrawalId: `p${at}`, ...payment })),
    changeIndex: 0,
    feeRateSatPerVbyte: parts.feeRateSatPerVbyte ?? 5,
  });
  if (!planned.ok) throw new Error(planned.refusal.detail);
  const { psbt, txid } = planned.value;
  const withdrawals = requests.map((one) => ({ clearance: clear(seals, one, clearedAtMs), attempt: 1 }));
  return { taskId: parts.taskId ?? `task-${txid.slice(0, 12)}`, walletId: wallet.walletId, psbt, withdrawals, txid };
}

/** The message alone, as it may be sealed. */
export function asMessage({ taskId, walletId, psbt, withdrawals }: Task): Task {
  return { taskId, walletId, psbt, withdrawals };
}

export const POLICY_FILE = {
  maxPaymentSat: "500000",
  maxFeeSat: "10000",
  maxFeeRateSatPerVbyte: 20,
  minFeeRateSatPerVbyte: 1,
  maxFeePercent: 50,
  maxClearanceAgeMs: DAY_MS,
  accountWindows: [{ windowMs: DAY_MS, maxCount: 100, maxSat: "100000000" }],
  destinationWindows: [{ windowMs: DAY_MS, maxCount: 100, maxSat: "100000000" }],
  walletWindows: [{ windowMs: DAY_MS, maxCount: 100, maxSat: "1000000000" }],
  labels: [] as readonly object[],
};

export function makePolicy(changes: Partial<Record<keyof typeof POLICY_FILE, unknown>> = {}): Policy {
  const { policy, faults } = readPolicy(policyFileSchema.parse({ ...POLICY_FILE, ...changes }), "regtest");
  if (faults.length > 0) throw new Error(JSON.stringify(faults));
  return policy;
}

function rawPublicKey(key: KeyObject): string {
  return key.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
}
