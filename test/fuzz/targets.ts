// The one table of fuzz targets: every parser that an enemy's bytes reach, each with what must hold for all inputs.
import { bridgeStreamTarget, linkTarget, messagesTarget } from "./bridge-state-targets.ts";
import {
  carrierAddressTarget,
  cobsTarget,
  ethernetTarget,
  frameTarget,
  linkFrameTarget,
  messageFrameTarget,
} from "./bridge-targets.ts";
import { contentTarget, envelopeTarget } from "./contracts-targets.ts";
import type { Target } from "./fuzz-target.ts";
import { handshakeTarget, transportTarget } from "./noise-targets.ts";

export const TARGETS: readonly Target[] = [
  frameTarget(),
  cobsTarget(),
  linkFrameTarget(),
  messageFrameTarget(),
  messagesTarget(),
  linkTarget(),
  bridgeStreamTarget(),
  handshakeTarget(),
  transportTarget(),
  carrierAddressTarget(),
  ethernetTarget(),
  envelopeTarget(),
  contentTarget(),
];
