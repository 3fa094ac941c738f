// A process that may not be looked into is named, and never counts as one without sockets.

import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { proveZone } from "./prove-zone.ts";

const WITHOUT_PRIVILEGES = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"] as const;
const [program, ...wrapping] = WITHOUT_PRIVILEGES;
const canDrop = process.getuid?.() === 0 && spawnSync(program, [...wrapping, "true"]).status === 0;
const because = canDrop ? "" : " (skipped: this takes root and setpriv)";

it("sees this machine's network in a process of it", () => {
  const { found, hidden, descriptors } = proveZone(() => [{ name: "own", pid: process.pid }]);
  expect([found.length > 0, hidden, descriptors > 0]).toEqual([true, [], true]);
});

it.skipIf(!canDrop)(`names a process that it may not look into, and still sees its network${because}`, () => {
  const module = JSON.stringify(new URL("./prove-zone.ts", import.meta.url).href);
  const script = `const { proveZone } = await import(${module});
    const { hidden, descriptors, found } = proveZone(() => [{ name: "closed", pid: ${process.pid} }]);
    console.log(JSON.stringify({ hidden, descriptors, network: found.length > 0 }));`;
  const asked = spawnSync(program, [...wrapping, process.execPath, "--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  expect(asked.stderr).toBe("");
  expect(JSON.parse(asked.stdout)).toEqual({ hidden: ["closed"], descriptors: 0, network: true });
});
