// How long a person's word at the API takes until the semi-offline zone begins no more signing of what it is about.
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Suspension } from "@sluice/client";
import type { Stack } from "@sluice/devstack";

/** Suspends accounts of nobody one after the other, and lets them go on again; milliseconds, the shortest first. */
export async function measureStops(stack: Stack, times: number): Promise<readonly number[]> {
  const [first] = stack.officers;
  const tookMs: number[] = [];
  for (let at = 0; at < times; at += 1) {
    const saidAtMs = Date.now();
    const suspension = await first.suspend({ kind: "account", value: `nobody-${at}`, reason: "measured" });
    tookMs.push((await heardAtMs(stack, suspension.id)) - saidAtMs);
    await letGoOn(stack, suspension);
  }
  return tookMs.toSorted((left, right) => left - right);
}

/** Both people answer everything that is asked. */
export async function letGoOn({ officers }: Pick<Stack, "officers">, { id, reopening }: Suspension): Promise<void> {
  const answers = Object.fromEntries(Object.keys(reopening.checklist).map((item) => [item, "looked at"]));
  for (const officer of officers) await officer.reopen(id, answers);
}

/** By the zone's own log, when it is on record there. */
async function heardAtMs(stack: Stack, id: string): Promise<number> {
  for (;;) {
    const log = readFileSync(stack.logFileOf("semi-offline-risk"), "utf8");
    const line = log.split("\n").find((each) => each.includes(id) && each.includes("people have suspended this"));
    if (line !== undefined)
      return Date.parse((JSON.parse(line.slice(line.indexOf("{"))) as { readonly time: string }).time);
    await delay(20);
  }
}
