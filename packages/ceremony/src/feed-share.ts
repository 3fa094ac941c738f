// The custodian's end of unlocking: opens the own share and seals it again to the holder that waits at its console.
import { type ConsoleAnswer, callConsole, refusedAs } from "@sluice/console";
import { sealToBox, wipe } from "@sluice/keys/custody";
import { openShare } from "./sealed-share.ts";

/** The holder's answer: its state after this share, or why it did not take it. */
export async function feedShare(console: string, shareFile: Uint8Array, identity: string): Promise<ConsoleAnswer> {
  const status = await callConsole(console, "status");
  if (!status.ok) return status;
  const recipient = readRecipient(status.output["recipient"]);
  if (recipient === null) return refusedAs("CONSOLE_OF_NO_HOLDER", "this console does not say what to seal a share to");
  const share = await openShare(shareFile, identity);
  if (share === null) return refusedAs("IDENTITY_DOES_NOT_OPEN", "this identity does not open this share's file");
  const sealed = sealToBox(recipient, share);
  wipe(share);
  return callConsole(console, "feed", {}, sealed);
}

function readRecipient(value: unknown): Uint8Array | null {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value) ? Buffer.from(value, "hex") : null;
}
