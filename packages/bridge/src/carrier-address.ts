// How settings name a carrier: one text for each kind, read with faults that a person can act on. Pure.

export type CarrierAddress = TwoWayAddress | OnewayAddress;

export type TwoWayAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "serial"; readonly path: string; readonly baud: number; readonly flow: "none" | "hardware" }
  | { readonly kind: "ethernet"; readonly interface: string; readonly peer?: string }
  | { readonly kind: "vsock"; readonly cid: number | "any"; readonly port: number };

export type OnewayAddress = { readonly kind: "oneway"; readonly in: OnewayPart; readonly out: OnewayPart };

export type OnewayPart =
  | Exclude<TwoWayAddress, { readonly kind: "vsock" }>
  | { readonly kind: "fifo"; readonly path: string };

export type ParsedAddress =
  | { readonly ok: true; readonly value: CarrierAddress }
  /** What such a text has to be; does not repeat what it is. */
  | { readonly ok: false; readonly rule: string };

/** Which end of a line somebody is. Where both ends are alike it makes no difference. */
export type CarrierRole = "listen" | "connect";

const DEFAULT_BAUD = 115_200;
const LARGEST_BAUD = 20_000_000;
/** sun_path is 108 bytes with its final zero (unix(7)). */
const SOCKET_PATH_BYTES = 107;
const FORMS =
  "is unix:/path, serial:/path?baud=115200&flow=none, ethernet:interface?peer=02:00:00:00:00:01, vsock:cid:port, or oneway:in=…,out=… of unix, serial, ethernet or fifo:/path";

/**
 * unix:/run/vault.sock · serial:/dev/ttyS0?baud=921600&flow=hardware · ethernet:eth1?peer=02:00:5e:10:00:01 ·
 * vsock:2:5000 (the peer's context id, or `any` where this end listens) ·
 * oneway:in=fifo:/run/a,out=serial:/dev/ttyS1?baud=115200
 */
export function parseCarrierAddress(text: string): ParsedAddress {
  const read = text.startsWith("oneway:") ? readOneway(text.slice("oneway:".length)) : readPart(text);
  if (typeof read === "string") return { ok: false, rule: read };
  if (read.kind === "fifo") return { ok: false, rule: "fifo goes one way only: it is for oneway:in=…,out=…" };
  return { ok: true, value: read };
}

/** As `parseCarrierAddress`, for that end of the line. */
export function carrierAddressFor(role: CarrierRole): (text: string) => ParsedAddress {
  return (text) => {
    const parsed = parseCarrierAddress(text);
    const isAny = parsed.ok && parsed.value.kind === "vsock" && parsed.value.cid === "any";
    return isAny && role === "connect" ? { ok: false, rule: "names the peer's context id: this end connects" } : parsed;
  };
}

/** Where the two ends meet unless a setting says otherwise: a Unix socket named after the one that connects. */
export function defaultCarrier(connecting: string): CarrierAddress {
  return { kind: "unix", path: `/run/sluice/${connecting}.sock` };
}

/** The same address as text: what `parseCarrierAddress` reads back. */
export function carrierAddressText(address: CarrierAddress | OnewayPart): string {
  switch (address.kind) {
    case "unix":
    case "fifo":
      return `${address.kind}:${address.path}`;
    case "serial":
      return `serial:${address.path}?baud=${address.baud}&flow=${address.flow}`;
    case "ethernet":
      return `ethernet:${address.interface}${address.peer === undefined ? "" : `?peer=${address.peer}`}`;
    case "vsock":
      return `vsock:${address.cid}:${address.port}`;
    case "oneway":
      return `oneway:in=${carrierAddressText(address.in)},out=${carrierAddressText(address.out)}`;
    default:
      return address satisfies never;
  }
}

/** The network interfaces that a process needs for its carriers. */
export function interfacesOf(address: CarrierAddress): readonly string[] {
  const parts = address.kind === "oneway" ? [address.in, address.out] : [address];
  return parts.flatMap((part) => (part.kind === "ethernet" ? [part.interface] : []));
}

function readOneway(text: string): OnewayAddress | string {
  const [, inText = "", outText = ""] = /^in=([^,]*),out=([^,]*)$/.exec(text) ?? [];
  if (inText === "" || outText === "") return "oneway has the form oneway:in=…,out=…";
  const [inward, outward] = [readPart(inText), readPart(outText)];
  if (typeof inward === "string") return `in: ${inward}`;
  if (typeof outward === "string") return `out: ${outward}`;
  if (inward.kind === "vsock" || outward.kind === "vsock")
    return "vsock goes both ways by itself: it cannot be a oneway part";
  if (carrierAddressText(inward) === carrierAddressText(outward)) return "in and out are two different lines";
  return { kind: "oneway", in: inward, out: outward };
}

/** A text in place of an address is the rule that was broken. */
function readPart(text: string): TwoWayAddress | Extract<OnewayPart, { readonly kind: "fifo" }> | string {
  const [, kind = "", place = "", , query = ""] = /^([a-z]+):([^?]*)(\?(.*))?$/s.exec(text) ?? [];
  const options = readOptions(query);
  if (options === undefined) return "options have the form ?name=value&name=value, none twice";
  const stranger = (known: readonly string[]): string | undefined => {
    const names = [...options.keys()].filter((name) => !known.includes(name));
    if (names.length === 0) return undefined;
    return known.length === 0 ? `${kind} has no options` : `${kind} has no other options than ${known.join(" and ")}`;
  };
  switch (kind) {
    case "unix":
    case "fifo":
      return stranger([]) ?? readPath(kind, place);
    case "serial":
      return stranger(["baud", "flow"]) ?? readSerial(place, options);
    case "ethernet":
      return stranger(["peer"]) ?? readEthernet(place, options.get("peer"));
    case "vsock":
      return stranger([]) ?? readVsock(place);
    default:
      return FORMS;
  }
}

function readOptions(query: string): ReadonlyMap<string, string> | undefined {
  const options = new Map<string, string>();
  for (const part of query === "" ? [] : query.split("&")) {
    const [, name, value] = /^([a-z]+)=([^=]+)$/.exec(part) ?? [];
    if (name === undefined || value === undefined || options.has(name)) return undefined;
    options.set(name, value);
  }
  return options;
}

/** Neither a blank nor what separates the parts of an address, so that a path never has to be escaped. */
const PATH = /^\/[^\s,?\p{Cc}]+$/u;
const PATH_RULE = "an absolute path without blanks, commas and question marks";

function readPath(kind: "unix" | "fifo", path: string) {
  if (!PATH.test(path)) return `${kind} names ${PATH_RULE}`;
  if (kind === "unix" && new TextEncoder().encode(path).length > SOCKET_PATH_BYTES)
    return `unix names a path of at most ${SOCKET_PATH_BYTES} bytes`;
  return { kind, path } as const;
}

function readSerial(path: string, options: ReadonlyMap<string, string>): TwoWayAddress | string {
  if (!PATH.test(path)) return `serial names ${PATH_RULE}`;
  const baud = readWhole(options.get("baud") ?? String(DEFAULT_BAUD), LARGEST_BAUD);
  if (baud === undefined || baud < 50) return `baud is a whole number from 50 to ${LARGEST_BAUD}`;
  const flow = options.get("flow") ?? "none";
  if (flow !== "none" && flow !== "hardware") return "flow is none or hardware";
  return { kind: "serial", path, baud, flow };
}

function readEthernet(name: string, peer: string | undefined): TwoWayAddress | string {
  // IFNAMSIZ is 16 with its final zero; dots alone, slashes, colons and blanks the kernel itself refuses.
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(name) || /^\.{1,2}$/.test(name))
    return "ethernet names an interface: 1 to 15 of letters, digits, dot, hyphen and underscore";
  if (peer === undefined) return { kind: "ethernet", interface: name };
  const isOneMachine = /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/.test(peer) && peer !== "00:00:00:00:00:00";
  if (!isOneMachine) return "peer is the hardware address of one machine, such as 02:00:00:00:00:01, in lower case";
  return { kind: "ethernet", interface: name, peer };
}

function readVsock(place: string): TwoWayAddress | string {
  const [, cidText = "", portText = ""] = /^([^:]*):([^:]*)$/.exec(place) ?? [];
  const cid = cidText === "any" ? "any" : readWhole(cidText, 0xffff_fffe);
  const port = readWhole(portText, 0xffff_fffe);
  if (cid === undefined || cid === 0 || port === undefined)
    return "vsock has the form vsock:cid:port: the peer's context id (or any, where this end listens) and a port";
  return { kind: "vsock", cid, port };
}

function readWhole(text: string, most: number): number | undefined {
  if (!/^(0|[1-9][0-9]{0,9})$/.test(text)) return undefined;
  const value = Number(text);
  return value <= most ? value : undefined;
}
