// Bundles on record: which one is in force, and what becomes of one that is offered.
import { readFileSync } from "node:fs";
import type { BitcoinNetwork } from "@sluice/chains";
import type { MessageOf } from "@sluice/contracts";
import { type Pool, type Queryable, type Transaction, transaction } from "@sluice/postgres";
import { ConfigError, type Logger, type Metrics } from "@sluice/runtime";
import {
  type Bundle,
  type BundleFound,
  type BundleRefusalCode,
  type BundleSigners,
  judgeSuccession,
  openBundle,
} from "@sluice/second-opinion";

export type Offered = {
  readonly outcome: "BUNDLE_ACCEPTED" | "BUNDLE_KNOWN" | "BUNDLE_UNAVAILABLE" | BundleRefusalCode;
  readonly detail: string;
  readonly atMs: number;
};

export type BundleStatus = { readonly bundle: Bundle | null; readonly lastOffer: Offered | null };

export type Bundles = {
  /** What to judge by. Reads the newest row; seals are verified again whenever it is not the one verified before. */
  readonly inForce: (database: Queryable) => Promise<BundleFound>;
  readonly offer: (bytes: Uint8Array, enteredBy: "installation" | "vault" | "console") => Promise<Offered>;
  /** As this process knew it last. */
  readonly status: () => BundleStatus;
};

/** One bundle after the other, whoever brings them. */
const BUNDLE_LOCK = "select pg_advisory_xact_lock(hashtext('sluice bundle'))";

export function openBundles(around: {
  readonly pool: Pool;
  readonly signers: BundleSigners;
  readonly network: BitcoinNetwork;
  readonly logger: Logger;
  /** In the transaction in which a bundle comes into force: what waits may go on. */
  readonly onAccepted: (tx: Transaction) => Promise<void>;
}): Bundles {
  const { pool, logger } = around;
  let verified: Bundle | null = null;
  let lastOffer: Offered | null = null;
  return { inForce, offer, status: () => ({ bundle: verified, lastOffer }) };

  async function inForce(database: Queryable): Promise<BundleFound> {
    const { rows } = await database.query<{ version: bigint; sha256: string }>(
      "select version, sha256 from bundle order by version desc limit 1",
    );
    const [newest] = rows;
    if (newest === undefined) return { ok: false, detail: "no bundle was ever accepted here" };
    const { version, sha256 } = newest;
    // This process has seen a newer one: somebody has taken rows away.
    if (verified !== null && Number(version) < verified.version) {
      return {
        ok: false,
        detail: `version ${verified.version} was in force, and now ${version} is the newest on record`,
      };
    }
    if (verified?.sha256 === sha256 && Number(version) === verified.version) return { ok: true, bundle: verified };
    const found = await load(database, version);
    if (found.ok) verified = found.bundle;
    return found;
  }

  async function load(database: Queryable, version: bigint): Promise<BundleFound> {
    const { rows } = await database.query<{ sha256: string; bytes: Buffer }>(
      "select sha256, bytes from bundle where version = $1",
      [version],
    );
    const [row] = rows;
    if (row === undefined) return { ok: false, detail: `version ${version} is gone` };
    const opened = openBundle(row.bytes, around);
    if (!opened.ok) return { ok: false, detail: `version ${version} on record: ${opened.refusal.code}` };
    const bundle = opened.value;
    if (bundle.version !== Number(version) || bundle.sha256 !== row.sha256) {
      return { ok: false, detail: `version ${version} on record is another one` };
    }
    return { ok: true, bundle };
  }

  async function offer(bytes: Uint8Array, enteredBy: string): Promise<Offered> {
    const nowMs = Date.now();
    const opened = openBundle(bytes, around);
    const judged = opened.ok
      ? await transaction(pool, (tx) => take(tx, opened.value, enteredBy, nowMs))
      : { outcome: opened.refusal.code, detail: opened.refusal.detail };
    lastOffer = { ...judged, atMs: nowMs };
    // Others, and this process's memory of what is in force.
    if (judged.outcome === "BUNDLE_ACCEPTED" && opened.ok) verified = opened.value;
    const line = { ...judged, enteredBy };
    if (judged.outcome === "BUNDLE_ACCEPTED") logger.info(line, "a bundle came into force");
    else if (judged.outcome !== "BUNDLE_KNOWN") logger.error(line, "ALARM: a bundle was refused");
    return lastOffer;
  }

  async function take(
    tx: Transaction,
    bundle: Bundle,
    enteredBy: string,
    nowMs: number,
  ): Promise<Omit<Offered, "atMs">> {
    await tx.query(BUNDLE_LOCK);
    const { rows } = await tx.query<{ count: bigint }>("select count(*) as count from bundle");
    const none = rows[0]?.count === 0n;
    const present = none && verified === null ? null : await inForce(tx);
    // What is on record cannot be believed, so nothing can follow it: people have to look.
    if (present?.ok === false) return { outcome: "BUNDLE_UNAVAILABLE", detail: present.detail };
    const succession = judgeSuccession(bundle, present?.bundle ?? null, nowMs);
    if (succession.kind === "refused") {
      return { outcome: succession.refusal.code, detail: succession.refusal.detail };
    }
    if (succession.kind === "known")
      return { outcome: "BUNDLE_KNOWN", detail: `version ${bundle.version} is in force` };
    await tx.query(
      "insert into bundle (version, sha256, bytes, entered_by, accepted_at_ms) values ($1, $2, $3, $4, $5)",
      [bundle.version, bundle.sha256, bundle.bytes, enteredBy, nowMs],
    );
    await around.onAccepted(tx);
    return { outcome: "BUNDLE_ACCEPTED", detail: `version ${bundle.version}, sealed by ${bundle.signedBy.join(", ")}` };
  }
}

/** As the zone reports it to the online side; nothing while there is none. */
export function reportBundle(bundles: Bundles): Pick<MessageOf<"zone.reported.v1">, "bundle"> {
  const { bundle, lastOffer } = bundles.status();
  if (bundle === null) return {};
  return {
    bundle: {
      version: BigInt(bundle.version),
      sha256: bundle.sha256,
      madeAtMs: bundle.madeAtMs,
      offeredOutcome: lastOffer?.outcome ?? "",
      offeredDetail: lastOffer?.detail ?? "",
      offeredAtMs: lastOffer?.atMs ?? 0,
    },
  };
}

/**
 * At installation the first bundle comes from a file, once; from then on only what follows it is taken.
 * @throws ConfigError when there is no bundle yet and the file's is not one
 */
export async function installBundle(bundles: Bundles, database: Queryable, file: string): Promise<void> {
  const { rows } = await database.query<{ count: bigint }>("select count(*) as count from bundle");
  if (rows[0]?.count !== 0n) {
    await bundles.inForce(database);
    return;
  }
  const { outcome, detail } = await bundles.offer(readBundle(file), "installation");
  if (outcome === "BUNDLE_ACCEPTED") return;
  throw new ConfigError([{ name: FIRST_BUNDLE, rule: `holds the first bundle: ${outcome}: ${detail}` }]);
}

const FIRST_BUNDLE = "SLUICE_FIRST_BUNDLE_FILE";

function readBundle(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    throw new ConfigError([{ name: FIRST_BUNDLE, rule: "is the path of a file that can be read" }]);
  }
}

/** Its age and its version, for the alarms. */
export function measureBundles(metrics: Metrics, bundles: Bundles): void {
  metrics.gauge({
    name: "sluice_bundle_age_seconds",
    help: "Since the bundle in force was made.",
    collect: (gauge) => {
      const { bundle } = bundles.status();
      if (bundle !== null) gauge.set((Date.now() - bundle.madeAtMs) / 1_000);
    },
  });
  metrics.gauge({
    name: "sluice_bundle_info",
    help: "1 for the version of the bundle in force.",
    labels: ["version"],
    collect: (gauge) => {
      gauge.reset();
      const { bundle } = bundles.status();
      if (bundle !== null) gauge.set({ version: String(bundle.version) }, 1);
    },
  });
}
