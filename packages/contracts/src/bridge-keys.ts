// By which keys the ends of bridges know each other: the file of public keys, and the private one among the secrets.
import { z } from "zod";
import { HOLDERS } from "./producers.ts";

/** What the messages of this version are called; two ends that differ here do not talk. */
export const BRIDGE_SCHEMA = "sluice.v1";

export const BRIDGE_ENDS = ["vault", "semi-offline-risk", ...HOLDERS] as const;

/** Base64 of the 32 bytes of an X25519 key. */
export const bridgeKeySchema = z
  .base64()
  .refine((text) => Buffer.from(text, "base64").length === 32, "is base64 of 32 bytes");

/** The file of public keys: `{ "vault": "…", "semi-offline-risk": "…", … }`. A process needs its own and its peers'. */
export const bridgeKeysFileSchema = z.partialRecord(z.enum(BRIDGE_ENDS), bridgeKeySchema);

export type BridgeKeysFile = z.infer<typeof bridgeKeysFileSchema>;
