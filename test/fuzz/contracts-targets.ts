// Fuzz targets for what every service opens: sealed envelopes, and the content of each message.
import { createPublicKey } from "node:crypto";
import {
  createTrust,
  decodeMessage,
  ed25519PrivateKey,
  encodeMessage,
  MESSAGE_TYPES,
  open,
  type Sealer,
  seal,
} from "@sluice/contracts";
import { EXAMPLES, outgoing, rawPublicKey } from "../../packages/contracts/src/fixtures.ts";
import { must, type Target } from "./fuzz-target.ts";

/** Checking a seal takes most of the time, so its share is small. */
export function envelopeTarget(): Target {
  const types = ["signing.requested.v1", "risk.reported.v1", "zone.reported.v1", "withdrawal.cleared.v1"] as const;
  const producers = ["vault", "semi-offline-risk", "semi-offline-risk", "online-risk"] as const;
  const sealerOf = (producer: Sealer["producer"]): Sealer => ({
    producer,
    keyId: `${producer}-1`,
    privateKey: keyOf(producer),
  });
  // Fixed keys, so that an input which broke something breaks it again in another run.
  const entries = [...new Set(producers)].map((producer) => ({
    producer,
    keyId: `${producer}-1`,
    publicKey: rawPublicKey(createPublicKey(keyOf(producer))),
  }));
  const trust = createTrust(entries);
  const genuine = types.map((type, index) => seal(sealerOf(producers[index] ?? "vault"), type, outgoing(type)));
  const known = new Set(genuine.map((envelope) => Buffer.from(envelope).toString("base64")));
  return {
    name: "envelope",
    share: 1_500,
    seeds: genuine,
    run: (bytes) => {
      const opened = open(trust, bytes, types);
      if (!opened.ok) return opened.refusal.code;
      must(known.has(Buffer.from(bytes).toString("base64")), "only the bytes that were sealed open");
      return "accepted";
    },
  };
}

const keyOf = (producer: string) => ed25519PrivateKey(Buffer.alloc(32, producer));

export function contentTarget(): Target {
  return {
    name: "message content",
    share: 3_000,
    // The first byte says which message it is taken for.
    seeds: MESSAGE_TYPES.map((type, index) => Buffer.concat([Buffer.of(index), encodeMessage(type, EXAMPLES[type])])),
    run: (bytes) => {
      const type = MESSAGE_TYPES[(bytes[0] ?? 0) % MESSAGE_TYPES.length] ?? MESSAGE_TYPES[0];
      if (type === undefined) return "no type";
      const decoded = decodeMessage(type, bytes.subarray(1));
      if (!decoded.ok) return "refused";
      const again = encodeMessage(type, decoded.message);
      const back = decodeMessage(type, again);
      must(
        back.ok && Buffer.compare(encodeMessage(type, back.message), again) === 0,
        "what is taken is written and read as the same",
      );
      return "accepted";
    },
  };
}
