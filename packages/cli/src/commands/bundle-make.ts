// sluice bundle make: the content that people wrote, in the one form that is sealed.
import { bundleContentSchema, makeBundle, readUnsealed } from "@sluice/second-opinion";
import { type Command, type Outcome, requiredText } from "../command.ts";
import { readBytes, readJson, refusedWith, writeBytes } from "./bundle-files.ts";

export const bundleMake: Command = {
  name: "bundle make",
  summary: "makes an unsealed bundle from a JSON file with its content",
  usage: ["--content FILE   the content (see OPERATIONS)", "--out FILE   the new bundle"],
  options: { content: { type: "string" }, out: { type: "string" } },
  run: async (values) => {
    const read = bundleContentSchema.safeParse(readJson(requiredText(values, "content")));
    if (!read.success) return faulty(read.error.issues);
    const out = requiredText(values, "out");
    writeBytes(out, makeBundle(readJson(requiredText(values, "content")) as Parameters<typeof makeBundle>[0]), {
      replace: false,
    });
    const made = readUnsealed(readBytes(out));
    if (!made.ok) return refusedWith(made.refusal);
    const { version, network } = made.value;
    return {
      kind: "done",
      lines: [`${out}: version ${version} for ${network}, not sealed`],
      json: { out, version, network },
    };
  },
};

function faulty(issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): Outcome {
  const faults = issues.map(({ path, message }) => ({
    code: "BUNDLE_CONTENT_INVALID",
    message: `${path.map(String).join(".") || "content"} ${message}`,
  }));
  return { kind: "refused", faults };
}
