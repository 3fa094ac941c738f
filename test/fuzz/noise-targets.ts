// Fuzz targets for the Noise session: only the very bytes that the pinned peer made are ever taken.
import { keyPairFrom } from "../../packages/bridge/src/noise/x25519.ts";
import { noiseHandshakes } from "../../packages/bridge/src/noise-session.ts";
import type { Handshakes } from "../../packages/bridge/src/session.ts";
import { must, type Target } from "./fuzz-target.ts";

/** The first byte says whether an input is taken for a question or for an answer. */
export function handshakeTarget(): Target {
  const question = handshakesOf("left", "right").ask().message;
  const answer = handshakesOf("right", "left").answer(question)?.message ?? new Uint8Array(0);
  must(answer.length > 0, "two good ends come to a session");
  return {
    name: "noise handshake",
    share: 300,
    seeds: [Buffer.concat([Buffer.of(0), question]), Buffer.concat([Buffer.of(1), answer])],
    run: (bytes) => {
      const message = bytes.subarray(1);
      if ((bytes[0] ?? 0) % 2 === 0) {
        const answered = handshakesOf("right", "left").answer(message);
        if (answered === undefined) return "question refused";
        must(Buffer.compare(message, question) === 0, "only the peer's question is answered");
        return "accepted";
      }
      const session = handshakesOf("left", "right").ask().finish(message);
      if (session === undefined) return "answer refused";
      must(Buffer.compare(message, answer) === 0, "only the peer's answer is taken");
      return "accepted";
    },
  };
}

/** A sealed frame: lane (1 byte), number (4 bytes), header (34 bytes), sealed body. */
export function transportTarget(): Target {
  const asked = handshakesOf("left", "right").ask();
  const answered = handshakesOf("right", "left").answer(asked.message);
  const left = answered === undefined ? undefined : asked.finish(answered.message);
  if (left === undefined || answered === undefined) throw new Error("two good ends come to a session");
  const seeds = [0, 1, 5].flatMap((number) =>
    (["data", "control"] as const).map((lane) => {
      const header = Buffer.alloc(HEADER_BYTES, number);
      const count = Buffer.alloc(4);
      count.writeUInt32BE(number);
      const sealed = left.seal({ lane, number }, header, Buffer.alloc(50 * number, 8));
      return Buffer.concat([Buffer.of(lane === "data" ? 0 : 1), count, header, sealed]);
    }),
  );
  const known = new Set(seeds.map((seed) => seed.toString("base64")));
  return {
    name: "noise transport",
    share: 6_000,
    seeds,
    run: (bytes) => {
      if (bytes.length < 5 + HEADER_BYTES) return "too short";
      const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const lane = input[0] === 0 ? "data" : "control";
      const body = answered.session.open(
        { lane, number: input.readUInt32BE(1) },
        input.subarray(5, 5 + HEADER_BYTES),
        input.subarray(5 + HEADER_BYTES),
      );
      if (body === undefined) return "not opened";
      const asMade = Buffer.concat([Buffer.of(lane === "data" ? 0 : 1), input.subarray(1)]);
      must(known.has(asMade.toString("base64")), "only what the peer sealed opens");
      return "accepted";
    },
  };
}

const HEADER_BYTES = 34;

/** Fixed keys, ephemeral ones too, so that every run makes the same messages. */
function handshakesOf(localName: string, peerName: string): Handshakes {
  const keyOf = (name: string) => keyPairFrom(Buffer.alloc(32, name));
  return noiseHandshakes({
    localName,
    peerName,
    linkId: "1",
    network: "regtest",
    schema: "fuzz",
    key: keyOf(localName),
    peerPublicKey: keyOf(peerName).publicKey,
    randomBytes: (length) => Buffer.alloc(length, `${localName} ephemeral`),
  });
}
