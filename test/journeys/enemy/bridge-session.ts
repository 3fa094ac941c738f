// The bridge session of an enemy who has got hold of an end's own key: what is not sealed by others is in its hands.
import { type BridgeSession, bridgeIdentity } from "@sluice/bridge";
import type { Stack } from "@sluice/devstack";

type BridgeSecrets = ReturnType<Stack["inside"]["bridgeOf"]>;

export function sessionOf(secrets: BridgeSecrets, peer: string): BridgeSession {
  const made = bridgeIdentity({ ...secrets, peers: [peer] });
  if (!made.ok) throw new Error(JSON.stringify(made.faults));
  return made.identity.towards(peer);
}
