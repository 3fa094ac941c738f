// States in OKX's numbers: each has one, each number leads back to all of its states, and the README shows the same table.
import { readFileSync } from "node:fs";
import { FINAL_STATES, WITHDRAWAL_STATES } from "@sluice/core";
import { expect, it } from "vitest";
import { OKX_STATES, statesOf } from "./states.ts";

it("every state has a number, which leads back to it", () => {
  for (const state of WITHDRAWAL_STATES) expect(statesOf(OKX_STATES[state].state)).toContain(state);
  const numbers = new Set(WITHDRAWAL_STATES.map((state) => OKX_STATES[state].state));
  expect([...numbers].flatMap((number) => statesOf(number) ?? []).toSorted()).toEqual(WITHDRAWAL_STATES.toSorted());
});

it("final is what OKX calls final, and nothing else", () => {
  const final = WITHDRAWAL_STATES.filter((state) => ["2", "-1", "-2"].includes(OKX_STATES[state].state));
  expect(final.toSorted()).toEqual(FINAL_STATES.toSorted());
});

it("a number of OKX's that nothing here is in asks for nothing, and any other is none", () => {
  expect(statesOf("19")).toEqual([]);
  for (const text of ["", "3", "01", "1 ", "received", "-4"]) expect(statesOf(text)).toBeNull();
});

it("the README has the table", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  for (const state of WITHDRAWAL_STATES) {
    const { state: number, stage, words } = OKX_STATES[state];
    expect(readme).toContain(`| ${state} | ${number} | ${stage}: ${words} |`);
  }
});
