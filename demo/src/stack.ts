// The same stack kept up until Ctrl-C, for an exchange backend's own tests. One line of JSON on stdout, logs on stderr.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Parts, type Stack, startParts, startStack } from "@sluice/devstack";

const USAGE =
  "usage: pnpm stack [--mine-every SECONDS]   mines a block that often; without it, mine through the node's RPC";

const log = (line: string): void => void process.stderr.write(`${line}\n`);
const mineEveryMs = readArguments();
const ended = Promise.withResolvers<void>();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => ended.resolve());

process.exitCode = await keepUp().catch((error: unknown) => {
  log(`stack failed: ${error instanceof Error ? error.message : String(error)}`);
  return 1;
});

async function keepUp(): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-stack-"));
  let parts: Parts | undefined;
  let stack: Stack | undefined;
  let mining: NodeJS.Timeout | undefined;
  try {
    parts = await startParts({ log, bitcoindPeers: [{}] });
    stack = await startStack({ parts, directory, log });
    await stack.fund([100_000_000n, 60_000_000n, 40_000_000n]);
    log(stack.isolation.detail);
    process.stdout.write(`${JSON.stringify(addresses(parts, stack))}\n`);
    log("ready; Ctrl-C stops everything");
    const { chain } = stack;
    if (mineEveryMs !== undefined) {
      mining = setInterval(
        () => chain.mine(1).catch((error: unknown) => log(`mining failed: ${String(error)}`)),
        mineEveryMs,
      );
    }
    await ended.promise;
    log("stopping");
    return 0;
  } finally {
    clearInterval(mining);
    await stack?.stop();
    await parts?.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Everything that a backend's test needs. The keys are made for this run and worth nothing after it. */
function addresses(parts: Parts, stack: Stack): object {
  return {
    apiUrl: stack.apiUrl,
    keyId: stack.backend.keyId,
    privateKey: stack.backend.privateKey.export({ format: "pem", type: "pkcs8" }),
    // Two people who may approve what the backend asked for, which it may not do itself.
    officers: stack.officerKeys.map(({ keyId, privateKey }) => {
      return { keyId, privateKey: privateKey.export({ format: "pem", type: "pkcs8" }) };
    }),
    consoleUrl: stack.httpUrls["ops-console"],
    servicesHttp: stack.httpUrls,
    bitcoindRpcUrl: parts.bitcoind.rpcUrl,
    kafkaBrokers: parts.kafka.brokers,
    kafkaTopicPrefix: stack.inside.topicPrefix,
    postgresUrl: parts.postgres.url,
    offlinePostgresUrl: parts.offlinePostgres.url,
    network: "regtest",
    walletId: stack.walletId,
    walletDescriptor: stack.wallet.descriptor,
    semiOfflineIsolated: stack.isolation.noIp,
  };
}

function readArguments(): number | undefined {
  try {
    const { values } = parseArgs({ options: { "mine-every": { type: "string" } } });
    const every = values["mine-every"];
    if (every === undefined) return undefined;
    if (!/^[0-9]{1,4}(\.[0-9]+)?$/.test(every) || Number(every) <= 0) throw new Error("--mine-every takes seconds");
    return Number(every) * 1_000;
  } catch (error) {
    log(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(64);
  }
}
