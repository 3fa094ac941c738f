// An update of address labels came over the bridge: its own seals decide, not who carried it.
import { open, type Trust } from "@sluice/contracts";
import type { Screening } from "@sluice/screening";

/** The outcome's code; null for another message. It is on the disk of this zone before it is accepted. */
export function handleLabelsOffered(
  around: { readonly trust: Trust; readonly screening: Pick<Screening, "offer"> },
  envelope: Uint8Array,
): string | null {
  const opened = open(around.trust, envelope, ["labels.offered.v1"]);
  return opened.ok ? around.screening.offer(opened.value.message.update) : null;
}
