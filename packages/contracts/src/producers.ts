// Who may put its seal on a message: one name for each process that has a key of its own.

export const PRODUCERS = [
  "exchange-backend",
  "online-risk",
  "vault",
  "semi-offline-risk",
  "semi-offline-signer-a",
  "semi-offline-signer-b",
  "semi-offline-signer-c",
  "treasury",
  "blockchain-gateway",
  "ops-console",
  "webhooks",
] as const;

export type Producer = (typeof PRODUCERS)[number];

/** Not every deployment runs these: whoever has no key in the trust file is not waited for. */
export const OPTIONAL_READERS = ["webhooks"] as const satisfies readonly Producer[];

export const HOLDERS = ["semi-offline-signer-a", "semi-offline-signer-b", "semi-offline-signer-c"] as const;

export type Holder = (typeof HOLDERS)[number];

export function isProducer(name: string): name is Producer {
  return (PRODUCERS as readonly string[]).includes(name);
}
