// sluice holder lock: the holder overwrites its key and waits for its custodians again.
import { askConsole } from "../ask-console.ts";
import { type Command, requiredText } from "../command.ts";
import { describeHolder } from "./holder-status.ts";

export const holderLock: Command = {
  name: "holder lock",
  summary: "makes a key holder on this machine overwrite its key, and shares that it was given",
  usage: ["--console PATH   the holder's console socket"],
  options: { console: { type: "string" } },
  run: (values) => askConsole(requiredText(values, "console"), "lock", {}, new Uint8Array(0), describeHolder),
};
