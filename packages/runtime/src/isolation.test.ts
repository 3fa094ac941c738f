// Isolation: real namespaces of the kernel, and tables as the kernel writes them in namespaces that are not isolated.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { EXIT_NOT_ISOLATED, inspectIsolation } from "./isolation.ts";

const folder = mkdtempSync(join(tmpdir(), "isolation-"));
afterAll(() => rmSync(folder, { recursive: true }));

const NO_ROUTE_V6 =
  "00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n";
const DEV = `Inter-|   Receive                    |  Transmit
 face |bytes    packets errs drop    |bytes    packets errs drop
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
`;
const ROUTE = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
const ISOLATED = { dev: DEV, fib_trie: "", route: ROUTE, if_inet6: "", ipv6_route: NO_ROUTE_V6 };

function tables(changes: Readonly<Record<string, string | null>>): string {
  const directory = mkdtempSync(join(folder, "net-"));
  for (const [file, content] of Object.entries({ ...ISOLATED, ...changes })) {
    if (content !== null) writeFileSync(join(directory, file), content);
  }
  return directory;
}

describe("inspectIsolation", () => {
  test.each<[string, Readonly<Record<string, string | null>>]>([
    ["a fresh network namespace", {}],
    ["a kernel without IPv6", { if_inet6: null, ipv6_route: null }],
    ["a kernel without IPv4's tables", { fib_trie: null, route: null }],
  ])("finds nothing in %s", (_, changes) => {
    expect(inspectIsolation({ directory: tables(changes) })).toMatchObject({ noIp: true });
  });

  test.each<[string, Readonly<Record<string, string | null>>, string]>([
    ["another interface", { dev: `${DEV}  eth0:       0       0    0\n` }, "interface eth0"],
    [
      "a loopback that is up",
      { fib_trie: "Local:\n  +-- 127.0.0.0/8 2 0 2\n           |-- 127.0.0.1\n              /32 host LOCAL\n" },
      "address 127.0.0.1",
    ],
    [
      "an IPv4 route",
      { route: `${ROUTE}eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n` },
      "IPv4 route by eth0",
    ],
    [
      "an IPv6 address",
      { if_inet6: "00000000000000000000000000000001 01 80 10 80       lo\n" },
      "address 0000:0000:0000:0000:0000:0000:0000:0001 of lo",
    ],
    [
      "an IPv6 route",
      { ipv6_route: `${NO_ROUTE_V6}${NO_ROUTE_V6.replace("00200200       lo", "80200001       lo")}` },
      "IPv6 route by lo",
    ],
    ["no table of interfaces", { dev: null }, "dev is absent"],
  ])("finds %s", (_, changes, detail) => {
    expect(inspectIsolation({ directory: tables(changes) })).toEqual({ noIp: false, detail });
  });

  describe("with an interface for the bridge allowed by name", () => {
    const CARRIER = `${DEV}  eth1:       0       0    0\n`;
    const inspect = (changes: Readonly<Record<string, string | null>>) =>
      inspectIsolation({ directory: tables({ dev: CARRIER, ...changes }), carrierInterfaces: ["eth1"] });

    test("finds nothing where that is all there is, and says so", () => {
      const detail = "no interface but a loopback that is down, eth1, no address, no route";
      expect(inspect({})).toEqual({ noIp: true, detail });
    });

    test("does not need it to be there", () => {
      expect(inspect({ dev: DEV })).toMatchObject({ noIp: true });
    });

    test.each<[string, Readonly<Record<string, string | null>>, string]>([
      ["another interface", { dev: `${CARRIER}  eth10:       0       0    0\n` }, "interface eth10"],
      [
        "an IPv4 address on it",
        { fib_trie: "Local:\n  +-- 10.0.0.0/24 2 0 2\n           |-- 10.0.0.7\n              /32 host LOCAL\n" },
        "address 10.0.0.7",
      ],
      [
        "an IPv6 address that the kernel gave it by itself",
        { if_inet6: "fe80000000000000000000fffe000001 02 40 20 80     eth1\n" },
        "address fe80:0000:0000:0000:0000:00ff:fe00:0001 of eth1",
      ],
      [
        "a route by it",
        { route: `${ROUTE}eth1\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n` },
        "IPv4 route by eth1",
      ],
    ])("still finds %s", (_, changes, detail) => {
      expect(inspect(changes)).toEqual({ noIp: false, detail });
    });

    test("a real interface that is up, by the kernel's own tables", (context) => {
      const missing = ["ip", "unshare"].filter((program) => spawnSync(program, ["--version"]).error !== undefined);
      if (missing.length > 0) {
        process.stdout.write(`skipped: an interface cannot be made without ${missing.join(" and ")}\n`);
        context.skip();
      }
      const asked = `console.log(JSON.stringify(m.inspectIsolation({ carrierInterfaces: ["eth1", "far"] })))`;
      const inside = (ipv6: 0 | 1, more: string) => {
        const switchFile = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
        const noIpv6 = `if test -e ${switchFile}; then echo $1 > ${switchFile}; fi && shift`;
        const make = "ip link add eth1 type veth peer name far && ip link set far up && ip link set eth1 up";
        const script = `${noIpv6} && ${make}${more} && exec "$@"`;
        const asking = run(asked, ["unshare", "-rn", "sh", "-c", script, "sh", String(1 - ipv6)]);
        expect(asking.stderr).toBe("");
        return JSON.parse(asking.stdout) as unknown;
      };
      expect(inside(0, "")).toMatchObject({ noIp: true });
      const addressed = inside(0, " && ip address add 10.9.9.9/24 dev eth1");
      expect(addressed).toMatchObject({ noIp: false, detail: expect.stringContaining("10.9.9.9") });
      // Left alone, a kernel with IPv6 routes its multicast by every interface that is up.
      if (existsSync("/proc/sys/net/ipv6"))
        expect(inside(1, "")).toMatchObject({ noIp: false, detail: expect.stringContaining("IPv6 route by eth1") });
    });
  });

  test("takes a table that cannot be read for no proof", () => {
    const directory = tables({ route: null });
    mkdirSync(join(directory, "route"));
    expect(inspectIsolation({ directory })).toEqual({ noIp: false, detail: "route cannot be read (EISDIR)" });
  });

  test("tells this machine's network from a namespace without one, by the kernel's own tables", () => {
    expect(inspectIsolation().noIp).toBe(false);
    const inside = run("console.log(JSON.stringify(m.inspectIsolation()))", ["unshare", "-rn"]);
    expect(inside.stderr).toBe("");
    expect(JSON.parse(inside.stdout)).toMatchObject({ noIp: true });
  });
});

describe("requireIsolation", () => {
  const demand = (required: boolean) =>
    `m.requireIsolation(l.createLogger({ service: "s" }), ${required}); console.log("serves")`;

  test("ends a process that can reach a network with exit code 77, and says why", () => {
    const refused = run(demand(true), []);
    expect([refused.status, refused.stdout]).toEqual([EXIT_NOT_ISOLATED, ""]);
    expect(JSON.parse(refused.stderr)).toMatchObject({ level: "fatal", isolation: { noIp: false } });
  });

  test("lets it serve when isolation is not required, with a warning, or when it is there", () => {
    const tolerated = run(demand(false), []);
    expect([tolerated.status, tolerated.stdout]).toEqual([0, "serves\n"]);
    expect(JSON.parse(tolerated.stderr)).toMatchObject({ level: "warn", isolation: { noIp: false } });
    const isolated = run(demand(true), ["unshare", "-rn"]);
    expect([isolated.status, isolated.stdout, isolated.stderr]).toEqual([0, "serves\n", ""]);
  });
});

/** Runs a statement in a process of its own, with this module as `m` and the logger's as `l`. */
function run(statement: string, before: readonly string[]) {
  const [module, logger] = ["./isolation.ts", "./logger.ts"].map((file) => new URL(file, import.meta.url).href);
  const script = `const m = await import("${module}"); const l = await import("${logger}"); ${statement}`;
  const [program = "", ...args] = [...before, process.execPath, "--input-type=module", "-e", script];
  return spawnSync(program, args, { encoding: "utf8" });
}
