// Sessions for simulations: the toy, quick enough for thousands of histories, and the real one with seeded keys.
import type { BridgeSession } from "../src/index.ts";
import { keyPairFrom } from "../src/noise/x25519.ts";
import { type NoiseOptions, noiseHandshakes } from "../src/noise-session.ts";
import type { Handshakes } from "../src/session.ts";
import type { Random } from "./generator.ts";
import { toyHandshakes } from "./toy-session.ts";

export interface SessionRequest {
  readonly localName: string;
  readonly peerName: string;
  readonly random: Random;
  /** For sessions that can tell without ending the process. */
  readonly onNonceReused: () => void;
}

export type CreateHandshakes = (request: SessionRequest) => Handshakes;

export const toySessions: CreateHandshakes = ({ random, ...request }) =>
  toyHandshakes({ ...request, bits64: () => random.bits64() });

export const noiseSessions: CreateHandshakes = (request) => noiseHandshakes(noiseOptions(request));

/** Two ends that agree on everything. Both names, in any order, give each its own key. */
export function noiseOptions({ localName, peerName, random }: Omit<SessionRequest, "onNonceReused">): NoiseOptions {
  const randomBytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => random.below(256));
  return {
    localName,
    peerName,
    ...sessionBetween(localName, peerName),
    randomBytes,
  };
}

/** For the end called `localName`, as `openBridge` wants it. */
export function sessionBetween(localName: string, peerName: string): BridgeSession {
  const agreed = { linkId: "1", network: "regtest", schema: "test" };
  return { ...agreed, key: keyOf(localName), peerPublicKey: keyOf(peerName).publicKey };
}

/** One key for each name, the same in every run. */
export function keyOf(name: string): ReturnType<typeof keyPairFrom> {
  const known = KEYS.get(name) ?? keyPairFrom(Buffer.alloc(32, name));
  KEYS.set(name, known);
  return known;
}

const KEYS = new Map<string, ReturnType<typeof keyPairFrom>>();
