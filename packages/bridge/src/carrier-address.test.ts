// Addresses of carriers: every form, every fault with its words, and properties over generated texts.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type CarrierAddress,
  carrierAddressFor,
  carrierAddressText,
  interfacesOf,
  parseCarrierAddress,
} from "./carrier-address.ts";
import { openCarrier } from "./open-carrier.ts";

describe("an address", () => {
  test.each<[string, CarrierAddress]>([
    ["unix:/run/vault.sock", { kind: "unix", path: "/run/vault.sock" }],
    ["serial:/dev/ttyS0", { kind: "serial", path: "/dev/ttyS0", baud: 115_200, flow: "none" }],
    [
      "serial:/dev/ttyS0?flow=hardware&baud=921600",
      { kind: "serial", path: "/dev/ttyS0", baud: 921_600, flow: "hardware" },
    ],
    ["ethernet:eth1", { kind: "ethernet", interface: "eth1" }],
    ["ethernet:eth1?peer=02:00:5e:10:00:01", { kind: "ethernet", interface: "eth1", peer: "02:00:5e:10:00:01" }],
    ["vsock:2:5000", { kind: "vsock", cid: 2, port: 5_000 }],
    ["vsock:any:5000", { kind: "vsock", cid: "any", port: 5_000 }],
    [
      "oneway:in=fifo:/run/in,out=serial:/dev/ttyS1?baud=9600",
      {
        kind: "oneway",
        in: { kind: "fifo", path: "/run/in" },
        out: { kind: "serial", path: "/dev/ttyS1", baud: 9_600, flow: "none" },
      },
    ],
  ])("%s", (text, address) => {
    expect(parseCarrierAddress(text)).toEqual({ ok: true, value: address });
  });

  test.each<[string, RegExp]>([
    ["", /^is unix:/],
    ["/run/vault.sock", /^is unix:/],
    ["tcp:127.0.0.1:80", /^is unix:/],
    ["UNIX:/a", /^is unix:/],
    ["unix:relative.sock", /absolute path/],
    ["unix:/a b", /without blanks/],
    ["unix:/a,b", /without blanks, commas/],
    ["unix:/a\0b", /absolute path/],
    [`unix:/${"x".repeat(107)}`, /at most 107 bytes/],
    ["unix:/a?mode=0600", /unix has no options/],
    ["fifo:/run/in", /one way only/],
    ["serial:ttyS0", /absolute path/],
    ["serial:/dev/ttyS0?baud=0", /baud is a whole number/],
    ["serial:/dev/ttyS0?baud=09600", /baud is a whole number/],
    ["serial:/dev/ttyS0?baud=20000001", /baud is a whole number/],
    ["serial:/dev/ttyS0?flow=software", /flow is none or hardware/],
    ["serial:/dev/ttyS0?baud=9600&baud=9600", /none twice/],
    ["serial:/dev/ttyS0?baud", /options have the form/],
    ["serial:/dev/ttyS0?parity=even", /no other options than baud and flow/],
    ["ethernet:", /names an interface/],
    ["ethernet:..", /names an interface/],
    ["ethernet:eth1/../x", /names an interface/],
    [`ethernet:${"e".repeat(16)}`, /1 to 15/],
    ["ethernet:eth1?peer=ff:ff:ff:ff:ff:ff", /one machine/],
    ["ethernet:eth1?peer=01:00:5e:00:00:01", /one machine/],
    ["ethernet:eth1?peer=00:00:00:00:00:00", /one machine/],
    ["ethernet:eth1?peer=02:00:5E:10:00:01", /lower case/],
    ["vsock:5000", /vsock:cid:port/],
    ["vsock:0:5000", /vsock:cid:port/],
    ["vsock:2:4294967295", /vsock:cid:port/],
    ["oneway:in=fifo:/a", /in=…,out=…/],
    ["oneway:out=fifo:/a,in=fifo:/b", /in=…,out=…/],
    ["oneway:in=fifo:/a,out=fifo:/b,in=fifo:/c", /in=…,out=…/],
    ["oneway:in=fifo:a,out=fifo:/b", /^in: fifo names/],
    ["oneway:in=fifo:/a,out=tcp:/b", /^out: is unix/],
    ["oneway:in=fifo:/a,out=fifo:/a", /two different lines/],
    ["oneway:in=vsock:2:1,out=fifo:/a", /vsock goes both ways/],
    ["oneway:in=oneway:in=fifo:/a,out=fifo:/b,out=fifo:/c", /in=…,out=…/],
  ])("%j is refused", (text, rule) => {
    expect(parseCarrierAddress(text)).toEqual({ ok: false, rule: expect.stringMatching(rule) });
  });

  test("tells which network interfaces it needs", () => {
    const of = (text: string) => {
      const parsed = parseCarrierAddress(text);
      return parsed.ok ? interfacesOf(parsed.value) : parsed.rule;
    };
    expect(of("unix:/a")).toEqual([]);
    expect(of("ethernet:eth1")).toEqual(["eth1"]);
    expect(of("oneway:in=ethernet:eth1,out=ethernet:eth2")).toEqual(["eth1", "eth2"]);
  });

  test("nobody can connect to just any machine", () => {
    expect(carrierAddressFor("connect")("vsock:any:1")).toMatchObject({ ok: false });
    expect(carrierAddressFor("listen")("vsock:any:1")).toMatchObject({ ok: true });
    expect(carrierAddressFor("connect")("vsock:2:1")).toMatchObject({ ok: true });
    expect(() => openCarrier({ kind: "vsock", cid: "any", port: 1 }, "connect")).toThrow(RangeError);
  });
});

describe("for every address", () => {
  const path = fc.stringMatching(/^\/[A-Za-z0-9._/=&:%#@é-]{1,40}$/);
  const hex = fc.integer({ min: 0, max: 255 }).map((byte) => byte.toString(16).padStart(2, "0"));
  const peer = fc
    .tuple(fc.integer({ min: 1, max: 127 }), fc.array(hex, { minLength: 5, maxLength: 5 }))
    .map(([first, rest]) => [(first * 2).toString(16).padStart(2, "0"), ...rest].join(":"));
  const unix = fc.record({ kind: fc.constant("unix" as const), path });
  const fifo = fc.record({ kind: fc.constant("fifo" as const), path });
  const serial = fc.record({
    kind: fc.constant("serial" as const),
    path,
    baud: fc.integer({ min: 50, max: 20_000_000 }),
    flow: fc.constantFrom("none" as const, "hardware" as const),
  });
  const name = fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,14}$/);
  const ethernet = fc.oneof(
    fc.record({ kind: fc.constant("ethernet" as const), interface: name }),
    fc.record({ kind: fc.constant("ethernet" as const), interface: name, peer }),
  );
  const vsock = fc.record({
    kind: fc.constant("vsock" as const),
    cid: fc.oneof(fc.constant("any" as const), fc.integer({ min: 1, max: 0xffff_fffe })),
    port: fc.integer({ min: 0, max: 0xffff_fffe }),
  });
  const part = fc.oneof(unix, fifo, serial, ethernet);
  const oneway = fc
    .record({ kind: fc.constant("oneway" as const), in: part, out: part })
    .filter((pair) => carrierAddressText(pair.in) !== carrierAddressText(pair.out));
  const address = fc.oneof(unix, serial, ethernet, vsock, oneway);

  test("its text is read back as the same", () => {
    fc.assert(
      fc.property(address, (given) => {
        expect(parseCarrierAddress(carrierAddressText(given))).toEqual({ ok: true, value: given });
      }),
      { numRuns: 2_000 },
    );
  });

  test("no text makes the parser throw, and what it takes it writes and reads alike", () => {
    const scrap = fc.oneof(
      fc.string(),
      fc
        .array(
          fc.constantFrom("unix:", "serial:", "oneway:", "in=", ",out=", "fifo:", "/a", "?", "baud=", "9600", "&", ":"),
        )
        .map((parts) => parts.join("")),
      fc
        .tuple(address.map(carrierAddressText), fc.nat(200), fc.string({ maxLength: 2 }))
        .map(([text, at, inserted]) => text.slice(0, at) + inserted + text.slice(at + 1)),
    );
    let [taken, refused] = [0, 0];
    fc.assert(
      fc.property(scrap, (text) => {
        const parsed = parseCarrierAddress(text);
        if (!parsed.ok) {
          refused++;
          expect(parsed.rule).not.toBe("");
          return;
        }
        taken++;
        expect(parseCarrierAddress(carrierAddressText(parsed.value))).toEqual(parsed);
      }),
      { numRuns: 5_000 },
    );
    process.stdout.write(`carrier addresses: ${taken} altered texts taken, ${refused} refused\n`);
    expect(taken).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  });
});
