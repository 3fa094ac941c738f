// Every medium that carriers are tried on, for the tests and the benchmark.
import { ethernet, learningEthernet } from "./ethernet.ts";
import type { MediumKind } from "./medium.ts";
import { onewaySerialLines, serialLine } from "./serial-line.ts";
import { namedPipes, nativeSocket, onewaySockets, unixSocket, vsock } from "./stream-media.ts";

export type { Medium, MediumKind } from "./medium.ts";
export { joinPtys } from "./pty.ts";
export { layCable } from "./veth.ts";

export const MEDIA: readonly MediumKind[] = [
  unixSocket,
  serialLine,
  ethernet,
  learningEthernet,
  vsock,
  nativeSocket,
  onewaySockets,
  namedPipes,
  onewaySerialLines,
];
