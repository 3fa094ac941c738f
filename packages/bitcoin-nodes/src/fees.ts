// What a block of the near future asks for, and below what nodes take nothing: the middle of what the nodes say.
import { lowerMedian } from "./agreement.ts";
import { gather } from "./gather.ts";
import type { Member } from "./member.ts";

export type FeeView = {
  /** By rising target; a target that fewer than a quorum have an estimate for is missing. */
  readonly estimates: readonly { readonly targetBlocks: number; readonly satPerKvbyte: bigint }[];
  readonly minimumSatPerKvbyte: bigint;
  /** How many nodes answered. */
  readonly nodes: number;
};

/** Soon, within an hour, a day: bitcoind estimates nothing shorter than 2 blocks. */
export const FEE_TARGETS_BLOCKS: readonly number[] = [2, 6, 24, 144];

export async function readFees(members: readonly Member[], quorum: number, graceMs: number): Promise<FeeView | null> {
  const answers = await gather(members, {
    question: (client) => client.fees(FEE_TARGETS_BLOCKS),
    isEnough: (sofar) => sofar.length >= quorum,
    graceMs,
  });
  const claims = answers.map(({ value }) => value);
  const minimumSatPerKvbyte = lowerMedian(claims.map((claim) => claim.minimumSatPerKvbyte));
  if (claims.length < quorum || minimumSatPerKvbyte === undefined) return null;
  const estimates = FEE_TARGETS_BLOCKS.flatMap((targetBlocks) => {
    const values = claims.flatMap((claim) => claim.estimates.get(targetBlocks) ?? []);
    const satPerKvbyte = lowerMedian(values);
    return values.length < quorum || satPerKvbyte === undefined ? [] : [{ targetBlocks, satPerKvbyte }];
  });
  return { estimates, minimumSatPerKvbyte, nodes: claims.length };
}
