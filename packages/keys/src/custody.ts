// Where a holder's key comes from: entropy, words, derivation, shares, and the lock that custodians open.
export { type Account, type CoinType, deriveAccount, deriveAccounts, ENTROPY_BYTES } from "./account-key.ts";
export { hardenedChild, masterNode, type PrivateNode, wipeNode } from "./bip32.ts";
export { seedOf, wordsOf } from "./bip39.ts";
export {
  accountNumberSchema,
  type CeremonyFile,
  type CeremonyHolder,
  type CeremonyWallet,
  ceremonyFileSchema,
  MOST_CUSTODIANS,
  MOST_WALLETS,
  NAME_RULE,
  walletIdSchema,
} from "./ceremony-file.ts";
export { guarded, guardedRandom, type SecureBuffer, wipe } from "./guarded-memory.ts";
export { createKeyLock, type KeyLock, type LockStatus, SHARE_REFUSALS, type ShareRefusalCode } from "./key-lock.ts";
export { combineShares, splitSecret } from "./shamir.ts";
export { CEREMONY_ID_BYTES, encodeShare, readShare, SHARE_BYTES, type ShareHead, shareDigest } from "./share.ts";
export { createShareBox, type ShareBox, sealToBox } from "./share-box.ts";
