// Every subcommand, in the order in which the help names them.
import type { Command } from "../command.ts";
import { approvalsApprove, approvalsList } from "./approvals.ts";
import { bundleMake } from "./bundle-make.ts";
import { bundleSign } from "./bundle-sign.ts";
import { bundleVerify } from "./bundle-verify.ts";
import { ceremony } from "./ceremony.ts";
import { ceremonyAddWallet } from "./ceremony-add-wallet.ts";
import { ceremonyRehearse } from "./ceremony-rehearse.ts";
import { holderLock } from "./holder-lock.ts";
import { holderStatus } from "./holder-status.ts";
import { holderUnlock } from "./holder-unlock.ts";
import { holderVeto } from "./holder-veto.ts";
import { keyMake } from "./key-make.ts";
import { labelsBuild, labelsImport, labelsSign } from "./labels-make.ts";
import { labelsLookup, labelsVerify } from "./labels-read.ts";
import { policyActivate, policyCheck, policyList, policyPropose, policyShow, policyWithdraw } from "./policy.ts";
import { policyReplay } from "./policy-replay.ts";
import { reopen, suspend, suspensions } from "./suspension.ts";
import { vaultPlanAgain } from "./vault-plan-again.ts";
import { webhooksDeliveries, webhooksEndpoints, webhooksResend } from "./webhooks.ts";
import { withdrawalFail, withdrawalShow } from "./withdrawal.ts";
import { zoneBundle, zoneImport } from "./zone-bundle.ts";
import { zoneRelease, zoneVeto, zoneWaiting } from "./zone-decide.ts";

export const COMMANDS: readonly Command[] = [
  ceremony,
  ceremonyRehearse,
  ceremonyAddWallet,
  holderStatus,
  holderUnlock,
  holderLock,
  holderVeto,
  withdrawalShow,
  withdrawalFail,
  approvalsList,
  approvalsApprove,
  suspend,
  suspensions,
  reopen,
  webhooksEndpoints,
  webhooksDeliveries,
  webhooksResend,
  vaultPlanAgain,
  zoneWaiting,
  zoneRelease,
  zoneVeto,
  zoneBundle,
  zoneImport,
  keyMake,
  bundleMake,
  bundleSign,
  bundleVerify,
  labelsImport,
  labelsBuild,
  labelsSign,
  labelsVerify,
  labelsLookup,
  policyCheck,
  policyPropose,
  policyList,
  policyShow,
  policyReplay,
  policyActivate,
  policyWithdraw,
];
