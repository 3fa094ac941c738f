// Finds or starts the real parts that the demo, the tests and the benches run on.

export { type PartAddresses, renderEnvironmentFile } from "./parts/addresses.ts";
export { type Child, type ChildOptions, type Exit, type Readiness, startChild } from "./parts/child.ts";
export { type Confinement, confine, networkInterfacesOf, type Permissions, readPermissions } from "./parts/confine.ts";
export { type CurveLibrary, findCurveLibrary } from "./parts/curve-library.ts";
export { plainEnvironment } from "./parts/executable.ts";
export type { How, Log } from "./parts/find-part.ts";
export { PartError, type PartErrorCode } from "./parts/part-error.ts";
export { findFreePorts } from "./parts/ports.ts";
export type { PartProcess } from "./parts/running.ts";
export {
  addressesOf,
  type BitcoindPart,
  type KafkaPart,
  type OfflinePostgresPart,
  type PartName,
  type Parts,
  type PostgresPart,
  type StartPartsOptions,
  startParts,
} from "./parts.ts";
export type { Label, PolicyChoices } from "./stack/policies.ts";
export {
  EVERY_PROCESS,
  FACADE,
  ONLINE_SERVICES,
  type OnlineService,
  OPTIONAL_SERVICES,
  type OptionalService,
  type ProcessName,
  START_ORDER,
  settingNamesOf,
} from "./stack/processes.ts";
export { openFaucet, type Regtest } from "./stack/regtest.ts";
export { type Inside, type Stack, type StackOptions, startStack } from "./stack/stack.ts";
export { WALLET_ID } from "./stack/wallets.ts";
export { inspectSockets, ipSocketsOf, type ProcessSockets, targetOf } from "./zone/kernel-sockets.ts";
export { proveZone, type ZoneProcess, type ZoneProof } from "./zone/prove-zone.ts";
