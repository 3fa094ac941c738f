// Makes a key for a backend: `node services/okx-facade/src/make-key.ts`. Its passphrase comes on standard input, one line; what is
// printed goes into the users' file, into the secrets, and to the backend.
import { randomBytes, randomUUID } from "node:crypto";
import { text } from "node:stream/consumers";
import { hashPassphrase } from "./passphrase.ts";

const passphrase = (await text(process.stdin)).replace(/\r?\n$/, "");
if (!/^[\x21-\x7e]{8,128}$/.test(passphrase)) {
  process.stderr.write("a passphrase has 8 to 128 printable characters without spaces, on standard input\n");
  process.exit(2);
}
const made = {
  apiKey: randomUUID(),
  secret: randomBytes(24).toString("hex").toUpperCase(),
  passphrase: await hashPassphrase(passphrase),
};
process.stdout.write(`${JSON.stringify(made, null, 2)}\n`);
