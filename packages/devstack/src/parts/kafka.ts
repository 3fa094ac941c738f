// Kafka: the brokers of the environment, a container, or Apache Kafka's own jars under the machine's Java.

import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exists, installationDirectory, installOnce } from "./cache.ts";
import { type Child, startChild } from "./child.ts";
import { findExecutable, plainEnvironment, run } from "./executable.ts";
import type { Log } from "./find-part.ts";
import { classArchiveFlags } from "./kafka-classes.ts";
import { BROKER_SESSION_MS, clusterIdOf, renderKafkaConfig } from "./kafka-config.ts";
import { findFreePorts } from "./ports.ts";
import type { Restartable } from "./running.ts";

export const KAFKA_ADVICE =
  "Set KAFKA_BROKERS to a broker's host:port, or start Docker, or install Java 17 or newer and Maven (Debian: openjdk-17-jre-headless and maven).";

const POM = fileURLToPath(new URL("../../kafka/pom.xml", import.meta.url));
// A short life on few cores: compile little, collect plainly.
const JVM_FLAGS = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"] as const;
const READY_WITHIN_MS = 60_000;
const DOWNLOAD_WITHIN_MS = 300_000;
const CLASSES_WRITTEN_WITHIN_MS = 60_000;

export type LocalKafka = Restartable & { readonly brokers: readonly string[] };

/** Null when there is no Java, or neither the jars in the cache nor Maven to fetch them. */
export async function findLocalKafka(
  directory: string,
  log: Log,
  willBeKilled = false,
): Promise<(() => Promise<LocalKafka>) | null> {
  const java = findJava();
  if (java === null) return null;
  const jars = { name: "kafka", fingerprint: await readFile(POM, "utf8") };
  const maven = findExecutable("mvn");
  if (maven === null && !(await exists(installationDirectory(jars)))) return null;
  return async () => {
    const libraries = await installOnce({ ...jars, fill: (target) => fetchJars(maven ?? "mvn", target, log) });
    const brokerSessionMs = willBeKilled ? BROKER_SESSION_MS.killed : BROKER_SESSION_MS.left;
    return startKafka({ java, libraries, brokerSessionMs }, directory, log);
  };
}

function findJava(): string | null {
  const home = process.env["JAVA_HOME"];
  return (home === undefined ? null : findExecutable(join(home, "bin", "java"))) ?? findExecutable("java");
}

async function fetchJars(maven: string, target: string, log: Log): Promise<void> {
  log("kafka: fetching its jars with Maven (43 MB, this once)");
  const command = [
    maven,
    "-q",
    "-B",
    "-Dstyle.color=never",
    "-f",
    POM,
    "dependency:copy-dependencies",
    `-DoutputDirectory=${target}`,
  ];
  await run(command, { purpose: "fetching Kafka's jars with Maven", withinMs: DOWNLOAD_WITHIN_MS });
}

type Installed = { readonly java: string; readonly libraries: string; readonly brokerSessionMs: number };
type Prepared = { readonly directory: string; readonly brokerPort: number; readonly config: string };

async function startKafka(installed: Installed, directory: string, log: Log): Promise<LocalKafka> {
  const writeClasses = async (folder: string, flags: readonly string[]) =>
    startBroker(installed, await prepare(installed, folder, []), flags, CLASSES_WRITTEN_WITHIN_MS);
  const flags = await classArchiveFlags({ ...installed, start: writeClasses, log });
  const prepared = await prepare(installed, directory, flags);
  const again = () => startBroker(installed, prepared, flags);
  const child = await again();
  log(`kafka: one broker at 127.0.0.1:${prepared.brokerPort}, process ${child.pid}`);
  return { brokers: [`127.0.0.1:${prepared.brokerPort}`], child, again };
}

async function prepare(installed: Installed, directory: string, flags: readonly string[]): Promise<Prepared> {
  const [brokerPort = 0, controllerPort = 0] = await findFreePorts(2);
  const config = join(directory, "server.properties");
  await mkdir(directory, { recursive: true });
  const { brokerSessionMs } = installed;
  const dataDirectory = join(directory, "data");
  await writeFile(config, renderKafkaConfig({ brokerPort, controllerPort, dataDirectory, brokerSessionMs }));
  const format = ["kafka.tools.StorageTool", "format", "--cluster-id", clusterIdOf(randomBytes(16))];
  await run([...jvm(installed, flags), ...format, "--config", config, "--standalone"], {
    purpose: "preparing Kafka's data folder (it needs Java 17 or newer)",
    withinMs: READY_WITHIN_MS,
    env: plainEnvironment(),
  });
  return { directory, brokerPort, config };
}

function startBroker(
  installed: Installed,
  { directory, config }: Prepared,
  flags: readonly string[],
  stopGraceMs?: number,
): Promise<Child> {
  const logging = [
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    // Tens of thousands of lines at every start otherwise; the one that says that it is up is kept.
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
  ];
  return startChild({
    name: "kafka",
    command: [...jvm(installed, ["-Xmx512m", ...flags, ...logging]), "kafka.Kafka", config],
    env: plainEnvironment(),
    cwd: directory,
    logFile: join(directory, "kafka.log"),
    ready: { kind: "line", pattern: /Kafka Server started/ },
    readyWithinMs: READY_WITHIN_MS,
    ...(stopGraceMs === undefined ? {} : { stopGraceMs }),
  });
}

function jvm({ java, libraries }: Installed, flags: readonly string[]): readonly string[] {
  return [java, ...JVM_FLAGS, ...flags, "-cp", join(libraries, "*")];
}
