// The public record of a ceremony: what a holder pins to know its own shares and its own key. Nothing in it is secret.
import { z } from "zod";

export const NAME_RULE = "is a name of 1 to 32 lower-case letters, digits or -, and begins with a letter";
const name = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, NAME_RULE);
const hex = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `is ${bytes} bytes as lower-case hex`);

export const MOST_CUSTODIANS = 16;

const holderSchema = z
  .strictObject({
    holder: name,
    /** Of the master key. */
    fingerprint: hex(4),
    path: z.string(),
    xpub: z.string(),
    /** Of the account, compressed: what the shares have to make. */
    publicKey: hex(33),
    threshold: z.number().int().min(2).max(MOST_CUSTODIANS),
    shares: z
      .array(
        z.strictObject({
          custodian: name,
          /** To whom the file is sealed. */
          recipient: z.string().regex(/^age1[0-9a-z]{58}$/, "is an age recipient, age1…"),
          /** SHA-256 of the share itself, and of the file that it is sealed in. */
          digest: hex(32),
          fileDigest: hex(32),
        }),
      )
      .max(MOST_CUSTODIANS)
      .refine(
        (shares) => new Set(shares.map(({ custodian }) => custodian)).size === shares.length,
        "names nobody twice",
      ),
  })
  .refine(({ shares, threshold }) => shares.length >= threshold, "has at least as many shares as are needed");

export const ceremonyFileSchema = z.strictObject({
  version: z.literal(1),
  ceremonyId: hex(16),
  network: z.enum(["mainnet", "testnet", "signet", "regtest"]),
  descriptor: z.string(),
  holders: z.array(holderSchema).length(3),
});

export type CeremonyFile = z.output<typeof ceremonyFileSchema>;
export type CeremonyHolder = CeremonyFile["holders"][number];
