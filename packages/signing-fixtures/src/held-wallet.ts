// Wallets whose keys come from one ceremony, as holders' processes need them: they start locked and get shares.
import { type Ceremony, type DrawEntropy, openShare, type PlayedCeremony, playCeremony } from "@sluice/ceremony";
import { parseDescriptor } from "@sluice/chains";
import { HOLDERS, type Holder } from "@sluice/contracts";
import { loadNativeCurve } from "@sluice/keys";
import { type CeremonyFile, deriveAccount, guardedRandom, readShare } from "@sluice/keys/custody";
import type { FixtureWallet } from "./wallet.ts";

export type HeldWallet = FixtureWallet & {
  /** What a holder pins as SLUICE_CEREMONY_FILE. */
  readonly record: CeremonyFile;
  /** More wallets of the same shares: accounts 1, 2, … */
  readonly others: readonly FixtureWallet[];
  readonly unlock: PlayedCeremony["unlock"];
  /** What the shares of each holder make, in the order of HOLDERS. */
  readonly entropies: readonly Buffer[];
  /** What is secret of every share of a holder. */
  readonly sharesOf: (holder: Holder) => Promise<readonly Uint8Array[]>;
};

export type WatchedDraw = {
  readonly draw: DrawEntropy;
  /** Keys of account 0 and entropies of the test networks, in the order in which they were drawn. */
  readonly keys: readonly Buffer[];
  readonly entropies: readonly Buffer[];
};

/** Entropy for a ceremony that the test keeps a copy of. */
export function watchDraw(): WatchedDraw {
  const keys: Buffer[] = [];
  const entropies: Buffer[] = [];
  const draw: DrawEntropy = (bytes) => {
    const entropy = guardedRandom(bytes);
    entropies.push(Buffer.from(entropy));
    keys.push(Buffer.from(deriveAccount(entropy, 1).key));
    return entropy;
  };
  return { draw, keys, entropies };
}

/** @param more names of further wallets that the same ceremony makes */
export async function makeHeldWallet(
  gapLimit = 20,
  walletId = "hot",
  more: readonly string[] = [],
): Promise<HeldWallet> {
  const { draw, entropies } = watchDraw();
  const wallets = [walletId, ...more].map((name, account) => ({ walletId: name, account, gapLimit }));
  const { ceremony, custodians, unlock } = await playCeremony({ network: "regtest", wallets, draw });
  const { record } = ceremony;
  const [first, ...others] = ceremony.wallets.map((listed, account) => openFixture(listed, account, entropies));
  if (first === undefined) throw new Error("a ceremony makes a wallet");
  return {
    ...first,
    others,
    record,
    unlock,
    entropies,
    sharesOf: (holder) =>
      Promise.all(
        ceremony.shares
          .filter((share) => share.holder === holder)
          .map(async ({ custodian, bytes }) => {
            const identity = custodians.find(({ name }) => name === custodian)?.identity ?? "";
            const body = readShare((await openShare(bytes, identity)) ?? new Uint8Array())?.body;
            if (body === undefined) throw new Error(`the share of ${custodian} does not open`);
            return body;
          }),
      ),
  };
}

function openFixture(
  { walletId, descriptor, gapLimit }: Ceremony["wallets"][number],
  account: number,
  entropies: readonly Buffer[],
): FixtureWallet {
  const parsed = parseDescriptor(descriptor, "regtest");
  if (!parsed.ok) throw new Error(parsed.refusal.detail);
  const keys = entropies.map((entropy) => Buffer.from(deriveAccount(entropy, 1, loadNativeCurve(), account).key));
  const [a, b, c] = keys;
  if (a === undefined || b === undefined || c === undefined) throw new Error("a ceremony draws for three holders");
  return {
    text: descriptor,
    wallet: { walletId, descriptor: parsed.value, gapLimit },
    secrets: [a, b, c],
    secretOf: (holder) => keys[HOLDERS.indexOf(holder)] as Buffer,
  };
}
