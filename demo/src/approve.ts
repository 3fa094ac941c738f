// Two people look at what is held and approve it, each with a key of the own that no service has.
import { readRequestBody } from "@sluice/client";
import { formatAmount } from "@sluice/core";
import type { Stack } from "@sluice/devstack";
import { type DemoWithdrawal, TWO_PEOPLE_ABOVE_SAT } from "./scenario.ts";

export async function approveHeld(
  { client, officers, officerKeys }: Pick<Stack, "client" | "officers" | "officerKeys">,
  withdrawals: readonly DemoWithdrawal[],
  progress: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const { request, approvals } of withdrawals) {
    if (approvals === 0) continue;
    const held = await client.waitFor(request.id, ["held"], { signal, pollMs: 50 });
    if (held.state !== "held") throw new Error(`${request.id} has to be held and is ${held.state}`);
    progress(`${request.id}: held, ${held.detail}`);
    for (const [at, officer] of officers.entries()) {
      const name = officerKeys[at]?.keyId ?? "";
      const { requestBody } = await officer.getWithdrawal(request.id);
      const read = readRequestBody(requestBody ?? "");
      if (read === null) throw new Error(`${request.id} cannot be read by ${name}`);
      progress(`${name} reads what the backend signed: ${read.amount} satoshi for ${read.account} to ${read.address}`);
      const { state, approvals: now } = await officer.approveWithdrawal(request.id, { requestBody });
      progress(`${name} signs an approval of exactly that: ${now.by.length} of ${now.required}, it is ${state}`);
    }
    const above = formatAmount(TWO_PEOPLE_ABOVE_SAT, "BTC");
    progress(
      `both signatures go with it: above ${above} the semi-offline side pays nothing unless two people of its own list have approved it, and two of three holders verify that again`,
    );
  }
}
