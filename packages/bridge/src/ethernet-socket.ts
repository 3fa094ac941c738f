// A packet socket on one network interface, which needs no address: what packet(7) and netdevice(7) describe.
import { closeSync } from "node:fs";
import { CarrierError } from "./carrier-error.ts";
import { addressText, ETHER_TYPE } from "./ethernet-packet.ts";
import type { Libc } from "./libc.ts";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SIOCGIFFLAGS = 0x8913;
const SIOCGIFMTU = 0x8921;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
const IFF_UP = 1;
const ARPHRD_ETHER = 1;
const NAME_BYTES = 16;
const IFREQ_BYTES = 40;
/** What the link may have under way, many times over: the kernel counts a short packet as much more than its bytes. */
const RECEIVE_BUFFER_BYTES = 4_194_304;

export interface EthernetSocket {
  readonly descriptor: number;
  /** The interface's own address. */
  readonly address: string;
  readonly mtu: number;
}

/** Throws a `CarrierError`: ENODEV, ENETDOWN, EPERM (CAP_NET_RAW is needed), INTERFACE_NOT_ETHERNET. */
export function openEthernetSocket(libc: Libc, name: string): EthernetSocket {
  // Protocol 0 hears nothing: until it is bound the socket would hear every interface.
  const descriptor = libc.socket(AF_PACKET, SOCK_RAW, 0);
  try {
    const ask = (request: number): DataView => {
      const ifreq = Buffer.alloc(IFREQ_BYTES);
      ifreq.write(name, 0, NAME_BYTES - 1);
      libc.ioctl(descriptor, request, ifreq);
      return new DataView(ifreq.buffer, ifreq.byteOffset + NAME_BYTES, IFREQ_BYTES - NAME_BYTES);
    };
    const index = ask(SIOCGIFINDEX).getInt32(0, IS_LITTLE_ENDIAN);
    if ((ask(SIOCGIFFLAGS).getInt16(0, IS_LITTLE_ENDIAN) & IFF_UP) === 0)
      throw new CarrierError("ENETDOWN", `the interface ${name} is down`);
    const hardware = ask(SIOCGIFHWADDR);
    if (hardware.getUint16(0, IS_LITTLE_ENDIAN) !== ARPHRD_ETHER)
      throw new CarrierError("INTERFACE_NOT_ETHERNET", `the interface ${name} is not Ethernet`);
    const address = addressText(new Uint8Array(hardware.buffer, hardware.byteOffset + 2, 6));
    const mtu = ask(SIOCGIFMTU).getInt32(0, IS_LITTLE_ENDIAN);
    libc.growReceiveBuffer(descriptor, RECEIVE_BUFFER_BYTES);
    libc.bind(descriptor, linkLayerAddress(index));
    return { descriptor, address, mtu };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** struct sockaddr_ll. */
function linkLayerAddress(index: number): Buffer {
  const address = Buffer.alloc(20);
  const view = new DataView(address.buffer, address.byteOffset);
  view.setUint16(0, AF_PACKET, IS_LITTLE_ENDIAN);
  view.setUint16(2, ETHER_TYPE);
  view.setInt32(4, index, IS_LITTLE_ENDIAN);
  return address;
}

const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
