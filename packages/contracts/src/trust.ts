// Whose seals and request signatures count: the public keys that an operator listed, and nothing else.
import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { isProducer, PRODUCERS, type Producer } from "./producers.ts";
import { ed25519PublicKey } from "./seal.ts";

/** The trust file: `[{ producer, keyId, publicKey (base64 of 32 bytes), revoked? }]`. */
export const trustFileSchema = z
  .array(
    z.strictObject({
      producer: z.enum(PRODUCERS),
      keyId: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "must be 1 to 64 of A-Z a-z 0-9 . _ -"),
      publicKey: z.base64().refine((text) => Buffer.from(text, "base64").length === 32, "must be base64 of 32 bytes"),
      revoked: z.boolean().optional(),
    }),
  )
  .min(1)
  .refine(
    (entries) => new Set(entries.map((e) => e.keyId)).size === entries.length,
    "a keyId must not be listed twice, not even for two producers",
  );

export type TrustFile = z.infer<typeof trustFileSchema>;

export type TrustedKey = {
  readonly producer: Producer;
  readonly keyId: string;
  readonly publicKey: KeyObject;
  readonly revoked: boolean;
  /** Past the end of its validity, where whoever lists the keys says when that is. */
  readonly expired?: boolean;
};

export type Trust = { readonly find: (producer: string, keyId: string) => TrustedKey | undefined };

export function createTrust(file: TrustFile): Trust {
  const keys = new Map<string, TrustedKey>(
    file.map((entry) => [
      entry.keyId,
      {
        producer: entry.producer,
        keyId: entry.keyId,
        publicKey: ed25519PublicKey(Buffer.from(entry.publicKey, "base64")),
        revoked: entry.revoked === true,
      },
    ]),
  );
  return {
    find: (producer, keyId) => {
      const key = keys.get(keyId);
      return key !== undefined && isProducer(producer) && key.producer === producer ? key : undefined;
    },
  };
}
