// The store says exactly what the updates said, across deltas, removals, merges and a new start; refusals change nothing.
import { generateKeyPairSync } from "node:crypto";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import {
  type Change,
  type LabelReader,
  type LabelStore,
  makeUpdate,
  openLabelReader,
  openLabelStore,
  sealUpdate,
} from "../src/index.ts";
import { addressNumber, KEY, labelled, Model, Publisher, rawOf, SIGNERS } from "./publisher.ts";

const root = mkdtempSync(join(tmpdir(), "address-labels-"));
afterAll(() => rmSync(root, { recursive: true }));
const folder = () => mkdtempSync(join(root, "one-"));
const everything = Array.from({ length: 62 }, (_, number) => number);
const now = () => 1_750_000_000_000;

function open(directory: string, signers = SIGNERS): LabelStore {
  return openLabelStore({ directory, signers, now, onMergeFailed: (reason) => expect.unreachable(reason) });
}

function said(store: LabelReader, number: number) {
  const { chain, canonical } = addressNumber(number);
  const found = store.find(chain, canonical);
  return found.ok ? found.value.toSorted((a, b) => (a.source < b.source ? -1 : 1)) : found.refusal.code;
}

const changes = fc.uniqueArray(
  fc.record({
    number: fc.nat(60),
    source: fc.constantFrom("a", "b", "c"),
    tier: fc.constantFrom("white", "grey", "black", "removed"),
    confidence: fc.nat(100),
  }),
  { selector: ({ number, source }) => `${number} ${source}`, maxLength: 80 },
);

describe("a store of labels", () => {
  it("answers as the updates said, one after the other, also after a new start", async () => {
    let [updates, merged] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), changes), { minLength: 1, maxLength: 8 }), async (steps) => {
        const directory = folder();
        const publisher = new Publisher(folder());
        const model = new Model();
        const store = open(directory);
        for (const [at, [whole, some]] of steps.entries()) {
          const kind = at === 0 || whole ? "snapshot" : "delta";
          const changed = some
            .filter(({ tier }) => kind === "delta" || tier !== "removed")
            .map(({ number, source, tier, confidence }) => labelled(number, source, tier, confidence));
          const installed = await store.install(publisher.publish(kind, changed));
          expect(installed).toMatchObject({ ok: true, value: { version: at + 1 } });
          model.apply(kind, changed);
          updates += 1;
          await store.settled();
          if (kind === "delta" && store.status()?.segments === 1) merged += 1;
          expect(everything.map((number) => said(store, number))).toEqual(everything.map((number) => model.of(number)));
        }
        const again = openLabelReader(directory);
        expect(everything.map((number) => said(again, number))).toEqual(everything.map((number) => model.of(number)));
        expect(again.status()).toEqual(store.status());
        again.close();
        store.close();
      }),
      { numRuns: 25 },
    );
    process.stdout.write(`${updates} updates, of which ${merged} deltas were merged into all the rest\n`);
    expect(merged).toBeGreaterThan(5);
  });

  it("holds many blocks, merges in a thread, and drops what was removed", async () => {
    const store = open(folder());
    const publisher = new Publisher(folder());
    const many = Array.from({ length: 80_000 }, (_, number) => labelled(number, "a", "grey"));
    await store.install(publisher.publish("snapshot", many));
    const removed = many
      .slice(0, 40_000)
      .map(({ canonical }, number): Change => ({ ...labelled(number, "a", "removed"), canonical }));
    await store.install(publisher.publish("delta", removed));
    await store.settled();
    expect(store.status()).toMatchObject({ version: 2, records: 40_000, segments: 1 });
    for (let number = 0; number < 80_000; number += 997) {
      expect(said(store, number)).toMatchObject(number < 40_000 ? [] : [{ tier: "grey", source: "a" }]);
    }
    store.close();
  });

  it("keeps what every source says side by side, and of one source twice the strictest", async () => {
    const store = open(folder());
    const publisher = new Publisher(folder());
    const twice = [
      labelled(1, "a", "white"),
      labelled(1, "a", "black"),
      labelled(1, "b", "white"),
      labelled(1, "a", "grey"),
    ];
    await store.install(publisher.publish("snapshot", twice));
    expect(said(store, 1)).toMatchObject([
      { source: "a", tier: "black" },
      { source: "b", tier: "white" },
    ]);
    store.close();
  });

  it("knows nothing before its first snapshot, and says so", () => {
    const store = open(folder());
    expect([said(store, 1), store.status()]).toEqual(["LABELS_STORE_EMPTY", null]);
  });
});

describe("an update is refused", () => {
  const other = generateKeyPairSync("ed25519");
  const two = {
    threshold: 2,
    signers: [...SIGNERS.signers, { keyId: "second", publicKey: rawOf(other.publicKey) }],
  };

  async function world() {
    const directory = folder();
    const publisher = new Publisher(folder());
    const store = open(directory);
    const first = publisher.publish("snapshot", [labelled(1, "a", "black")]);
    const firstFollows = publisher.follows;
    await store.install(first);
    await store.install(publisher.publish("delta", [labelled(2, "a", "grey")]));
    return { directory, publisher, store, first, firstFollows };
  }
  type World = Awaited<ReturnType<typeof world>>;

  const make = ({ publisher }: World, how: Partial<Parameters<typeof makeUpdate>[0]> = {}) => {
    const path = join(publisher.directory, `${Math.random()}.labels`);
    makeUpdate({ path, kind: "delta", follows: publisher.follows, madeAtMs: now(), changes: [], ...how });
    return path;
  };
  const sealedBy = (path: string, keyId: string, privateKey = KEY.privateKey) => {
    sealUpdate(path, { keyId, privateKey });
    return path;
  };
  const changed = (path: string, change: (bytes: Buffer) => void) => {
    const bytes = readFileSync(path);
    change(bytes);
    writeFileSync(path, bytes);
    return path;
  };

  const rows: readonly (readonly [string, string, (world: World) => string])[] = [
    ["LABELS_UNREADABLE", "when it is not there", ({ publisher }) => join(publisher.directory, "none")],
    ["LABELS_MALFORMED", "when it is something else", ({ first }) => changed(first, (bytes) => bytes.fill(7, 0, 10))],
    [
      "LABELS_MALFORMED",
      "when anything stands behind its two lines",
      (w) => changed(w.publisher.publish("delta", []), (bytes) => bytes.writeUInt8(1, 4_095)),
    ],
    ["LABELS_SIGNER_UNKNOWN", "when a stranger sealed it", (w) => sealedBy(make(w), "stranger", other.privateKey)],
    ["LABELS_SEAL_WRONG", "when the seal is another's", (w) => sealedBy(make(w), KEY.keyId, other.privateKey)],
    ["LABELS_SIGNERS_TOO_FEW", "when nobody sealed it", (w) => make(w)],
    [
      "LABELS_FROM_FUTURE",
      "when it was made later than now",
      (w) => sealedBy(make(w, { madeAtMs: now() + 700_000 }), KEY.keyId),
    ],
    [
      "LABELS_KNOWN",
      "when it is in force already",
      (w) =>
        sealedBy(
          make(w, { kind: "delta", follows: w.firstFollows, madeAtMs: now(), changes: [labelled(2, "a", "grey")] }),
          KEY.keyId,
        ),
    ],
    ["LABELS_VERSION_LOWER", "when it is older", ({ first }) => first],
    [
      "LABELS_VERSION_LOWER",
      "when it is another one of the same version",
      (w) => w.publisher.publish("snapshot", [], { follows: w.firstFollows }),
    ],
    [
      "LABELS_VERSION_GAP",
      "when one before it is missing",
      (w) => {
        w.publisher.publish("delta", []);
        return w.publisher.publish("delta", []);
      },
    ],
    [
      "LABELS_PREVIOUS_OTHER",
      "when it follows another one",
      (w) => w.publisher.publish("delta", [], { follows: { version: 2, sha256: "0".repeat(64) } }),
    ],
    [
      "LABELS_TORN",
      "when its end is missing",
      (w) => {
        const path = w.publisher.publish("delta", [labelled(3, "a", "white")]);
        truncateSync(path, 8_000);
        return path;
      },
    ],
    [
      "LABELS_TORN",
      "when there is more than it says",
      (w) => {
        const path = w.publisher.publish("delta", [labelled(3, "a", "white")]);
        appendFileSync(path, "x");
        return path;
      },
    ],
    [
      "LABELS_BODY_INVALID",
      "when a block has changed",
      (w) => changed(w.publisher.publish("delta", [labelled(3, "a", "white")]), (bytes) => bytes.writeUInt8(1, 5_000)),
    ],
    [
      "LABELS_BODY_INVALID",
      "when a snapshot takes away",
      (w) => w.publisher.publish("snapshot", [labelled(3, "a", "removed")]),
    ],
  ];

  it.each(rows)("%s %s; the last good version goes on", async (code, _, offer) => {
    const here = await world();
    const before = here.store.status();
    const answer = await here.store.install(offer(here));
    expect(answer.ok ? "accepted" : answer.refusal.code).toBe(code);
    expect([said(here.store, 1), said(here.store, 2)]).toMatchObject([[{ tier: "black" }], [{ tier: "grey" }]]);
    expect(here.store.status()).toEqual(before);
    // And the next honest one is taken.
    const { store, publisher, firstFollows, directory } = here;
    publisher.follows = before === null ? firstFollows : { version: before.version, sha256: before.sha256 };
    expect(await store.install(publisher.publish("delta", [labelled(9, "a", "black")]))).toMatchObject({ ok: true });
    const again = openLabelReader(directory);
    expect(said(again, 9)).toMatchObject([{ tier: "black" }]);
    again.close();
    store.close();
  });

  it("takes only what two have sealed, where two have to", async () => {
    const publisher = new Publisher(folder());
    const store = open(folder(), two);
    const path = publisher.publish("snapshot", [labelled(1, "a", "black")]);
    expect(await store.install(path)).toMatchObject({ refusal: { code: "LABELS_SIGNERS_TOO_FEW" } });
    sealUpdate(path, KEY);
    expect(await store.install(path)).toMatchObject({ refusal: { code: "LABELS_SIGNERS_TOO_FEW" } });
    sealUpdate(path, { keyId: "second", privateKey: other.privateKey });
    expect(await store.install(path)).toMatchObject({ ok: true });
    store.close();
  });

  it("takes a snapshot that skips versions, and a first one of any version", async () => {
    const publisher = new Publisher(folder());
    publisher.follows = { version: 41, sha256: "1".repeat(64) };
    const store = open(folder());
    expect(await store.install(publisher.publish("snapshot", [labelled(1, "a", "black")]))).toMatchObject({ ok: true });
    publisher.follows = { version: 56, sha256: "2".repeat(64) };
    expect(await store.install(publisher.publish("snapshot", [labelled(2, "a", "black")]))).toMatchObject({
      ok: true,
      value: { version: 57 },
    });
    expect([said(store, 1), said(store, 2)]).toMatchObject([[], [{ tier: "black" }]]);
    store.close();
  });

  it("when somebody else has changed the store", async () => {
    const { directory, store, publisher } = await world();
    const second = open(directory);
    await second.install(publisher.publish("delta", [labelled(5, "a", "black")]));
    expect(await store.install(publisher.publish("delta", []))).toMatchObject({
      refusal: { code: "LABELS_VERSION_GAP" },
    });
    const same = { version: 2, sha256: store.status()?.sha256 ?? "" };
    expect(await store.install(publisher.publish("delta", [], { follows: same }))).toMatchObject({
      refusal: { code: "LABELS_STORE_IN_USE" },
    });
    for (const one of [store, second]) one.close();
  });
});
