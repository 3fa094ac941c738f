// What is known of addresses of many chains: an embedded store of labels, its sealed updates, and what reads lists into it.

export { DISK, type Disk } from "./disk.ts";
export { evmAddressOf, parseEvmAddress } from "./evm-address.ts";
export { PAGE_BYTES } from "./format.ts";
export {
  type LabelSigners,
  labelSignersSchema,
  makeHead,
  openHead,
  readLabelSigners,
  type SealKey,
  sealHead,
} from "./head.ts";
export {
  canonicalAddress,
  chainOfNetwork,
  EVM,
  EVM_CHAINS,
  type KeyRefusal,
  keyOf,
  keysFor,
  type LabelKey,
} from "./key.ts";
export { type Label, NAME, pack, strictestTier, TIERS, type Tier } from "./label.ts";
export { LIST_FORMATS, type List, type ListFormat, loadList } from "./load/load-list.ts";
export type { BadRow } from "./load/row.ts";
export { type Change, type MadeUpdate, makeUpdate, readUpdateHead, sealUpdate } from "./make-update.ts";
export { mergeSegments } from "./merge.ts";
export { LABEL_REFUSALS, type LabelRefusal, type LabelRefusalCode, LabelsBroken } from "./refusals.ts";
export { type Screened, type TierFound, tierOfScreened } from "./screened.ts";
export { openSegment, type Segment } from "./segment.ts";
export { openSegmentBuilder, type SegmentBuilder } from "./segment-builder.ts";
export {
  type LabelReader,
  type LabelStatus,
  type LabelStore,
  openLabelReader,
  openLabelStore,
  type StoreOptions,
} from "./store.ts";
export type { InForce } from "./succession.ts";
export { checkLabels, checkStore, openUpdate } from "./verify.ts";
