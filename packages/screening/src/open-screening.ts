// The store of one risk system: asked at once and without waiting, brought up to date from a folder, and never silently absent.
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import {
  chainOfNetwork,
  type LabelStatus,
  type LabelStore,
  openHead,
  openLabelStore,
  PAGE_BYTES,
  readLabelSigners,
  readUpdateHead,
  type Screened,
} from "@sluice/address-labels";
import { addressOf, type BitcoinNetwork } from "@sluice/chains";
import { type Logger, type Metrics, startRounds } from "@sluice/runtime";
import { both, type Provider } from "./provider.ts";
import type { ScreeningPlace } from "./settings.ts";

const LOOK_EVERY_MS = 2_000;
const OFFERED = "offered-";

export type Screening = {
  /** By the bytes by which an address is known on its chain. A local read of some microseconds. */
  readonly screen: (chain: string, canonical: Uint8Array) => Screened;
  /** Of a Bitcoin output on the network of this deployment. */
  readonly screenScript: (scriptPubKey: Uint8Array) => Screened;
  readonly status: () => LabelStatus | null;
  /** An update that came another way goes into the folder if its seals hold and it is newer; answers with the outcome's code. */
  readonly offer: (bytes: Uint8Array) => string;
  readonly stop: () => Promise<void>;
};

export function openScreening(parts: {
  readonly place: ScreeningPlace | null;
  readonly network: BitcoinNetwork;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly now: () => number;
  /** Older labels than this are as good as none; none or null for no limit. Asked each time: the policy may change. */
  readonly maxAgeMs?: () => number | null;
  /** Asked about Bitcoin destinations, beside the store. */
  readonly provider?: Provider | null;
  readonly everyMs?: number;
}): Screening {
  const { provider = null } = parts;
  const screening = openOwn(parts);
  if (provider === null) return screening;
  const { screenScript, stop } = screening;
  const chain = chainOfNetwork(parts.network);
  return {
    ...screening,
    screenScript: (scriptPubKey) => {
      const address = addressOf(parts.network, scriptPubKey);
      return both(screenScript(scriptPubKey), () => (address === null ? NOT_STANDARD : provider.said(chain, address)));
    },
    stop: async () => {
      provider.stop();
      await stop();
    },
  };
}

const NOT_STANDARD: Screened = {
  kind: "unknown",
  code: "SCRIPT_NOT_STANDARD",
  detail: "the destination has no address",
};

function openOwn(parts: Parameters<typeof openScreening>[0]): Screening {
  const { place, network, metrics, logger, now } = parts;
  if (place === null) return SCREENING_OFF;
  mkdirSync(place.updates, { recursive: true });
  const chain = chainOfNetwork(network);
  const { store, fault } = openStore(place, logger, now);
  const outcomes = measure(metrics, store, now);
  let looked = "";
  const rounds = startRounds({ everyMs: parts.everyMs ?? LOOK_EVERY_MS, logger, round: look });
  return {
    screen,
    screenScript: (scriptPubKey) => screen(chain, scriptPubKey),
    status: () => store?.status() ?? null,
    offer: (bytes) => {
      const outcome = keepOffered(place, bytes, store?.status()?.version ?? 0);
      if (outcome === "LABELS_OFFERED") rounds.wake();
      else if (outcome !== "LABELS_KNOWN") logger.error({ outcome }, "ALARM: offered labels were refused");
      return outcome;
    },
    stop: async () => {
      await rounds.stop();
      await store?.settled();
      store?.close();
    },
  };

  function screen(of: string, canonical: Uint8Array): Screened {
    if (store === null) return { kind: "unknown", ...fault };
    const status = store.status();
    const maxAgeMs = parts.maxAgeMs?.() ?? null;
    if (status !== null && maxAgeMs !== null && now() - status.madeAtMs > maxAgeMs) {
      const made = new Date(status.madeAtMs).toISOString();
      return { kind: "unknown", code: "LABELS_TOO_OLD", detail: `the labels in force were made at ${made}` };
    }
    const found = store.find(of, canonical);
    if (!found.ok) return { kind: "unknown", ...found.refusal };
    const { version = 0, madeAtMs = 0 } = status ?? {};
    return { kind: "labels", labels: found.value, version, madeAtMs };
  }

  /** Everything in the folder again whenever it has changed, in the order of the versions; what is in force already is passed over. */
  async function look(): Promise<void> {
    if (store === null || place === null) return;
    const updates = listUpdates(place.updates);
    const standing = JSON.stringify(updates);
    if (standing === looked) return;
    for (const { path, version } of updates) {
      const isKnown = version !== null && version <= (store.status()?.version ?? 0);
      if (!isKnown) await install(store, path);
      // What was carried here was for this store alone; what people put here is theirs.
      if (basename(path).startsWith(OFFERED) && (isKnown || version === store.status()?.version)) rmSync(path);
    }
    looked = standing;
  }

  async function install(into: LabelStore, path: string): Promise<void> {
    const installed = await into.install(path);
    outcomes.inc({ outcome: installed.ok ? "LABELS_ACCEPTED" : installed.refusal.code });
    if (installed.ok) logger.info({ path, ...installed.value }, "labels came into force");
    else logger.error({ path, ...installed.refusal }, "ALARM: an update of labels was refused");
  }
}

const OFF: Screened = { kind: "off" };

/** For a deployment without labels. */
export const SCREENING_OFF: Screening = {
  screen: () => OFF,
  screenScript: () => OFF,
  status: () => null,
  offer: () => "LABELS_OFF",
  stop: async () => undefined,
};

type Fault = { readonly code: string; readonly detail: string };

/** A store that cannot be read stops nothing but what depends on it: every destination is then unknown, and the policy says what follows. */
function openStore(
  { directory, signers }: ScreeningPlace,
  logger: Logger,
  now: () => number,
): { readonly store: LabelStore | null; readonly fault: Fault } {
  try {
    const onMergeFailed = (reason: string) => logger.error({ reason }, "ALARM: segments of labels were not merged");
    const store = openLabelStore({ directory, signers, now, onMergeFailed });
    return { store, fault: { code: "LABELS_STORE_EMPTY", detail: "nothing was ever installed" } };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "LABELS_UNREADABLE";
    const detail = error instanceof Error ? error.message : String(error);
    logger.error({ code, detail }, "ALARM: the labels cannot be read, and no destination is known");
    return { store: null, fault: { code, detail } };
  }
}

function measure(metrics: Metrics, store: LabelStore | null, now: () => number) {
  metrics.gauge({
    name: "sluice_labels_entries",
    help: "Labels in force, with removals that are not merged yet; 0 while none can be read.",
    collect: (gauge) => gauge.set(store?.status()?.records ?? 0),
  });
  metrics.gauge({
    name: "sluice_labels_version_info",
    help: "1 for the version of the labels in force.",
    labels: ["version"],
    collect: (gauge) => {
      gauge.reset();
      const status = store?.status() ?? null;
      if (status !== null) gauge.set({ version: String(status.version) }, 1);
    },
  });
  metrics.gauge({
    name: "sluice_labels_age_seconds",
    help: "Since the labels in force were made.",
    collect: (gauge) => {
      const status = store?.status() ?? null;
      if (status !== null) gauge.set((now() - status.madeAtMs) / 1_000);
    },
  });
  return metrics.counter({
    name: "sluice_labels_updates_total",
    help: "Updates of labels that were tried, by outcome.",
    labels: ["outcome"],
  });
}

type Listed = {
  readonly path: string;
  readonly version: number | null;
  readonly bytes: number;
  readonly changedAtMs: number;
};

function listUpdates(directory: string): readonly Listed[] {
  const names = readdirSync(directory).filter((name) => name.endsWith(".labels"));
  const listed = names.map((name): Listed => {
    const path = join(directory, name);
    const { size, mtimeMs } = statSync(path);
    const head = readUpdateHead(path);
    return { path, version: head.ok ? head.value.content.version : null, bytes: size, changedAtMs: mtimeMs };
  });
  return listed.toSorted((a, b) => (a.version ?? 0) - (b.version ?? 0));
}

/**
 * Only what pinned signers have sealed comes to the disk, whoever carries it: nobody else can fill it. Named by its version, so
 * that what comes again takes the place of itself.
 */
function keepOffered({ updates, signers }: ScreeningPlace, bytes: Uint8Array, present: number): string {
  const head = openHead(bytes.subarray(0, PAGE_BYTES), readLabelSigners(signers));
  if (!head.ok) return head.refusal.code;
  const { version } = head.value.content;
  if (version <= present) return "LABELS_KNOWN";
  const name = `${OFFERED}${String(version).padStart(16, "0")}.labels`;
  const draft = join(updates, `${name}.new`);
  writeFileSync(draft, bytes);
  renameSync(draft, join(updates, name));
  return "LABELS_OFFERED";
}
