// sluice key make: an Ed25519 key for somebody who seals bundles or decides at a console.
import { generateKeyPairSync } from "node:crypto";
import { type Command, requiredText } from "../command.ts";
import { writeBytes } from "./bundle-files.ts";

export const keyMake: Command = {
  name: "key make",
  summary: "makes an Ed25519 key for a person: the private half into a new file, the public half to be listed",
  usage: ["--out FILE   the private key (PEM), readable by its owner alone; keep it on removable media"],
  options: { out: { type: "string" } },
  run: async (values) => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const pem = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    writeBytes(requiredText(values, "out"), pem, { replace: false, mode: 0o600 });
    const listed = publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
    return { kind: "done", lines: [`public key: ${listed}`], json: { publicKey: listed } };
  },
};
