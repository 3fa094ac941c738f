// Attacks on the bundle that semi-offline-risk judges by: vault carries it, so vault can offer an old or a false one.
import { type Bundle, judgeSuccession, makeBundle, openBundle } from "@sluice/second-opinion";
import { type BundleParts, bundleContent, makeOffice, sealAll, sealedBundle } from "@sluice/second-opinion/fixtures";
import { afterAll, expect, test } from "vitest";
import { NOW_MS, seals } from "./honest.ts";

const office = makeOffice();
const around = { signers: office.signers, network: "regtest" } as const;
const first = made({ version: 1 });
const second = made({ version: 2, previousSha256: first.sha256 });
const next = { version: 3, previousSha256: second.sha256 };

function made(parts: BundleParts): Bundle {
  const opened = openBundle(sealedBundle(seals, office, { madeAtMs: NOW_MS, ...parts }), around);
  if (!opened.ok) throw new Error(opened.refusal.detail);
  return opened.value;
}

/** What the zone says of it, with the second version in force. */
function offer(bytes: Uint8Array): string {
  const opened = openBundle(bytes, around);
  if (!opened.ok) return opened.refusal.code;
  const succession = judgeSuccession(opened.value, second, NOW_MS);
  return succession.kind === "refused" ? succession.refusal.code : succession.kind;
}

const sealed = (parts: BundleParts) => sealedBundle(seals, office, { madeAtMs: NOW_MS, ...parts });
const content = () => makeBundle(bundleContent(seals, office, { madeAtMs: NOW_MS, ...next }));
const fewer = () => bundleContent(seals, office).keys.slice(1);
const raised = () =>
  Buffer.from(Buffer.from(sealed(next)).toString("latin1").replace('"500000"', '"900000"'), "latin1");

const ATTACKS: readonly (readonly [name: string, code: string, offered: () => Uint8Array])[] = [
  ["the version before, which was good once", "BUNDLE_VERSION_LOWER", () => first.bytes],
  ["another second version", "BUNDLE_VERSION_LOWER", () => sealed({ version: 2, policy: { maxPaymentSat: "1" } })],
  ["a version left out", "BUNDLE_VERSION_GAP", () => sealed({ ...next, version: 4 })],
  [
    "the next version after another second one",
    "BUNDLE_PREVIOUS_OTHER",
    () => sealed({ ...next, previousSha256: first.sha256 }),
  ],
  ["the next version, sealed by one", "BUNDLE_SIGNERS_TOO_FEW", () => sealed({ ...next, sealedBy: 1 })],
  ["the next version without a seal", "BUNDLE_SIGNERS_TOO_FEW", content],
  [
    "the next version by other people under the same names",
    "BUNDLE_SEAL_WRONG",
    () => sealAll(content(), makeOffice(), 2),
  ],
  ["the next version with a limit raised", "BUNDLE_SEAL_WRONG", raised],
  ["the next version from the year to come", "BUNDLE_FROM_FUTURE", () => sealed({ ...next, madeAtMs: NOW_MS + 3e10 })],
  ["the next version with a key dropped", "BUNDLE_KEY_DROPPED", () => sealed({ ...next, changes: { keys: fewer() } })],
  ["bytes without meaning", "BUNDLE_MALFORMED", () => Buffer.from("trust me")],
];
let refused = 0;

test("the control: the next version, honestly made, is accepted, and the one in force is known", () => {
  expect([offer(sealed(next)), offer(second.bytes)]).toEqual(["accepted", "known"]);
});

test.each(ATTACKS)("%s is refused with %s", (_, code, offered) => {
  expect(offer(offered())).toBe(code);
  refused += 1;
});

afterAll(() => {
  process.stdout.write(
    `malicious vault: ${ATTACKS.length} attacks on bundles, ${refused} refused by semi-offline-risk\n`,
  );
});
