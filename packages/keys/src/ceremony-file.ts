// The public record of a ceremony: what a holder pins to know its own shares and its own key. Nothing in it is secret.
import { z } from "zod";

export const NAME_RULE = "is a name of 1 to 32 lower-case letters, digits or -, and begins with a letter";
const name = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, NAME_RULE);
const hex = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `is ${bytes} bytes as lower-case hex`);

export const MOST_CUSTODIANS = 16;
/** Each takes a holder some locked memory, and a moment at every unlock. */
export const MOST_WALLETS = 16;
export const WALLET_ID_RULE = "is 1 to 64 letters, digits or . _ : -";
export const walletIdSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/, WALLET_ID_RULE);
/** The hardened step of BIP48 that makes a wallet an account of its own. */
export const accountNumberSchema = z.number().int().min(0).max(0x7fff_ffff);

const custody = {
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
    .refine((shares) => isDistinct(shares.map(({ custodian }) => custodian)), "names nobody twice"),
};

const accountKey = {
  path: z.string(),
  xpub: z.string(),
  /** Compressed: what the shares have to make. */
  publicKey: hex(33),
};

/** Of the master key. */
const fingerprint = hex(4);
const ENOUGH_SHARES = "has at least as many shares as are needed";

const holderSchema = z
  .strictObject({
    holder: name,
    fingerprint,
    /** One for each wallet, in the order of the wallets. */
    accounts: z.array(z.strictObject({ account: accountNumberSchema, ...accountKey })),
    ...custody,
  })
  .refine(({ shares, threshold }) => shares.length >= threshold, ENOUGH_SHARES);

const head = { ceremonyId: hex(16), network: z.enum(["mainnet", "testnet", "signet", "regtest"]) };

const walletSchema = z.strictObject({ walletId: walletIdSchema, account: accountNumberSchema, descriptor: z.string() });

const secondVersion = z
  .strictObject({
    version: z.literal(2),
    ...head,
    wallets: z
      .array(walletSchema)
      .min(1)
      .max(MOST_WALLETS)
      .refine((all) => isDistinct(all.map(({ walletId }) => walletId)), "names no wallet twice")
      .refine((all) => isDistinct(all.map(({ account }) => account)), "has no account twice"),
    holders: z.array(holderSchema).length(3),
  })
  .superRefine(({ wallets, holders }, context) => {
    const accounts = wallets.map(({ account }) => account).join();
    for (const [at, each] of holders.entries()) {
      if (each.accounts.map(({ account }) => account).join() === accounts) continue;
      const path = ["holders", at, "accounts"];
      context.addIssue({ code: "custom", path, message: "are those of the wallets, in their order" });
    }
  });

/** Of ceremonies that made one wallet, whose name only the wallets file says. */
const firstVersion = z.strictObject({
  version: z.literal(1),
  ...head,
  descriptor: z.string(),
  holders: z
    .array(
      z
        .strictObject({ holder: name, fingerprint, ...accountKey, ...custody })
        .refine(({ shares, threshold }) => shares.length >= threshold, ENOUGH_SHARES),
    )
    .length(3),
});

type SecondVersion = z.output<typeof secondVersion>;

export type CeremonyHolder = SecondVersion["holders"][number];
/** Without a name where the record is of a time that made one wallet. */
export type CeremonyWallet = Omit<SecondVersion["wallets"][number], "walletId"> & { readonly walletId: string | null };
export type CeremonyFile = Omit<SecondVersion, "wallets"> & { readonly wallets: readonly CeremonyWallet[] };

/** Both versions are read, as the second one. */
export const ceremonyFileSchema = z
  .discriminatedUnion("version", [firstVersion, secondVersion], {
    error: ({ code }) => (code === "invalid_union" ? "is 1 or 2" : undefined),
  })
  .transform((record): CeremonyFile => (record.version === 1 ? fromFirstVersion(record) : record));

function fromFirstVersion({ ceremonyId, network, descriptor, holders }: z.output<typeof firstVersion>): CeremonyFile {
  return {
    version: 2,
    ceremonyId,
    network,
    wallets: [{ walletId: null, account: 0, descriptor }],
    holders: holders.map(({ path, xpub, publicKey, ...holder }) => ({
      ...holder,
      accounts: [{ account: 0, path, xpub, publicKey }],
    })),
  };
}

function isDistinct(values: readonly (string | number)[]): boolean {
  return new Set(values).size === values.length;
}
