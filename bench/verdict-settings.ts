// The policy and the wallet of the bench: every kind of rule is asked, with windows of each scope, and nothing is out of the ordinary.
import { createECDH, createHash } from "node:crypto";
import { addressOf, type HolderKey, walletDescriptor, xpubFromPublicKey } from "@sluice/chains";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MUCH = "2100000000000000";

export const POLICY = {
  accountWindows: [
    { windowMs: DAY, maxCount: 1_000_000, maxMinor: MUCH },
    { windowMs: 30 * DAY, maxMinor: MUCH },
  ],
  maxAmountMinor: MUCH,
  newDestination: { aboveMinor: MUCH, delayMs: 1 },
  labels: [],
  // There is no semi-offline zone here that could speak.
  zone: { zoneSilentMs: 31_536_000_000 },
  behaviour: {
    windows: [
      { over: "account", windowMs: DAY, maxCount: 1_000_000 },
      { over: "destination", windowMs: DAY, maxCount: 1_000_000 },
      { over: "device", windowMs: DAY, maxCount: 1_000_000 },
      { over: "ip", windowMs: DAY, maxCount: 1_000_000 },
      { over: "asset", windowMs: DAY, maxMinor: MUCH },
      { over: "all", windowMs: HOUR, maxCount: 1_000_000_000 },
    ],
    unusualAmount: { minPast: 5, deviations: 100, action: { approvals: 1 } },
    unusualHour: { minPast: 1_000_000, withinHours: 2, action: { approvals: 1 } },
    turnRound: { windowMs: DAY, percent: 90, action: { approvals: 1 } },
    dormant: { idleMs: 300 * DAY, watchMs: DAY, action: { approvals: 1 } },
    changes: { windowMs: DAY, of: ["password"], atLeast: 1, action: { approvals: 1 } },
    newDevice: { youngMs: HOUR, action: { approvals: 1 } },
    sharedDevice: { windowMs: DAY, accounts: 100, action: { approvals: 1 } },
    fanIn: { windowMs: HOUR, accounts: 1_000_000, action: { approvals: 1 } },
  },
} as const;

export const WALLET = {
  ...{ walletId: "hot", asset: "BTC", gapLimit: 20 },
  descriptor: walletDescriptor("regtest", [holder("a"), holder("b"), holder("c")]),
} as const;

export function benchAddresses(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => {
    const program = createHash("sha256").update(`destination ${at}`).digest().subarray(0, 20);
    const address = addressOf("regtest", Uint8Array.of(0x00, 20, ...program));
    if (address === null) throw new Error("a witness program without an address");
    return address;
  });
}

function holder(name: string): HolderKey {
  const own = createECDH("secp256k1");
  own.setPrivateKey(createHash("sha256").update(`test holder ${name}`).digest());
  const xpub = xpubFromPublicKey({
    ...{ network: "regtest", depth: 4, parentFingerprint: "00000001", childNumber: 0x8000_0002 },
    chainCode: createHash("sha256").update(`test chain code ${name}`).digest(),
    publicKey: own.getPublicKey(null, "compressed"),
  });
  const fingerprint = createHash("sha256").update(name).digest("hex").slice(0, 8);
  return { fingerprint, path: "48h/1h/0h/2h", xpub };
}
