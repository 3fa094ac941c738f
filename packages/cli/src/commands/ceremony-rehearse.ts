// sluice ceremony rehearse: restores every share set with the custodians' identities and compares public keys.
import { join } from "node:path";
import { rehearse } from "@sluice/ceremony";
import type { Command } from "../command.ts";
import { requiredText } from "../command.ts";
import { readIdentity } from "../identity-file.ts";
import { memoryFaults } from "./ceremony.ts";

export const ceremonyRehearse: Command = {
  name: "ceremony rehearse",
  summary: "restores every holder's key from every set of shares, compares it with the record, and keeps nothing",
  usage: [
    "--folder FOLDER       what the ceremony left",
    "--identities FOLDER   <custodian>.txt of every custodian, mode 0600 or 0400",
    "Whoever has all of this has the keys: rehearse where the ceremony was held, before the machine is switched off.",
  ],
  options: { folder: { type: "string" }, identities: { type: "string" } },
  run: async (values) => {
    const folder = requiredText(values, "folder");
    const identities = requiredText(values, "identities");
    const closed = memoryFaults();
    if (closed.length > 0) return { kind: "refused", faults: closed };
    const { faults, holders } = await rehearse(folder, (custodian) => {
      const read = readIdentity(join(identities, `${custodian}.txt`));
      return "identity" in read ? read.identity : null;
    });
    if (faults.length > 0) return { kind: "refused", faults };
    return {
      kind: "done",
      lines: holders.map(({ holder, shares, sets }) => `${holder}: ${shares} shares, ${sets} sets restored, all right`),
      json: { holders },
    };
  },
};
