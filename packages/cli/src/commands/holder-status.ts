// sluice holder status: locked or serving, and how many shares are there.
import { askConsole } from "../ask-console.ts";
import { type Command, requiredText } from "../command.ts";

export const holderStatus: Command = {
  name: "holder status",
  summary: "asks a key holder on this machine whether it is locked, and how many shares it has",
  usage: ["--console PATH   the holder's console socket"],
  options: { console: { type: "string" } },
  run: (values) => askConsole(requiredText(values, "console"), "status", {}, new Uint8Array(0), describeHolder),
};

/** "semi-offline-signer-a: locked, 1 of 2 shares (alice)" */
export function describeHolder(output: Readonly<Record<string, unknown>>): readonly string[] {
  const { holder, state, shares, threshold, custodians } = output;
  if (state !== "locked") return [`${String(holder)}: ${String(state)}`];
  const names = Array.isArray(custodians) && custodians.length > 0 ? ` (${custodians.join(", ")})` : "";
  return [`${String(holder)}: locked, ${String(shares)} of ${String(threshold)} shares${names}`];
}
