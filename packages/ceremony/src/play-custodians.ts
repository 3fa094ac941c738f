// A ceremony whose custodians are played here: for the demo, the stack and tests. Real ones never meet in one process.
import { HOLDERS, type Holder } from "@sluice/contracts";
import { feedShare } from "./feed-share.ts";
import { type Ceremony, type DrawEntropy, holdCeremony } from "./hold-ceremony.ts";
import type { CeremonyPlan } from "./plan.ts";
import { type Custodian, createCustodian } from "./sealed-share.ts";

export type PlayedCeremony = {
  readonly ceremony: Ceremony;
  readonly custodians: readonly Custodian[];
  /** Feeds as many shares as are needed; `onShare` hears how far it is. Throws with the holder's code. */
  readonly unlock: (holder: Holder, console: string, onShare?: (custodian: string) => void) => Promise<void>;
};

export type PlayedPlan = Pick<CeremonyPlan, "network" | "wallets"> & { readonly draw?: DrawEntropy };

const NAMES = ["alice", "bob", "carol"] as const;
const THRESHOLD = 2;

/** Two of three custodians for every holder. */
export async function playCeremony({ draw, ...plan }: PlayedPlan): Promise<PlayedCeremony> {
  const custodians = await Promise.all(NAMES.map(createCustodian));
  const custody = { threshold: THRESHOLD, custodians: custodians.map(({ name, recipient }) => ({ name, recipient })) };
  const holders = Object.fromEntries(HOLDERS.map((holder) => [holder, custody])) as CeremonyPlan["holders"];
  const ceremony = await holdCeremony({ ...plan, holders }, draw);
  return {
    ceremony,
    custodians,
    unlock: async (holder, console, onShare = () => {}) => {
      for (const { name, identity } of custodians.slice(0, THRESHOLD)) {
        const file = ceremony.shares.find((share) => share.holder === holder && share.custodian === name);
        if (file === undefined) throw new Error(`${name} has no share of ${holder}`);
        const answer = await feedShare(console, file.bytes, identity);
        if (!answer.ok)
          throw new Error(`${holder} did not take the share of ${name}: ${answer.code}, ${answer.message}`);
        onShare(name);
      }
    },
  };
}
