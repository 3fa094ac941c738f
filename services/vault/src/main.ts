// vault: turns cleared withdrawals into unsigned transactions, and has them signed in the semi-offline zone.
import { runProcess } from "@sluice/runtime";
import { startVault } from "./vault.ts";

runProcess("vault", (life) => startVault(life, process.env));
