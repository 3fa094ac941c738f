// From an address to its carrier.
import type { Carrier } from "./carrier.ts";
import type { CarrierAddress, CarrierRole, OnewayPart } from "./carrier-address.ts";
import { ethernetCarrier } from "./ethernet.ts";
import { fifoReader, fifoWriter } from "./fifo.ts";
import { onewayCarrier } from "./oneway.ts";
import { serialCarrier } from "./serial.ts";
import { unixConnector } from "./unix-connector.ts";
import { unixListener } from "./unix-listener.ts";
import { vsockConnector, vsockListener } from "./vsock.ts";

/** Of one-way Unix sockets the reading end listens, whatever its role. Throws for `vsock:any` at the connecting end; whatever else is wrong with the medium is reported once it is opened. */
export function openCarrier(address: CarrierAddress, role: CarrierRole): Carrier {
  switch (address.kind) {
    case "unix":
      return role === "listen" ? unixListener(address.path) : unixConnector(address.path);
    case "serial":
      return serialCarrier(address);
    case "ethernet":
      return ethernetCarrier(address);
    case "vsock":
      return role === "listen" ? vsockListener(address) : vsockConnector(address);
    case "oneway":
      return onewayCarrier(openPart(address.in, "in"), openPart(address.out, "out"));
    default:
      return address satisfies never;
  }
}

function openPart(part: OnewayPart, way: "in" | "out"): Carrier {
  if (part.kind === "fifo") return way === "in" ? fifoReader(part.path) : fifoWriter(part.path);
  return openCarrier(part, way === "in" ? "listen" : "connect");
}
