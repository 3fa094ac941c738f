// What the processes of a stack see of the environment: each semi-offline one a folder for compiled code that is its own.
import { expect, test } from "vitest";
import { ONLINE_SERVICES, START_ORDER } from "./processes.ts";
import { environmentOf } from "./running-processes.ts";

test("no two processes share a folder of compiled code unless both are online, and none has one that nobody named", () => {
  const plain = { PATH: "/bin", NODE_COMPILE_CACHE: "/cache/compiled" };
  const folders = START_ORDER.map((name) => [name, environmentOf(name, plain)["NODE_COMPILE_CACHE"]] as const);
  const online = folders.filter(([name]) => ONLINE_SERVICES.some((service) => service === name));
  const others = folders.filter(([name]) => !ONLINE_SERVICES.some((service) => service === name));
  expect(new Set(online.map(([, folder]) => folder))).toEqual(new Set(["/cache/compiled"]));
  expect(others).toHaveLength(4);
  // Not within the shared one either.
  expect(others).toEqual(others.map(([name]) => [name, `/cache/compiled-${name}`]));
  for (const name of START_ORDER) expect(environmentOf(name, { PATH: "/bin" })).toEqual({ PATH: "/bin" });
});
