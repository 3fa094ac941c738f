// The wrappers around a command, and what the kernel says of a process started through them.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { confine, networkInterfacesOf, type Permissions, parseInterfaces, readPermissions } from "./confine.ts";

const asRoot: Permissions = { setpriv: true, networkNamespace: "privileged" };
const asUser: Permissions = { setpriv: true, networkNamespace: "user-namespace" };
const bare: Permissions = { setpriv: false, networkNamespace: "none" };
const command = ["server", "--flag"];

test("root leaves the network before it becomes another user, and asks for the signal last", () => {
  const everything = { user: { uid: 7, gid: 8 }, withoutNetwork: true, whenParentDies: "INT" } as const;
  expect(confine(command, everything, asRoot).join(" ")).toBe(
    "unshare --net -- setpriv --reuid=7 --regid=8 --clear-groups -- setpriv --pdeathsig INT -- server --flag",
  );
});

test("an ordinary user leaves the network through a user namespace", () => {
  expect(confine(command, { withoutNetwork: true, whenParentDies: "KILL" }, asUser).join(" ")).toBe(
    "unshare --user --map-current-user --net -- setpriv --pdeathsig KILL -- server --flag",
  );
});

test("a root who may only have a user namespace enters it as the other user", () => {
  const wanted = { user: { uid: 7, gid: 7 }, withoutNetwork: true } as const;
  expect(confine(command, wanted, asUser).join(" ")).toBe(
    "setpriv --reuid=7 --regid=7 --clear-groups -- unshare --user --map-current-user --net -- server --flag",
  );
});

test("where nothing is permitted the command stays as it is, but another user is never forgotten", () => {
  expect(confine(command, { withoutNetwork: true, whenParentDies: "KILL" }, bare)).toEqual(command);
  expect(() => confine(command, { user: { uid: 7, gid: 7 } }, bare)).toThrow("setpriv is not there");
});

test("interfaces are read from the kernel's table", () => {
  const table = [
    "Inter-|   Receive                                                |  Transmit",
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed",
    "    lo:  102400     512    0    0    0     0          0         0   102400     512    0    0    0     0       0          0",
    "  eth0: 9000    60    0    0    0     0          0         0   8000     50    0    0    0     0       0          0",
    "",
  ].join("\n");
  expect(parseInterfaces(table)).toEqual(["lo", "eth0"]);
  expect(networkInterfacesOf(process.pid)).toContain("lo");
  expect(networkInterfacesOf(2 ** 30)).toBeNull();
});

test("a process without a network sees at most the loopback interface", async () => {
  const permitted = readPermissions().networkNamespace !== "none";
  const [program = "", ...args] = confine(["cat", "-"], { withoutNetwork: true });
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "ignore"] });
  // An echo proves that the wrappers are behind us and cat runs.
  child.stdin.write("here\n");
  await once(child.stdout, "data");
  const seen = networkInterfacesOf(child.pid ?? 0);
  child.stdin.end();
  await once(child, "exit");
  if (permitted) expect(seen).toEqual(["lo"]);
  else expect(seen).toEqual(networkInterfacesOf(process.pid));
});
