// The ceremony, its dress rehearsal, and what custodians do with their shares afterwards.
export { hardenProcess } from "@sluice/keys";
export { type Added, addWallet } from "./add-wallet.ts";
export {
  CEREMONY_FILE,
  folderFaults,
  readCeremony,
  shareFileOf,
  WALLETS_FILE,
  writeCeremony,
} from "./ceremony-folder.ts";
export { feedShare } from "./feed-share.ts";
export { type Ceremony, type DrawEntropy, holdCeremony, type ShareFile } from "./hold-ceremony.ts";
export {
  type CeremonyFault,
  type CeremonyPlan,
  DEFAULT_GAP_LIMIT,
  type PlannedWallet,
  plannedWalletSchema,
  readPlan,
} from "./plan.ts";
export { type PlayedCeremony, playCeremony } from "./play-custodians.ts";
export { type Rehearsal, rehearse, subsets } from "./rehearse.ts";
export {
  type Custodian,
  createCustodian,
  isRecipient,
  openShare,
  readIdentityFile,
  sealShare,
} from "./sealed-share.ts";
