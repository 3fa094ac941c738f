// Fuzz targets for the bridge's parsers without state: what is taken is written back as the same bytes or the same value.
import { carrierAddressText, parseCarrierAddress } from "../../packages/bridge/src/carrier-address.ts";
import * as cobs from "../../packages/bridge/src/cobs.ts";
import { encodePacket, parsePacket } from "../../packages/bridge/src/ethernet-packet.ts";
import { encodeFrame, FrameDecoder, MAX_FRAME_BODY_BYTES, MAX_FRAME_BYTES } from "../../packages/bridge/src/frame.ts";
import { encodeHeader, encodeHello, LINK_HEADER_BYTES, parseLinkFrame } from "../../packages/bridge/src/link-frame.ts";
import * as messageFrame from "../../packages/bridge/src/message-frame.ts";
import { must, type Target } from "./fuzz-target.ts";

const same = (left: Uint8Array, right: Uint8Array): boolean => Buffer.compare(left, right) === 0;
const text = (content: string): Uint8Array => Buffer.from(content, "latin1");

export function frameTarget(): Target {
  const bodies = [text(""), text("a"), Buffer.alloc(300, "ab"), Buffer.alloc(2_044, 0), Buffer.alloc(600, 7)];
  return {
    name: "frame",
    share: 12_000,
    seeds: [...bodies.map(encodeFrame), Buffer.concat(bodies.map(encodeFrame)), Buffer.alloc(2_100, 9), text("\0\0\0")],
    run: (bytes) => {
      const decoder = new FrameDecoder();
      const taken: Uint8Array[] = [];
      // Cut where the input says, since a stream may be cut anywhere.
      const step = 1 + ((bytes[0] ?? 0) % 97) * 13;
      for (let at = 0; at < bytes.length; at += step)
        decoder.push(bytes.subarray(at, at + step), (body) => taken.push(Uint8Array.from(body)));
      for (const body of taken) {
        must(body.length <= MAX_FRAME_BODY_BYTES, "a body is within the maximum");
        let again: Uint8Array | undefined;
        new FrameDecoder().push(encodeFrame(body), (one) => (again = Uint8Array.from(one)));
        must(again !== undefined && same(again, body), "a body that was taken is written and read as the same");
      }
      const { good, checksumWrong, malformed, oversized } = decoder.counts();
      must(good === taken.length, "every good frame is handed on");
      if (good > 0) return "accepted";
      if (checksumWrong > 0) return "checksum wrong";
      if (oversized > 0) return "oversized";
      return malformed > 0 ? "malformed" : "incomplete";
    },
  };
}

export function cobsTarget(): Target {
  const stuffed = (plain: Uint8Array): Uint8Array => {
    const target = new Uint8Array(cobs.stuffedLengthAtMost(plain.length));
    return target.subarray(0, cobs.stuff(plain, target, 0));
  };
  return {
    name: "cobs",
    share: 12_000,
    seeds: [text(""), text("\0"), text("a\0b"), Buffer.alloc(254, 1), Buffer.alloc(255, 1), Buffer.alloc(600, 0)].map(
      stuffed,
    ),
    run: (bytes) => {
      const target = new Uint8Array(MAX_FRAME_BYTES + 8).fill(0xee);
      const length = cobs.unstuff(bytes, target.subarray(0, MAX_FRAME_BYTES));
      must(
        target.subarray(MAX_FRAME_BYTES).every((byte) => byte === 0xee),
        "nothing is written past the target",
      );
      if (length === cobs.MALFORMED) return "malformed";
      must(length <= Math.min(bytes.length, MAX_FRAME_BYTES), "plain is not longer than stuffed");
      const plain = Uint8Array.from(target.subarray(0, length));
      const again = stuffed(plain);
      must(!again.includes(0), "what is stuffed holds no zero");
      const back = cobs.unstuff(again, target.subarray(0, MAX_FRAME_BYTES));
      must(back === length && same(target.subarray(0, back), plain), "stuffing is undone");
      return "accepted";
    },
  };
}

export function linkFrameTarget(): Target {
  const names = { localName: "vault", peerName: "semi-offline-risk" };
  const message = Buffer.alloc(48, 5);
  const headed = (["data", "ack", "confirm"] as const).map((kind) => {
    const frame = Buffer.alloc(LINK_HEADER_BYTES + 40, 3);
    encodeHeader(kind, { session: 77n, number: 5, acknowledged: 2 ** 40, selective: 9 }, 40, frame);
    return frame;
  });
  return {
    name: "link frame",
    share: 14_000,
    seeds: [
      encodeHello({ ...names, step: "invitation" }),
      encodeHello({ ...names, step: "question", message }),
      encodeHello({ ...names, step: "answer", about: 99n, message }),
      ...headed,
      text("\x09\x01"),
    ],
    run: (bytes) => {
      const frame = parseLinkFrame(bytes);
      if (frame.kind === "malformed") return "malformed";
      if (frame.kind === "other-version") return frame.isHello ? "other version, hello" : "other version";
      if (frame.kind === "hello") {
        must(same(encodeHello(frame.hello), bytes), "a hello is written as it came");
        return "accepted";
      }
      const again = Buffer.alloc(LINK_HEADER_BYTES);
      encodeHeader(frame.kind, frame.header, frame.sealed.length, again);
      must(same(Buffer.concat([again, frame.sealed]), bytes), "a sealed frame is written as it came");
      must(same(frame.headerBytes, again), "the header that is checked is the header that came");
      return "accepted";
    },
  };
}

/** `parse` is another one in the test of this target. */
export function messageFrameTarget(
  parse: typeof messageFrame.parseMessageFrame = messageFrame.parseMessageFrame,
): Target {
  const priorities = ["ordinary", "urgent"] as const;
  return {
    name: "message frame",
    share: 14_000,
    seeds: priorities.flatMap((priority) => [
      messageFrame.encodeFragment(priority, { number: 1, totalBytes: 5, offset: 0, bytes: text("hello") }),
      messageFrame.encodeFragment(priority, {
        number: 2 ** 50,
        totalBytes: 2 ** 20,
        offset: 4_000,
        bytes: Buffer.alloc(99),
      }),
      messageFrame.encodeStatus(priority, { accepted: 3, grantedBytes: 2 ** 33 }),
    ]),
    run: (bytes) => {
      const frame = parse(bytes);
      switch (frame.kind) {
        case "malformed":
          return "malformed";
        case "fragment":
          must(
            same(messageFrame.encodeFragment(frame.priority, frame.fragment), bytes),
            "a fragment is written as it came",
          );
          return "accepted";
        case "status":
          must(same(messageFrame.encodeStatus(frame.priority, frame.status), bytes), "a status is written as it came");
          return "accepted";
        default:
          return frame satisfies never;
      }
    },
  };
}

export function carrierAddressTarget(): Target {
  return {
    name: "carrier address",
    share: 8_000,
    seeds: [
      "unix:/run/vault.sock",
      "serial:/dev/ttyS0?baud=921600&flow=hardware",
      "ethernet:eth1?peer=02:00:5e:10:00:01",
      "vsock:2:5000",
      "vsock:any:5000",
      "oneway:in=fifo:/run/a,out=serial:/dev/ttyS1?baud=115200",
    ].map(text),
    run: (bytes) => {
      const parsed = parseCarrierAddress(Buffer.from(bytes).toString("latin1"));
      if (!parsed.ok) return `refused, ${parsed.rule.slice(0, 24)}`;
      const written = carrierAddressText(parsed.value);
      const again = parseCarrierAddress(written);
      must(
        again.ok && JSON.stringify(again.value) === JSON.stringify(parsed.value),
        "an address is read back as the same",
      );
      return "accepted";
    },
  };
}

export function ethernetTarget(): Target {
  const addresses = { source: "02:00:00:00:00:01", destination: "02:00:00:00:00:02" };
  return {
    name: "ethernet packet",
    share: 10_000,
    seeds: [text(""), text("abc"), Buffer.alloc(1_494, 3)].map((payload) => encodePacket({ ...addresses, payload })),
    run: (bytes) => {
      const packet = parsePacket(Buffer.from(bytes));
      if (packet === undefined) return "not ours";
      const again = encodePacket(packet);
      // A short packet is padded on the wire; nothing of the padding is handed on.
      must(same(again, bytes.subarray(0, again.length)), "a packet is written as it came");
      return "accepted";
    },
  };
}
