// The backend's own stream of signals: the same checks as at the API, and what does not pass them is parked with the reason.
import type { ApiKeys } from "@sluice/gate";
import { type Handler, OperatingError } from "@sluice/messaging";
import { signalSchema } from "@sluice/signals";
import { keepSignals } from "./told.ts";

export function accountSignalled(apiKeys: ApiKeys, now: () => number): Handler<"account.signalled.v1"> {
  return async (tx, { keyId, message }) => {
    const key = apiKeys.get(keyId);
    if (key === undefined || !key.scopes.includes("signals")) {
      throw parked("SCOPE_MISSING", `the key ${keyId} may not tell signals`);
    }
    const read = signalSchema.safeParse(parse(message.signal));
    if (!read.success) {
      const faults = read.error.issues.map((issue) => `${issue.path.join(".") || "signal"}: ${issue.message}`);
      throw parked("SIGNAL_MALFORMED", faults.join("; "));
    }
    const kept = await keepSignals(tx, key, [read.data], now());
    if (!kept.ok) throw parked(kept.refusal.code, kept.refusal.detail);
    if (kept.value.some(({ outcome }) => outcome === "conflict")) {
      throw parked("SIGNAL_ID_REUSED", `${read.data.account}: ${read.data.id} was told before with another content`);
    }
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parked(code: string, detail: string): OperatingError {
  return new OperatingError(code, "park", detail);
}
