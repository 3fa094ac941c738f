// Public or not: every range by its first and last address and its neighbours, in every spelling.
import { BlockList, isIP, SocketAddress } from "node:net";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { parseNetwork, refusedAs } from "./addresses.ts";

/** The first and last refused address of a range, and the public ones just outside where there are some. */
const RANGES: readonly (readonly [string, string, readonly string[]])[] = [
  ["0.0.0.0", "0.255.255.255", ["1.0.0.0"]],
  ["10.0.0.0", "10.255.255.255", ["9.255.255.255", "11.0.0.0"]],
  ["100.64.0.0", "100.127.255.255", ["100.63.255.255", "100.128.0.0"]],
  ["127.0.0.0", "127.255.255.255", ["126.255.255.255", "128.0.0.0"]],
  ["168.63.129.16", "168.63.129.16", ["168.63.129.15", "168.63.129.17"]],
  ["169.254.0.0", "169.254.255.255", ["169.253.255.255", "169.255.0.0"]],
  ["172.16.0.0", "172.31.255.255", ["172.15.255.255", "172.32.0.0"]],
  ["192.0.0.0", "192.0.0.255", ["191.255.255.255", "192.0.1.0"]],
  ["192.0.2.0", "192.0.2.255", ["192.0.1.255", "192.0.3.0"]],
  ["192.168.0.0", "192.168.255.255", ["192.167.255.255", "192.169.0.0"]],
  ["198.18.0.0", "198.19.255.255", ["198.17.255.255", "198.20.0.0"]],
  ["198.51.100.0", "198.51.100.255", ["198.51.99.255", "198.51.101.0"]],
  ["203.0.113.0", "203.0.113.255", ["203.0.112.255", "203.0.114.0"]],
  ["224.0.0.0", "255.255.255.255", ["223.255.255.255"]],
  ["::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ["2003::1"]],
  ["2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", ["2001:200::"]],
  ["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", ["2001:db7:ffff::", "2001:db9::"]],
  ["2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ["2003::"]],
  ["3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", ["3ffe:ffff::"]],
  ["4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ["3fff:1000::"]],
];

describe("addresses", () => {
  it.each(RANGES)("from %s to %s are refused, those beside are not", (first, last, outside) => {
    expect([refusedAs(first), refusedAs(last)]).toEqual([expect.any(String), expect.any(String)]);
    for (const address of outside) expect([address, refusedAs(address)]).toEqual([address, null]);
  });

  it.each([
    // Where clouds keep what a machine may know of itself, credentials among it.
    ["169.254.169.254", "link-local"],
    ["fd00:ec2::254", "private"],
    ["100.100.100.200", "shared with the carrier"],
    ["192.0.0.192", "protocol assignments"],
    ["::ffff:169.254.169.254", "link-local"],
    ["::ffff:a9fe:a9fe", "link-local"],
    ["0:0:0:0:0:FFFF:7F00:1", "loopback"],
    ["::ffff:10.0.0.1", "private"],
    ["64:ff9b::7f00:1", "translated to IPv4"],
    ["2002:7f00:1::", "6to4"],
    ["::127.0.0.1", "no global unicast"],
    ["fe80::1", "link-local"],
    ["fe80::1%lo", "no address"],
    // Other spellings of IPv4 are names to a resolver; here they are no addresses, which is no either.
    ...["0x7f.1", "0177.0.0.1", "127.1", "2130706433", "127.0.0.01", "1.1.1.1 ", "256.1.1.1", ""].map(
      (text) => [text, "no address"] as const,
    ),
    ...[
      ":",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7::8",
      "12345::",
      "::1.2.3",
      "1.2.3.4::",
    ].map((text) => [text, "no address"] as const),
  ] as readonly (readonly [string, string])[])("%s: %s", (address, as) => expect(refusedAs(address)).toBe(as));

  it("inside may be allowed by range, in whichever form they are written, and nothing beside it", () => {
    const allowed = ["127.0.0.0/8", "fd00::/16", "10.1.2.3"].map(
      (text) => parseNetwork(text) ?? { bytes: [], bits: 0 },
    );
    for (const address of ["127.0.0.1", "::ffff:127.9.9.9", "fd00::1", "10.1.2.3"]) {
      expect([address, refusedAs(address, allowed)]).toEqual([address, null]);
    }
    for (const address of ["126.0.0.1.1", "::1", "fd01::1", "10.1.2.2", "10.1.2.4"]) {
      expect([address, refusedAs(address, allowed)]).toEqual([address, expect.any(String)]);
    }
  });
});

test.each([
  "10.0.0.0/33",
  "10.0.0.1/8",
  "fd00::/129",
  "10.0.0.0/08",
  "10.0.0.0/",
  "/8",
  "localhost",
  "10.0.0.0/8/8",
  "fd00::1/8",
])("%s is no network", (text) => expect(parseNetwork(text)).toBeNull());

test("says of every address, in each spelling of it, what node's own block list says of it", () => {
  const inside = new BlockList();
  for (const text of ["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"]) {
    const [address = "", bits] = text.split("/");
    inside.addSubnet(address, Number(bits), "ipv4");
  }
  const ours = ["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"];
  const interesting = fc.constantFrom(0, 9, 10, 11, 15, 16, 31, 32, 63, 64, 100, 127, 128, 169, 172, 192, 254, 255);
  const byte = fc.oneof(interesting, fc.nat(255));
  let refused = 0;
  fc.assert(
    fc.property(fc.tuple(byte, byte, byte, byte), ([a, b, c, d]) => {
      const v4 = `${a}.${b}.${c}.${d}`;
      const hex = `::ffff:${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
      const isInside = inside.check(v4, "ipv4");
      if (isInside) expect(refusedAs(v4)).not.toBeNull();
      refused += isInside ? 1 : 0;
      const networks = ours.flatMap((text) => parseNetwork(text) ?? []);
      // What is refused of these alone is allowed when they are.
      if (isInside) expect(refusedAs(v4, networks)).toBeNull();
      else expect(refusedAs(v4, networks)).toBe(refusedAs(v4));
      expect([refusedAs(hex), refusedAs(`::ffff:${v4}`)]).toEqual([refusedAs(v4), refusedAs(v4)]);
    }),
    { numRuns: 2_000 },
  );
  expect(refused).toBeGreaterThan(50);
});

test("reads every IPv6 address as node does, however it is shortened, and nothing that node does not read", () => {
  const group = fc.oneof(
    fc.constant("0"),
    fc.nat(0xffff).map((value) => value.toString(16)),
  );
  fc.assert(
    fc.property(
      fc.array(group, { minLength: 8, maxLength: 8 }),
      fc.string({ unit: fc.constantFrom(..."01f:.") }),
      (groups, text) => {
        const long = groups.join(":");
        const short = new SocketAddress({ address: long, family: "ipv6" }).address;
        expect(refusedAs(short)).toBe(refusedAs(long));
        expect(parseNetwork(short)).toEqual(parseNetwork(long));
        expect(parseNetwork(long)?.bytes).toEqual(
          groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]),
        );
        expect(parseNetwork(text) !== null, text).toBe(isIP(text) !== 0);
      },
    ),
    { numRuns: 2_000 },
  );
});
