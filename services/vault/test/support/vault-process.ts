// Vault as a process of its own, that may have to die at a named point: DIE_AT is "<point>/<occurrence>", counted from 1.
import { runProcess } from "@sluice/runtime";
import { startVault } from "../../src/vault.ts";

const [point, occurrence] = (process.env["DIE_AT"] ?? "").split("/");
let occurrences = 0;

runProcess("vault", (life) =>
  startVault(life, process.env, (name) => {
    if (name !== point) return;
    occurrences += 1;
    if (occurrences === Number(occurrence)) process.kill(process.pid, "SIGKILL");
  }),
);
