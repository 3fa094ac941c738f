// What the simulated zone judges by: a few bundles, and a backend's destinations, some of which are labelled in one of them.
import type { Policy } from "@sluice/second-opinion";
import { makePolicy } from "@sluice/second-opinion/fixtures";

const HOUR_MS = 3_600_000;

export const DESTINATIONS = Array.from({ length: 6 }, (_, at) => {
  const script = Buffer.from(`0014${at.toString(16).repeat(40)}`, "hex");
  return { script, scriptHex: script.toString("hex") };
});

const wide = makePolicy({ maxFeeRateSatPerVbyte: 400, maxFeeSat: "100000", maxFeePercent: 100 });
const narrow: Policy = {
  ...wide,
  accountWindows: [{ windowMs: HOUR_MS, maxCount: 2 }],
  walletWindows: [{ windowMs: HOUR_MS, maxSat: 250_000n }],
};
const deliberate: Policy = {
  ...wide,
  large: { delayAboveSat: 60_000n, delayMs: 20_000, releaseAboveSat: 85_000n },
};
const labelled: Policy = {
  ...wide,
  labels: new Map([[DESTINATIONS[5]?.scriptHex ?? "", { tier: "black", category: "SIMULATED", reason: "" } as never]]),
};

export const POLICIES: readonly Policy[] = [wide, wide, narrow, deliberate, labelled];
