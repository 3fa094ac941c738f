// The bridge between the zones: messages that cross without IP, each accepted once by the application at the other end.
export {
  type Bridge,
  type BridgeDiagnostic,
  type BridgeOptions,
  type BridgeState,
  type BridgeStats,
  openBridge,
  type SendOptions,
} from "./bridge.ts";
export type { Carrier, CarrierConnection, CarrierEvents, ConnectionEvents } from "./carrier.ts";
export {
  type CarrierAddress,
  type CarrierRole,
  carrierAddressFor,
  carrierAddressText,
  defaultCarrier,
  interfacesOf,
  parseCarrierAddress,
} from "./carrier-address.ts";
export { BridgeError, type BridgeErrorCode } from "./errors.ts";
export {
  type BridgeIdentity,
  type BridgeSession,
  bridgeIdentity,
  type IdentityFault,
  newBridgeKey,
} from "./identity.ts";
export { type BridgeLimits, DEFAULT_LIMITS, heldBytesAtMost } from "./limits.ts";
export { MAX_MESSAGE_BYTES, MAX_URGENT_MESSAGE_BYTES, type Priority } from "./message-frame.ts";
export { openCarrier } from "./open-carrier.ts";
export { unixConnector } from "./unix-connector.ts";
export { unixListener } from "./unix-listener.ts";
