// Kafka's classes as the JVM lays them out in memory, written once, so that a broker starts with half the work (JEP 350).

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installOnce } from "./cache.ts";
import type { Child } from "./child.ts";
import { run } from "./executable.ts";
import type { Log } from "./find-part.ts";

const FILE = "classes.jsa";
const READ_WITHIN_MS = 10_000;

export type ClassArchive = {
  readonly java: string;
  /** The folder of the jars under its final name: the JVM refuses an archive whose class path differs. */
  readonly libraries: string;
  /** Starts a broker in an empty folder with these flags of the JVM, ready when this resolves. */
  readonly start: (directory: string, flags: readonly string[]) => Promise<Child>;
  readonly log: Log;
};

/**
 * The JVM flags that use the archive, which one broker writes when it ends; none when it could not be written. A JVM that
 * does not fit an archive starts without it, and says nothing.
 */
export async function classArchiveFlags(archive: ClassArchive): Promise<readonly string[]> {
  const { java, libraries, log } = archive;
  try {
    const version = await run([java, "-Xinternalversion"], {
      purpose: "asking Java for its version",
      withinMs: 10_000,
    });
    const folder = await installOnce({
      name: "kafka-classes",
      fingerprint: `${version}\n${libraries}`,
      fill: (target) => writeArchive(archive, join(target, FILE)),
    });
    return [`-XX:SharedArchiveFile=${join(folder, FILE)}`, "-Xlog:disable", "-Xlog:all=error:stderr"];
  } catch (error) {
    log(`kafka: starts without an archive of its classes: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}

async function writeArchive({ java, libraries, start, log }: ClassArchive, file: string): Promise<void> {
  log("kafka: has one broker write down its classes, for quicker starts (this once)");
  const directory = await mkdtemp(join(tmpdir(), "sluice-kafka-classes-"));
  try {
    const child = await start(directory, [`-XX:ArchiveClassesAtExit=${file}`]);
    const { code } = await child.stop();
    // A JVM that was asked to end by a signal says so in its code.
    if (code !== 0 && code !== 143) throw new Error(`the broker ended with ${code}`);
    // An archive that was cut off would bring down every broker after this one.
    await run([java, "-Xshare:on", `-XX:SharedArchiveFile=${file}`, "-cp", join(libraries, "*"), "-version"], {
      purpose: "reading the archive of Kafka's classes",
      cwd: directory,
      withinMs: READ_WITHIN_MS,
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
