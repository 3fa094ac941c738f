// Keeps the real parts up for work on a package: node packages/devstack/src/dev.ts --addresses PATH

import { chmod, rename, rm, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { renderEnvironmentFile } from "./parts/addresses.ts";
import { addressesOf, startParts } from "./parts.ts";

const { values } = parseArgs({ options: { addresses: { type: "string" } } });
// Not called --env-file: node itself reads that option wherever it stands, and wants the file to exist.
const envFile = values.addresses;
if (envFile === undefined) {
  process.stderr.write("usage: node packages/devstack/src/dev.ts --addresses PATH\n");
  process.exit(64);
}

const log = (line: string): void => void process.stderr.write(`${line}\n`);

// Until everything is up there is nothing to stop in order: exiting ends the children and removes the folder.
const exitAtOnce = (): never => process.exit(130);
process.on("SIGINT", exitAtOnce);
process.on("SIGTERM", exitAtOnce);

const parts = await startParts({ log, bitcoindPeers: [{}] }).catch((error: unknown) => {
  log(error instanceof Error ? error.message : String(error));
  process.exit(1);
});

// It carries passwords, and whoever waits for it must never see half of it.
const unfinished = `${envFile}.unfinished`;
await writeFile(unfinished, renderEnvironmentFile(addressesOf(parts)), { mode: 0o600 });
await chmod(unfinished, 0o600);
await rename(unfinished, envFile);
log(`the addresses are in ${envFile}; Ctrl-C stops everything`);

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  await rm(envFile ?? "", { force: true });
  await parts.stop();
  process.exit(0);
}
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.off(signal, exitAtOnce);
  process.on(signal, () => void stop());
}
