// A wallet whose keys come from a ceremony, as holders' processes need it: they start locked and get shares.

import { type DrawEntropy, openShare, type PlayedCeremony, playCeremony } from "@sluice/ceremony";
import { parseDescriptor } from "@sluice/chains";
import { HOLDERS, type Holder } from "@sluice/contracts";
import { type CeremonyFile, deriveAccount, guardedRandom, readShare } from "@sluice/keys/custody";
import type { FixtureWallet } from "./wallet.ts";

export type HeldWallet = FixtureWallet & {
  /** What a holder pins as SLUICE_CEREMONY_FILE. */
  readonly record: CeremonyFile;
  readonly unlock: PlayedCeremony["unlock"];
  /** What the shares of each holder make, in the order of HOLDERS. */
  readonly entropies: readonly Buffer[];
  /** What is secret of every share of a holder. */
  readonly sharesOf: (holder: Holder) => Promise<readonly Uint8Array[]>;
};

export type WatchedDraw = {
  readonly draw: DrawEntropy;
  /** Account keys and entropies of the test networks, in the order in which they were drawn. */
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

export async function makeHeldWallet(gapLimit = 20, walletId = "hot"): Promise<HeldWallet> {
  const { draw, keys, entropies } = watchDraw();
  const { ceremony, custodians, unlock } = await playCeremony({ network: "regtest", walletId, gapLimit, draw });
  const { record } = ceremony;
  const parsed = parseDescriptor(record.descriptor, "regtest");
  if (!parsed.ok) throw new Error(parsed.refusal.detail);
  const [a, b, c] = keys;
  if (a === undefined || b === undefined || c === undefined) throw new Error("a ceremony draws for three holders");
  return {
    text: record.descriptor,
    wallet: { walletId, descriptor: parsed.value, gapLimit },
    secrets: [a, b, c],
    secretOf: (holder) => keys[HOLDERS.indexOf(holder)] as Buffer,
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
