// sluice holder veto: a person at a holder's console says no to a task that waits in the zone.
import { askConsole } from "../ask-console.ts";
import { type Command, requiredText } from "../command.ts";

export const holderVeto: Command = {
  name: "holder veto",
  summary: "has a key holder on this machine send a sealed veto of what waits in a task",
  usage: [
    "--console PATH   the holder's console socket",
    "--task ID   as `sluice zone waiting` lists it",
    "--person NAME   yours: it stands in the refusal",
    "--reason TEXT   why, for the record",
  ],
  options: {
    console: { type: "string" },
    task: { type: "string" },
    person: { type: "string" },
    reason: { type: "string" },
  },
  run: (values) => {
    const taskId = requiredText(values, "task");
    const person = requiredText(values, "person");
    const input = { taskId, person, reason: String(values["reason"] ?? "") };
    return askConsole(requiredText(values, "console"), "veto", input, new Uint8Array(0), ({ holder }) => [
      `${String(holder)} has sent ${person}'s veto of ${taskId}: it counts if the task still waits`,
    ]);
  },
};
