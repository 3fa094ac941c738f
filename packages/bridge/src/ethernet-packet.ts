// What the Ethernet carrier puts into one packet, and how it takes one apart. Pure.

/**
 * IEEE Std 802: EtherType for local experiments, whose payload begins with a subtype and a version of the
 * experimenter's choice. No driver or router takes it for IP.
 */
export const ETHER_TYPE = 0x88b5;
/** "SL". */
const SUBTYPE = 0x534c;
const VERSION = 1;

const ADDRESS_BYTES = 6;
const ETHERNET_HEADER_BYTES = 2 * ADDRESS_BYTES + 2;
/** Subtype, version, a zero, length: short packets are padded to 60 bytes on the wire, so the length is stated. */
const OWN_HEADER_BYTES = 6;

export const BROADCAST = "ff:ff:ff:ff:ff:ff";

export interface Packet {
  readonly source: string;
  readonly destination: string;
  /** A view into the packet's bytes. */
  readonly payload: Uint8Array;
}

/** How much of the carrier's bytes fits into one packet of an interface with this MTU. */
export function payloadBytes(mtu: number): number {
  return mtu - OWN_HEADER_BYTES;
}

/** The longest packet with its Ethernet header; a checksum is the card's affair. */
export function packetBytes(mtu: number): number {
  return ETHERNET_HEADER_BYTES + mtu;
}

export function encodePacket({ source, destination, payload }: Packet): Buffer {
  const packet = Buffer.alloc(ETHERNET_HEADER_BYTES + OWN_HEADER_BYTES + payload.length);
  packet.write(destination.replaceAll(":", ""), 0, "hex");
  packet.write(source.replaceAll(":", ""), ADDRESS_BYTES, "hex");
  packet.writeUInt16BE(ETHER_TYPE, 2 * ADDRESS_BYTES);
  packet.writeUInt16BE(SUBTYPE, ETHERNET_HEADER_BYTES);
  packet.writeUInt8(VERSION, ETHERNET_HEADER_BYTES + 2);
  packet.writeUInt16BE(payload.length, ETHERNET_HEADER_BYTES + 4);
  packet.set(payload, ETHERNET_HEADER_BYTES + OWN_HEADER_BYTES);
  return packet;
}

/** Undefined for whatever is no packet of this protocol and version. Never throws. */
export function parsePacket(packet: Buffer): Packet | undefined {
  const from = ETHERNET_HEADER_BYTES + OWN_HEADER_BYTES;
  if (packet.length < from) return undefined;
  const isOurs =
    packet.readUInt16BE(2 * ADDRESS_BYTES) === ETHER_TYPE &&
    packet.readUInt16BE(ETHERNET_HEADER_BYTES) === SUBTYPE &&
    packet.readUInt8(ETHERNET_HEADER_BYTES + 2) === VERSION &&
    packet.readUInt8(ETHERNET_HEADER_BYTES + 3) === 0;
  const length = packet.readUInt16BE(ETHERNET_HEADER_BYTES + 4);
  if (!isOurs || length > packet.length - from) return undefined;
  return {
    destination: addressText(packet.subarray(0, ADDRESS_BYTES)),
    source: addressText(packet.subarray(ADDRESS_BYTES, 2 * ADDRESS_BYTES)),
    payload: packet.subarray(from, from + length),
  };
}

/** As people write it: 02:00:5e:10:00:00. */
export function addressText(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
