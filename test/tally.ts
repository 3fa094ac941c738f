// Counts a test run.

import type { TestModule } from "vitest/node";

export type Tally = { readonly passed: number; readonly failed: number; readonly skipped: number };

/**
 * Everything that is not a pass or a deliberate skip is a failure: a test that failed or never finished, a file that could not be
 * loaded, a hook that failed, and an error that belongs to no test (`otherErrors`).
 */
export function countRun(modules: readonly TestModule[], otherErrors: number): Tally {
  let passed = 0;
  let skipped = 0;
  let failed = otherErrors;
  for (const module of modules) {
    failed += module.errors().length > 0 ? 1 : 0;
    for (const suite of module.children.allSuites()) failed += suite.errors().length > 0 ? 1 : 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === "passed") passed += 1;
      else if (state === "skipped") skipped += 1;
      else failed += 1;
    }
  }
  return { passed, failed, skipped };
}

export function renderTally(tally: Tally): string {
  const counts = `${tally.passed} passed, ${tally.failed} failed`;
  return tally.skipped === 0 ? counts : `${counts}, ${tally.skipped} skipped`;
}
