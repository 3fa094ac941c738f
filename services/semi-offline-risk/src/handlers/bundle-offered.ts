// A bundle came over the bridge: its own seals decide, not who carried it.
import { open, type Trust } from "@sluice/contracts";
import type { Bundles } from "@sluice/governance";

/** The outcome's code; null for another message. Rejects while the database is away, and it comes again. */
export async function handleBundleOffered(
  around: { readonly trust: Trust; readonly bundles: Bundles },
  envelope: Uint8Array,
): Promise<string | null> {
  const opened = open(around.trust, envelope, ["bundle.offered.v1"]);
  if (!opened.ok) return null;
  return (await around.bundles.offer(opened.value.message.bundle, "vault")).outcome;
}
