// Every subcommand, in the order in which the help names them.
import type { Command } from "../command.ts";
import { holderLock } from "./holder-lock.ts";
import { holderStatus } from "./holder-status.ts";

export const COMMANDS: readonly Command[] = [holderStatus, holderLock];
