// Intent to unsigned bytes to signed bytes, and back. No network, no clock, no secret.
export {
  type AddressRefusal,
  addressOf,
  type ParsedAddress,
  parseAddress,
} from "./bitcoin/address.ts";
export { type BlockFault, type DecodedBlock, decodeBlock } from "./bitcoin/block.ts";
export { CHAIN_REFUSALS, type ChainRefusal, type ChainRefusalCode } from "./bitcoin/chain-refusals.ts";
export { combineSignatures, verifySignatures } from "./bitcoin/combine.ts";
export {
  type DecodedInput,
  type DecodedPayment,
  type DecodedPayout,
  decodePayout,
  type OwnOutput,
} from "./bitcoin/decode.ts";
export { type DecodeOptions, PAYOUT_SEQUENCE, PAYOUT_VERSION } from "./bitcoin/decode-inputs.ts";
export {
  type DescriptorRefusal,
  type HolderKey,
  parseDescriptor,
  type WalletDescriptor,
  type WalletHolder,
  walletDescriptor,
} from "./bitcoin/descriptor.ts";
export { descriptorChecksum } from "./bitcoin/descriptor-checksum.ts";
export { finalisePayout } from "./bitcoin/finalise.ts";
export type { BitcoinNetwork } from "./bitcoin/network.ts";
export type { InputSignature, PartialSignatures } from "./bitcoin/partial-signatures.ts";
export {
  type Coin,
  type Payment,
  type PlannedPayout,
  type PlanRefusal,
  type PlanRequest,
  planPayout,
} from "./bitcoin/plan.ts";
export { type InternalTransferRequest, type PlannedTransfer, planInternalTransfer } from "./bitcoin/plan-internal.ts";
export { dustSat, type ScriptType } from "./bitcoin/script.ts";
export { payoutVbytes } from "./bitcoin/size.ts";
export { outpointOf } from "./bitcoin/transaction.ts";
export {
  type Branch,
  type Derivation,
  deriveScript,
  findScript,
  type ScriptPosition,
  type WalletScript,
} from "./bitcoin/wallet.ts";
export {
  type DecodedTransaction,
  decodeTransaction,
  type MatchedOutput,
  matchOutputs,
  TransactionMalformedError,
} from "./bitcoin/watch.ts";
export { fingerprintOf, xpubFromPublicKey } from "./bitcoin/xpub.ts";
export {
  INDEX_LIMIT,
  NETWORKS,
  type OpenedWallets,
  openWallets,
  type Wallet,
  walletsFileSchema,
} from "./wallets-file.ts";
