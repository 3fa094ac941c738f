// sluice bundle sign: one person's seal on a bundle, on a machine that is offline.
import { readUnsealed, sealBundle } from "@sluice/second-opinion";
import { type Command, requiredText } from "../command.ts";
import { readBytes, readPrivateKey, refusedWith, writeBytes } from "./bundle-files.ts";

export const bundleSign: Command = {
  name: "bundle sign",
  summary: "adds one signer's seal to a bundle, in its file",
  usage: [
    "--bundle FILE   the bundle",
    "--key-id ID   the signer's, as pinned in the zone",
    "--key FILE   the signer's private key (PEM)",
  ],
  options: { bundle: { type: "string" }, "key-id": { type: "string" }, key: { type: "string" } },
  run: async (values) => {
    const file = requiredText(values, "bundle");
    const keyId = requiredText(values, "key-id");
    const bytes = readBytes(file);
    const content = readUnsealed(bytes);
    if (!content.ok) return refusedWith(content.refusal);
    const sealed = sealBundle(bytes, { keyId, privateKey: readPrivateKey(requiredText(values, "key")) });
    if (!sealed.ok) return refusedWith(sealed.refusal);
    writeBytes(file, sealed.value, { replace: true });
    const { version } = content.value;
    return {
      kind: "done",
      lines: [`${file}: version ${version} is sealed by ${keyId}`],
      json: { file, version, keyId },
    };
  },
};
