// sluice holder unlock: a custodian's share, opened here, sealed again to the holder that waits on this machine.
import { readFileSync } from "node:fs";
import { feedShare } from "@sluice/ceremony";
import { outcomeOf } from "../ask-console.ts";
import { type Command, type Fault, requiredText } from "../command.ts";
import { readIdentity } from "../identity-file.ts";
import { memoryFaults } from "./ceremony.ts";
import { describeHolder } from "./holder-status.ts";

export const holderUnlock: Command = {
  name: "holder unlock",
  summary: "gives a locked key holder on this machine one custodian's share",
  usage: [
    "--console PATH    the holder's console socket",
    "--share FILE      the custodian's sealed share of this holder",
    "--identity FILE   the custodian's identity (age), mode 0600 or 0400",
  ],
  options: { console: { type: "string" }, share: { type: "string" }, identity: { type: "string" } },
  run: async (values) => {
    const console = requiredText(values, "console");
    const sharePath = requiredText(values, "share");
    const identity = readIdentity(requiredText(values, "identity"));
    const share = readShare(sharePath);
    const faults: Fault[] = [...memoryFaults()];
    if ("fault" in identity) faults.push(identity.fault);
    if (share === null) faults.push({ code: "SHARE_FILE_MISSING", message: `${sharePath} cannot be read` });
    if ("fault" in identity || share === null || faults.length > 0) return { kind: "refused", faults };
    return outcomeOf(await feedShare(console, share, identity.identity), describeHolder);
  },
};

function readShare(path: string): Uint8Array | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}
