// sluice bundle verify: what the zone would say of a bundle's form and seals, and the hash that the next one names.
import { bundleSignersSchema, openBundle, readBundleSigners, readUnsealed } from "@sluice/second-opinion";
import { type Command, requiredText, UsageError } from "../command.ts";
import { readBytes, readJson, refusedWith } from "./bundle-files.ts";

export const bundleVerify: Command = {
  name: "bundle verify",
  summary: "checks a bundle's form, content and seals as the zone does, and shows what it is",
  usage: ["--bundle FILE   the bundle", "--signers FILE   who may seal, as pinned in the zone"],
  options: { bundle: { type: "string" }, signers: { type: "string" } },
  run: async (values) => {
    const bytes = readBytes(requiredText(values, "bundle"));
    const pinned = bundleSignersSchema.safeParse(readJson(requiredText(values, "signers")));
    if (!pinned.success) throw new UsageError("the signers' file is not one");
    const content = readUnsealed(bytes);
    if (!content.ok) return refusedWith(content.refusal);
    const { network } = content.value;
    const opened = openBundle(bytes, { signers: readBundleSigners(pinned.data), network });
    if (!opened.ok) return refusedWith(opened.refusal);
    const { version, sha256, previousSha256, madeAtMs, signedBy, keys, people, policy } = opened.value;
    const made = new Date(madeAtMs).toISOString();
    return {
      kind: "done",
      lines: [
        `version ${version} for ${network}, made ${made}, sealed by ${signedBy.join(" and ")}`,
        `sha256 ${sha256}`,
        `follows ${previousSha256 === "" ? "nothing: it is a first bundle" : previousSha256}`,
        `${policy.labels.size} labels, ${policy.windowsOfAccount.size} accounts with limits of their own`,
        `keys with limits of their own: ${[...policy.limitsOfOrigin.keys()].join(", ") || "none"}`,
        `keys: ${keys.map(({ keyId, revoked }) => (revoked === true ? `${keyId} (revoked)` : keyId)).join(", ")}`,
        `people: ${[...people.values()].map(({ name, roles }) => `${name} (${roles.join(", ")})`).join(", ")}`,
      ],
      json: { version, network, sha256, previousSha256, madeAtMs, signedBy: [...signedBy] },
    };
  },
};
