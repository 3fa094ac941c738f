// A process that keeps secrets as a careless one would: one in each way, so that a scan can be shown to find them all.
import { readSync } from "node:fs";

/** The order of the secrets on standard input, 32 bytes each. */
export const WAYS = [
  "a Buffer",
  "a hex string",
  "a string of two-byte characters",
  "a BigInt",
  "base64",
  "a window of 8 bytes",
];

if (process.argv[2] === "run") {
  const all = Buffer.alloc(32 * WAYS.length);
  for (let read = 0; read < all.length; ) read += readSync(0, all, read, all.length - read, null);
  const secret = (at: number) => all.subarray(at * 32, at * 32 + 32);
  const kept = [
    Buffer.from(secret(0)),
    secret(1).toString("hex"),
    `\u2603${secret(2).toString("latin1")}`,
    BigInt(`0x${secret(3).toString("hex")}`),
    secret(4).toString("base64"),
    Uint8Array.from(secret(5).subarray(9, 17)),
  ];
  // What it was read into is overwritten: only what is kept can be found.
  all.fill(0);
  process.on("SIGTERM", () => process.exit(kept.length));
  setInterval(() => {}, 2 ** 30);
  process.stdout.write("ready\n");
}
