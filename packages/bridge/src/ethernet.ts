// The carrier over raw Ethernet: packets of an own EtherType on one interface, without any IP.
import { writeSync } from "node:fs";
import type { Socket } from "node:net";
import type { Carrier } from "./carrier.ts";
import { codeOf } from "./carrier-error.ts";
import { BROADCAST, encodePacket, packetBytes, parsePacket, payloadBytes } from "./ethernet-packet.ts";
import { type EthernetSocket, openEthernetSocket } from "./ethernet-socket.ts";
import { type Libc, loadLibc } from "./libc.ts";
import { type Line, type LineEvents, retryingCarrier } from "./retrying-carrier.ts";

export interface EthernetOptions {
  readonly interface: string;
  /**
   * The peer's hardware address, in lower case. Without it packets go to everybody until one comes; from then on the
   * line is with its sender, until the connection ends.
   */
  readonly peer?: string;
  /** How to open the socket; a test opens it in another network namespace. */
  readonly openSocket?: (libc: Libc, name: string) => EthernetSocket;
}

/** How much goes out in one turn of the event loop; the other end may be the same machine and must get its turn too. */
const BYTES_A_TURN = 65_536;
/** What the card cannot take now is offered again after this long. */
const FULL_WAIT_MS = 1;
/** The packet is lost, as on any line; the socket goes on. */
const LOST: readonly string[] = ["ENOBUFS", "ENETDOWN", "ENXIO"];

/**
 * Both ends are alike, and connected as soon as the interface is up: that nobody answers is for the link to notice.
 * Packets that another address sends are dropped and reported as turned away, once a connection.
 */
export function ethernetCarrier(options: EthernetOptions): Carrier {
  const { openSocket = openEthernetSocket } = options;
  return retryingCarrier(async () => {
    const libc = await loadLibc();
    return new EthernetLine(libc, openSocket(libc, options.interface), options.peer);
  });
}

class EthernetLine implements Line {
  readonly #own: EthernetSocket;
  readonly #socket: Socket;
  readonly #descriptor: number;
  #peer: string;
  #events: LineEvents | undefined;
  #hasTurnedAway = false;
  /** Packets that wait for the next turn, or for the card. */
  #waiting: Buffer[] = [];
  #sentThisTurn = 0;
  #turn: NodeJS.Immediate | NodeJS.Timeout | undefined;
  #drainOwed = false;

  constructor(libc: Libc, own: EthernetSocket, peer: string | undefined) {
    this.#own = own;
    this.#peer = peer ?? BROADCAST;
    // A packet fills the buffer only when it is as long as the interface allows, and then the next is read at once.
    const buffer = Buffer.alloc(packetBytes(own.mtu));
    const callback = (length: number): boolean => {
      this.#take(buffer.subarray(0, length));
      return true;
    };
    const adopted = libc.adopt(own.descriptor, { onread: { buffer, callback } });
    this.#socket = adopted.socket;
    this.#descriptor = adopted.descriptor;
    this.#socket.on("error", () => {});
  }

  start(events: LineEvents): void {
    this.#events = events;
    this.#socket.on("close", () => {
      this.#waiting = [];
      events.onClose();
    });
  }

  write(bytes: Uint8Array): boolean {
    const room = payloadBytes(this.#own.mtu);
    for (let from = 0; from < bytes.length; from += room) {
      const payload = bytes.subarray(from, from + room);
      this.#waiting.push(encodePacket({ source: this.#own.address, destination: this.#peer, payload }));
    }
    this.#send();
    this.#drainOwed = this.#isFull();
    return !this.#drainOwed;
  }

  close(): void {
    this.#socket.destroy();
  }

  #isFull(): boolean {
    return this.#waiting.length > 0 || this.#sentThisTurn >= BYTES_A_TURN;
  }

  /** Sends what this turn has room for and the card takes; the next turn goes on. */
  #send(): void {
    let cardTakesIt = true;
    while (cardTakesIt && this.#sentThisTurn < BYTES_A_TURN) {
      const [packet] = this.#waiting;
      if (packet === undefined) break;
      cardTakesIt = this.#put(packet);
      if (!cardTakesIt) break;
      this.#waiting.shift();
      this.#sentThisTurn += packet.length;
    }
    const next = (): void => {
      this.#turn = undefined;
      this.#sentThisTurn = 0;
      if (this.#waiting.length > 0) this.#send();
      if (!this.#drainOwed || this.#isFull() || this.#socket.destroyed) return;
      this.#drainOwed = false;
      this.#events?.onDrain();
    };
    this.#turn ??= cardTakesIt ? setImmediate(next) : setTimeout(next, FULL_WAIT_MS);
  }

  /** False when the card cannot take it now. The descriptor does not block, so this returns at once. */
  #put(packet: Buffer): boolean {
    // The number of a closed descriptor may by now be somebody else's.
    if (this.#socket.destroyed) return true;
    try {
      writeSync(this.#descriptor, packet);
    } catch (error) {
      if (codeOf(error) === "EAGAIN") return false;
      if (!LOST.includes(codeOf(error))) this.#socket.destroy();
    }
    return true;
  }

  #take(bytes: Buffer): void {
    const packet = parsePacket(bytes);
    if (packet === undefined || packet.source === this.#own.address) return;
    if (packet.destination !== this.#own.address && packet.destination !== BROADCAST) return;
    if (this.#peer === BROADCAST && isOneMachine(packet.source)) this.#peer = packet.source;
    // The buffer is read into again, so whoever gets the bytes gets a copy.
    if (packet.source === this.#peer) this.#events?.onBytes(Uint8Array.from(packet.payload));
    else if (!this.#hasTurnedAway) {
      this.#hasTurnedAway = true;
      this.#events?.onTurnedAway();
    }
  }
}

/** An address of a group has the lowest bit of its first byte set. */
function isOneMachine(address: string): boolean {
  return (Number.parseInt(address.slice(0, 2), 16) & 1) === 0;
}
