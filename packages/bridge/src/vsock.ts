// The carrier between a virtual machine and its host: vsock(7).
import type { Carrier } from "./carrier.ts";
import { type NativeAddress, nativeConnector, nativeListener } from "./native-socket.ts";

const AF_VSOCK = 40;
const ANY_CID = 0xffff_ffff;

export interface VsockOptions {
  /** The peer's context id: 2 is the host. "any" is for the listening end only. */
  readonly cid: number | "any";
  readonly port: number;
}

/** Throws a `RangeError` for "any": nobody can connect to just anybody. */
export function vsockConnector({ cid, port }: VsockOptions): Carrier {
  if (cid === "any") throw new RangeError("the connecting end of a vsock names its peer's context id");
  return nativeConnector(vsockAddress(cid, port));
}

/** Listens on the port for the peer with that context id; others are turned away. */
export function vsockListener({ cid, port }: VsockOptions): Carrier {
  const mayConnect = (peer: Buffer): boolean => cid === "any" || cidOf(peer) === cid;
  return nativeListener(vsockAddress(ANY_CID, port), mayConnect);
}

/** struct sockaddr_vm: family, a reserved word, port, context id, four zeros, all in the machine's order. */
export function vsockAddress(cid: number, port: number): NativeAddress {
  const head = Uint16Array.of(AF_VSOCK, 0);
  const tail = Uint32Array.of(port, cid, 0);
  return { family: AF_VSOCK, bytes: Buffer.concat([Buffer.from(head.buffer), Buffer.from(tail.buffer)]) };
}

export function cidOf(address: Buffer): number | undefined {
  return new Uint32Array(Uint8Array.from(address.subarray(8, 12)).buffer)[0];
}
