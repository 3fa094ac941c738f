// Every commit of a service is walked through by a crash test, or says here who walks through it and why not.
import { describe, expect, it } from "vitest";
import { isTest, packageOf, read, typescript } from "./tree.ts";

/** Files with a commit that no list of crash points names. A line here has a reason, or is a debt. */
const LISTED: Readonly<Record<string, string>> = {
  "services/vault/src/planner.ts": "test/crash: before-plan-commit, after-plan-commit",
  "services/vault/src/submitter.ts": "test/crash: before-send, after-send, after-sent-commit",
  "services/vault/src/bridge-messages.ts": "test/crash: before-report-commit, after-report-commit",
  "services/treasury/src/routes.ts": "reads only",
  "services/online-risk/src/bring-back.ts": "test/set-back: at a start with a restored database; not walked by name",
  "services/blockchain-gateway/src/broadcaster.ts": "test/crash: killed around the sending; not walked by name",
  "services/blockchain-gateway/src/chain-follower.ts": "test/crash: killed at random moments; not walked by name",
  "services/blockchain-gateway/src/publish-fees.ts":
    "news only: one commit with its outbox, said again within a minute",
  "services/blockchain-gateway/src/troubles.ts": "not walked by name",
  "services/vault/src/bumper.ts": "not walked by name",
};

const COMMITS = /\btransaction\(\s*[\w.]*pool\b/;

describe("crash points", () => {
  const files = typescript.filter(
    ({ path, text }) => /^services\/[^/]+\/src\//.test(path) && !isTest(path) && COMMITS.test(text),
  );

  it("are there for every file of a service that commits, or it is listed with a reason", () => {
    expect(files.length).toBeGreaterThan(8);
    const faults = files.filter(({ path }) => LISTED[path] === undefined && !isWalked(path));
    expect(faults.map(({ path }) => path)).toEqual([]);
  });

  it("are not listed as a debt for what is walked through", () => {
    expect(Object.keys(LISTED).filter(isWalked)).toEqual([]);
  });
});

function isWalked(path: string): boolean {
  const list = `${packageOf(path)}/test/crash-points.ts`;
  const stem = path.split("/").at(-1)?.replace(".ts", "") ?? "";
  return typescript.some((file) => file.path === list) && read(list).includes(`/${stem} `);
}
