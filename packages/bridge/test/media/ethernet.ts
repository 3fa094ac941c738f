// A cable between two network namespaces as a medium for carriers.
import { closeSync, writeSync } from "node:fs";
import { ethernetCarrier } from "../../src/ethernet.ts";
import { encodePacket } from "../../src/ethernet-packet.ts";
import { openEthernetSocket } from "../../src/ethernet-socket.ts";
import { type Libc, loadLibc } from "../../src/libc.ts";
import type { MediumKind } from "./medium.ts";
import { type Cable, layCable, type Side } from "./veth.ts";

const STRANGER = "02:00:00:00:00:99";

async function unavailable(): Promise<string | undefined> {
  try {
    await loadLibc();
    const cable = layCable();
    try {
      closeSync(cable.openSocket("left")(await loadLibc(), "left").descriptor);
    } finally {
      cable.end();
    }
    return undefined;
  } catch (error) {
    return `raw Ethernet cannot be tried: it takes root, CAP_NET_ADMIN, CAP_NET_RAW and the program ip (${String(error)})`;
  }
}

/** Both ends are told the other's address. */
export const ethernet: MediumKind = {
  name: "raw Ethernet",
  peerGone: "left to the link",
  unavailable,
  open: async () => {
    const cable = layCable();
    const libc = await loadLibc();
    const addresses = { left: addressOf(libc, cable, "left"), right: addressOf(libc, cable, "right") };
    const open = (side: Side, peer: string) =>
      ethernetCarrier({ interface: side, peer, openSocket: cable.openSocket(side) });
    return {
      left: () => open("left", addresses.right),
      right: () => open("right", addresses.left),
      third: {
        come: () => sendAsStranger(libc, cable, addresses.left),
        reportedBy: "left",
        line: "turned away",
      },
      failures: [
        { what: "no interface", carrier: () => ethernetCarrier({ interface: "nowhere0" }), code: "ENODEV" },
        {
          what: "an interface that is down",
          carrier: () =>
            ethernetCarrier({
              interface: "lo",
              openSocket: (own) => cable.inside("left", () => openEthernetSocket(own, "lo")),
            }),
          code: "ENETDOWN",
        },
        {
          what: "an interface that is not Ethernet",
          carrier: () => ethernetCarrier({ interface: "lo" }),
          code: "INTERFACE_NOT_ETHERNET",
        },
      ],
      end: async () => cable.end(),
    };
  },
};

/** Neither end is told: each learns the other's address from what it hears. */
export const learningEthernet: MediumKind = {
  name: "raw Ethernet whose ends learn the peer",
  peerGone: "left to the link",
  unavailable,
  open: async () => {
    const cable = layCable();
    const libc = await loadLibc();
    const open = (side: Side) => ethernetCarrier({ interface: side, openSocket: cable.openSocket(side) });
    return {
      left: () => open("left"),
      right: () => open("right"),
      third: {
        come: () => sendAsStranger(libc, cable, addressOf(libc, cable, "left")),
        reportedBy: "left",
        line: "turned away",
      },
      failures: [],
      end: async () => cable.end(),
    };
  },
};

function addressOf(libc: Libc, cable: Cable, side: Side): string {
  const { descriptor, address } = cable.openSocket(side)(libc, side);
  closeSync(descriptor);
  return address;
}

function sendAsStranger(libc: Libc, cable: Cable, destination: string): undefined {
  const { descriptor } = cable.openSocket("right")(libc, "right");
  writeSync(descriptor, encodePacket({ source: STRANGER, destination, payload: Buffer.from("let me in") }));
  closeSync(descriptor);
}
