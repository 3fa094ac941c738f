// Which IP addresses are the public internet. Everything else is somebody's inside: this machine, its network, its cloud.

/** An address range: so many leading bits of 4 or 16 bytes. */
export type Network = { readonly bytes: readonly number[]; readonly bits: number };

/**
 * Why nothing is posted to this address, in a word; null when it may be. Whatever does not read as an address is refused
 * as well. `allowed` are ranges that are not refused, whatever they are: for endpoints that are inside on purpose.
 */
export function refusedAs(address: string, allowed: readonly Network[] = []): string | null {
  const written = parseAddress(address);
  if (written === null) return "no address";
  const bytes = withoutMapping(written);
  if (allowed.some((network) => contains(network, bytes))) return null;
  const found = REFUSED.find(({ network }) => contains(network, bytes));
  if (found !== undefined) return found.as;
  // Of IPv6 only 2000::/3 has ever been given out (IANA, "IPv6 Address Space"): the rest is refused before anybody uses it.
  return bytes.length === 16 && !contains(GLOBAL_UNICAST, bytes) ? "no global unicast" : null;
}

/** `10.0.0.0/8` or `fd00::/8`; a bare address is one address. Null when it is neither, or has bits beyond its length. */
export function parseNetwork(text: string): Network | null {
  const [, address = "", given] = /^([^/]+)(?:\/(0|[1-9][0-9]{0,2}))?$/.exec(text) ?? [];
  const bytes = parseAddress(address);
  if (bytes === null) return null;
  const bits = given === undefined ? bytes.length * 8 : Number(given);
  if (bits > bytes.length * 8) return null;
  const network = { bytes, bits };
  return bytes.every((byte, at) => (byte & ~maskAt(at, bits)) === 0) ? network : null;
}

/** From IANA's registries of special-purpose addresses (RFC 6890 and its updates), and clouds' own services. */
const TABLE: readonly (readonly [string, string])[] = [
  ["0.0.0.0/8", "this network"],
  ["10.0.0.0/8", "private"],
  ["100.64.0.0/10", "shared with the carrier"],
  ["127.0.0.0/8", "loopback"],
  ["168.63.129.16", "a cloud's own"],
  ["169.254.0.0/16", "link-local"],
  ["172.16.0.0/12", "private"],
  ["192.0.0.0/24", "protocol assignments"],
  ["192.0.2.0/24", "documentation"],
  ["192.31.196.0/24", "AS112"],
  ["192.52.193.0/24", "AMT"],
  ["192.88.99.0/24", "6to4 relay"],
  ["192.168.0.0/16", "private"],
  ["192.175.48.0/24", "AS112"],
  ["198.18.0.0/15", "benchmarking"],
  ["198.51.100.0/24", "documentation"],
  ["203.0.113.0/24", "documentation"],
  ["224.0.0.0/4", "multicast"],
  ["240.0.0.0/4", "reserved"],
  // These carry an IPv4 address that somebody on the way takes out again.
  ["64:ff9b::/96", "translated to IPv4"],
  ["64:ff9b:1::/48", "translated to IPv4"],
  ["2002::/16", "6to4"],
  ["::/128", "unspecified"],
  ["::1/128", "loopback"],
  ["2001::/23", "protocol assignments"],
  ["2001:db8::/32", "documentation"],
  ["2620:4f:8000::/48", "AS112"],
  ["3fff::/20", "documentation"],
  ["fc00::/7", "private"],
  ["fe80::/10", "link-local"],
  ["fec0::/10", "private"],
  ["ff00::/8", "multicast"],
];

const REFUSED = TABLE.map(([text, as]) => ({ network: known(text), as }));
const GLOBAL_UNICAST = known("2000::/3");

function known(text: string): Network {
  const network = parseNetwork(text);
  if (network === null) throw new Error(`${text} is no network`);
  return network;
}

function contains({ bytes, bits }: Network, address: readonly number[]): boolean {
  if (bytes.length !== address.length) return false;
  return address.every((byte, at) => ((byte ^ (bytes[at] ?? 0)) & maskAt(at, bits)) === 0);
}

function maskAt(at: number, bits: number): number {
  const inByte = Math.min(8, Math.max(0, bits - at * 8));
  return (0xff << (8 - inByte)) & 0xff;
}

/** ::ffff:a.b.c.d is a.b.c.d to the socket. The older ::a.b.c.d is outside of what was ever given out, and refused. */
function withoutMapping(bytes: readonly number[]): readonly number[] {
  if (bytes.length !== 16) return bytes;
  const [head, marker, tail] = [bytes.slice(0, 10), bytes.slice(10, 12), bytes.slice(12)];
  if (head.some((byte) => byte !== 0)) return bytes;
  return marker.every((byte) => byte === 0xff) ? tail : bytes;
}

/** One spelling only of IPv4: four decimal numbers. Others are a resolver's business, whose answer is looked at again. */
function parseAddress(text: string): readonly number[] | null {
  return parseV4(text) ?? parseV6(text);
}

function parseV4(text: string): readonly number[] | null {
  if (!/^(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}$/.test(text)) return null;
  const bytes = text.split(".").map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : null;
}

/** RFC 4291, 2.2. A zone ("%eth0") belongs to link-local addresses alone and is refused with them. */
function parseV6(text: string): readonly number[] | null {
  const halves = text.split("::");
  if (!text.includes(":") || halves.length > 2) return null;
  const [head, tail] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const left = groupsOf(head ?? [], tail === undefined);
  const right = groupsOf(tail ?? [], true);
  if (left === null || right === null) return null;
  const missing = 16 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 2) return null;
  return [...left, ...Array<number>(missing).fill(0), ...right];
}

function groupsOf(groups: readonly string[], mayEndInV4: boolean): readonly number[] | null {
  const bytes: number[] = [];
  for (const [at, group] of groups.entries()) {
    const v4 = mayEndInV4 && at === groups.length - 1 ? parseV4(group) : null;
    if (v4 !== null) bytes.push(...v4);
    else if (/^[0-9A-Fa-f]{1,4}$/.test(group))
      bytes.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255);
    else return null;
  }
  return bytes;
}
