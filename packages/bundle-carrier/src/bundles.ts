// Carries sealed bundles and updates of labels from a folder of the online side over the bridge. It can lose them, and nothing else.
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Bridge } from "@sluice/bridge";
import { type Sealer, seal } from "@sluice/contracts";
import { type Logger, type Rounds, startRounds } from "@sluice/runtime";

const LOOK_EVERY_MS = 2_000;
/** What the zone takes at most; what is larger does not cross. */
const BUNDLE_MAX_BYTES = 1_000_000;
const BUNDLE = ".bundle";
const LABELS = ".labels";

/**
 * Offers every `*.bundle` and `*.labels` of the folder in the order of its names, and all of them again whenever the folder or the
 * connection has changed: the zone knows what it has, and only ever takes the next version.
 */
export function carryBundles(parts: {
  readonly directory: string;
  readonly bridge: Pick<Bridge, "send" | "state" | "stats">;
  readonly sealer: Sealer;
  readonly logger: Logger;
  readonly everyMs?: number;
}): Rounds {
  const { directory, bridge, sealer, logger } = parts;
  let offered = "";
  return startRounds({ everyMs: parts.everyMs ?? LOOK_EVERY_MS, logger, round: look });

  async function look(): Promise<void> {
    if (bridge.state !== "connected") return;
    const files = await list(directory);
    const standing = JSON.stringify([bridge.stats().connections, files]);
    if (standing === offered) return;
    for (const { name, bytes } of files) {
      if (bytes > BUNDLE_MAX_BYTES) logger.error({ name, bytes }, "this is too large to be carried");
      else await offer(name, await readFile(join(directory, name)));
    }
    offered = standing;
  }

  async function offer(name: string, bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    const id = createHash("sha256").update(bytes).digest("hex");
    await bridge.send(envelopeOf(name, id, bytes));
    logger.info({ name, sha256: id }, "what people sealed was offered to the semi-offline zone");
  }

  function envelopeOf(name: string, id: string, bytes: Uint8Array): Uint8Array {
    const occurredAtMs = Date.now();
    if (name.endsWith(LABELS)) {
      const message = { update: bytes };
      return seal(sealer, "labels.offered.v1", { id: `labels/${id}`, key: "labels", occurredAtMs, message });
    }
    return seal(sealer, "bundle.offered.v1", {
      id: `bundle/${id}`,
      key: "bundle",
      occurredAtMs,
      message: { bundle: bytes },
    });
  }
}

type Listed = { readonly name: string; readonly bytes: number; readonly changedAtMs: number };

async function list(directory: string): Promise<readonly Listed[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(BUNDLE) || name.endsWith(LABELS));
  // 10.bundle stands behind 9.bundle.
  const ordered = names.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return Promise.all(
    ordered.map(async (name) => {
      const { size, mtimeMs } = await stat(join(directory, name));
      return { name, bytes: size, changedAtMs: mtimeMs };
    }),
  );
}
