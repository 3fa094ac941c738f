// The order in which test files start. Left to itself the runner goes by their size on a fresh clone: then the longest, which
// are short to read, start last and run alone in the end.
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What takes half a minute or more on two cores, the longest first. */
export const LONGEST: readonly string[] = [
  "test/chaos/chaos.test.ts",
  "test/malicious-vault/mutations.test.ts",
  "services/online-risk/test/judging.test.ts",
  "services/semi-offline-risk/test/zone.test.ts",
  "test/commands.test.ts",
  "test/journeys/twins.test.ts",
  "test/journeys/stuck.test.ts",
  "test/journeys/restored.test.ts",
  "test/hostile-broker/hostile-broker.test.ts",
  "services/blockchain-gateway/test/crash-points.test.ts",
  "services/semi-offline-risk/test/crash-points.test.ts",
  "test/chaos/clocks.test.ts",
];

/** Of all others those that start processes go before those that only compute. */
const FOLDERS: readonly RegExp[] = [/^test\//, /^services\/[^/]+\/test\//, /^packages\/[^/]+\/test\//];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification): number => rankOf(relative(this.ctx.config.root, moduleId));
    return sorted.toSorted((left, right) => rank(left) - rank(right));
  }
}

/** Lower starts earlier. @param file from the project's root. */
export function rankOf(file: string): number {
  const named = LONGEST.indexOf(file);
  if (named >= 0) return named;
  const folder = FOLDERS.findIndex((pattern) => pattern.test(file));
  return LONGEST.length + (folder < 0 ? FOLDERS.length : folder);
}
