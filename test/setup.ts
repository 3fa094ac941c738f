// Starts the real parts once for the whole run; the test files find them through the environment.

import { addressesOf, findCurveLibrary, openFaucet, startParts } from "@sluice/devstack";

export default async function setup(): Promise<() => Promise<void>> {
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  // Fetched once a machine, here, so that no test waits for it.
  const [parts] = await Promise.all([startParts({ log, bitcoindPeers: [{}] }), findCurveLibrary(log)]);
  // Before the tests mine: the first blocks of a chain pay most.
  await openFaucet(parts.bitcoind.rpcUrl);
  // Test files run in processes of their own, forked after this.
  Object.assign(process.env, addressesOf(parts));
  return () => parts.stop();
}
