// sluice zone bundle, sluice zone import: what the zone judges by, and a new one from removable media.
import type { JsonObject } from "@sluice/console";
import { BUNDLE_MAX_BYTES } from "@sluice/second-opinion";
import { askConsole } from "../ask-console.ts";
import { type Command, requiredText } from "../command.ts";
import { readBytes } from "./bundle-files.ts";

const CONSOLE = "--console PATH   semi-offline-risk's console socket";

export const zoneBundle: Command = {
  name: "zone bundle",
  summary: "asks semi-offline-risk on this machine which bundle is in force, and how old it is",
  usage: [CONSOLE],
  options: { console: { type: "string" } },
  run: (values) => askConsole(requiredText(values, "console"), "bundle status", {}, new Uint8Array(0), describe),
};

export const zoneImport: Command = {
  name: "zone import",
  summary: "hands semi-offline-risk on this machine a sealed bundle from a file",
  usage: [CONSOLE, "--bundle FILE   the sealed bundle"],
  options: { console: { type: "string" }, bundle: { type: "string" } },
  run: (values) =>
    askConsole(
      requiredText(values, "console"),
      "bundle import",
      {},
      readBytes(requiredText(values, "bundle")),
      (output) => [`${String(output["outcome"])}: ${String(output["detail"])}`, ...describe(output)],
      { binaryBytes: BUNDLE_MAX_BYTES },
    ),
};

function describe({ version, sha256, madeAtMs, ageMs, maxAgeMs }: JsonObject): readonly string[] {
  if (typeof version !== "number") return ["no bundle is in force: everything waits"];
  const made = new Date(Number(madeAtMs)).toISOString();
  const old = Number(ageMs) > Number(maxAgeMs) ? ": too old, everything waits for the next one" : "";
  return [`version ${version} is in force, made ${made}${old}`, `sha256 ${String(sha256)}`];
}
