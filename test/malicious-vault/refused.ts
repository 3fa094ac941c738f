// Whether an attack gets exactly what its row says from one zone: status, no signature, and a report to the right people.
import { HOLDERS } from "@sluice/contracts";
import { expect } from "vitest";
import { type Attack, isOutOfReach } from "./attack.ts";
import type { Party, ZoneVerdict } from "./party.ts";

export type Refusals = { readonly byZone: number; readonly byHolders: number };

/** Returns how many refused it: semi-offline-risk, and how many of the three holders. */
export function expectRefused(party: Party, attack: Attack): Refusals {
  const before = [party.memory.ordered, ...party.entries()];
  let [byZone, byHolders] = [0, 0];
  if (!isOutOfReach(attack.task)) {
    const verdict = party.judgeTask(attack.task.envelope(), attack.nowMs);
    expect(`${attack.name}: ${statusOf(verdict)}`).toBe(`${attack.name}: ${attack.task.code}`);
    expectReported(verdict, attack.task);
    byZone += 1;
  }
  if (!isOutOfReach(attack.order)) {
    for (const holder of HOLDERS) {
      const verdict = party.judgeOrder(holder, attack.order.envelope(holder), attack.nowMs);
      expect(`${holder}, ${attack.name}: ${statusOf(verdict)}`).toBe(`${holder}, ${attack.name}: ${attack.order.code}`);
      byHolders += 1;
    }
  }
  // Nothing was ordered, and no journal has a transaction more.
  expect([party.memory.ordered, ...party.entries()]).toEqual(before);
  return { byZone, byHolders };
}

function statusOf(verdict: { readonly kind: string; readonly code?: string }): string {
  return verdict.kind === "signed" ? "SIGNED" : (verdict.code ?? "");
}

function expectReported(verdict: ZoneVerdict, { code, about }: Exclude<Attack["task"], { outOfReach: string }>): void {
  if (about === null) {
    expect(verdict.kind).toBe("dropped");
    return;
  }
  if (verdict.kind !== "reported") throw new Error(`${code} was not reported`);
  const { verdict: said, withdrawals } = verdict.report;
  if (said.case === "signed") throw new Error("a refusal says signed");
  expect(said.value.findings[0]?.finding).toMatchObject({ rule: code });
  if (said.case === "refused") expect(said.value.signatureMayExist).toBe(false);
  const named = withdrawals.map(({ withdrawalId }) => withdrawalId);
  expect(named).toEqual(about);
  // A finding is about the task, or about one of its own withdrawals.
  const singled = said.value.findings.map(({ withdrawalId }) => withdrawalId).filter((id) => id !== "");
  expect(singled.filter((id) => !named.includes(id))).toEqual([]);
}
