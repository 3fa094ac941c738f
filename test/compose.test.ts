// docker-compose.yml cannot be run where there is no engine, so its agreement with the code is checked instead.
import { readFileSync } from "node:fs";
import { HOLDERS, PRODUCERS } from "@sluice/contracts";
import { ONLINE_SERVICES as ALWAYS, EVERY_PROCESS, OPTIONAL_SERVICES, settingNamesOf } from "@sluice/devstack";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";

type Service = {
  readonly image: string;
  readonly command?: readonly string[] | string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly networks?: readonly string[];
  readonly network_mode?: string;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
};

const compose = parse(readFileSync(new URL("../docker-compose.yml", import.meta.url), "utf8"), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
  readonly volumes: Readonly<Record<string, { readonly driver_opts?: { readonly type?: string } } | null>>;
};

const ONLINE_SERVICES = [...ALWAYS, ...OPTIONAL_SERVICES];
const SEMI_OFFLINE = ["semi-offline-risk", ...HOLDERS];
const service = (name: string): Service => {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`compose has no ${name}`);
  return found;
};
const mountsOf = (name: string): readonly string[] =>
  (service(name).volumes ?? []).map((mount) => mount.split(":")[0] ?? "");

describe("docker-compose agrees with the code", () => {
  it("has every process of the stack", () => {
    expect(EVERY_PROCESS.filter((name) => compose.services[name] === undefined)).toEqual([]);
  });

  it.each(EVERY_PROCESS)("%s has the settings that the stack gives it, and no others", (name) => {
    const given = Object.keys(service(name).environment ?? {}).filter(
      (key) => key !== "SLUICE_HTTP_HOST" && key !== "SLUICE_API_HOST",
    );
    expect(given.toSorted()).toEqual(settingNamesOf(name).toSorted());
  });

  it.each(EVERY_PROCESS)("%s runs its own main", (name) => {
    const folder = name.replace(/^(semi-offline-signer)-[abc]$/, "$1");
    expect([service(name).command].flat().join(" ")).toContain(`services/${folder}/src/main.ts`);
  });

  it("gives the semi-offline zone no network and no port", () => {
    for (const name of [...SEMI_OFFLINE, "postgres-offline"]) {
      expect(service(name).network_mode, name).toBe("none");
      expect(service(name).networks, name).toBeUndefined();
      expect(service(name).ports, name).toBeUndefined();
    }
  });

  it("keeps the online zone from the outside, but for the API, the console and what posts to the backend", () => {
    expect(compose.networks["online"]?.internal).toBe(true);
    const outside = [...ONLINE_SERVICES, "okx-facade"].filter((name) => service(name).networks?.includes("edge"));
    expect(outside).toEqual(["online-risk", "ops-console", "webhooks", "okx-facade"]);
    for (const name of ONLINE_SERVICES) expect(service(name).networks, name).toContain("online");
  });

  it("lets nothing of both zones share a volume but the bridge and public configuration", () => {
    const onlineMounts = new Set([...ONLINE_SERVICES, "okx-facade"].flatMap(mountsOf));
    const shared = new Set(SEMI_OFFLINE.flatMap(mountsOf).filter((mount) => onlineMounts.has(mount)));
    expect([...shared].toSorted()).toEqual([".", "bridge", "config"]);
    expect(ONLINE_SERVICES.filter((name) => mountsOf(name).includes("bridge"))).toEqual(["vault"]);
  });

  it("gives every producer secrets of its own, in memory only", () => {
    for (const producer of PRODUCERS) {
      const volume = `secrets-${producer}`;
      expect(compose.volumes[volume]?.driver_opts?.type, volume).toBe("tmpfs");
      const readers = Object.keys(compose.services).filter((name) => mountsOf(name).includes(volume));
      expect(readers, volume).toEqual(producer === "exchange-backend" ? ["ceremony"] : ["ceremony", producer]);
    }
  });

  it("gives okx-facade its own secrets, and no database and no broker", () => {
    expect(compose.volumes["secrets-okx-facade"]?.driver_opts?.type).toBe("tmpfs");
    expect(Object.keys(compose.services).filter((name) => mountsOf(name).includes("secrets-okx-facade"))).toEqual([
      "ceremony",
      "okx-facade",
    ]);
    const settings = Object.keys(service("okx-facade").environment ?? {});
    expect(settings.filter((name) => /DATABASE|KAFKA/.test(name))).toEqual([]);
  });

  it("shows custody to nobody but the ceremony and the custodians, and a holder's console to the custodians alone", () => {
    const readers = (volume: string) => Object.keys(compose.services).filter((name) => mountsOf(name).includes(volume));
    expect(readers("custody")).toEqual(["ceremony", "custodians"]);
    expect(service("custodians").network_mode).toBe("none");
    for (const holder of HOLDERS) {
      expect(readers(`console-${holder.slice(-1)}`)).toEqual([holder, "custodians"]);
    }
  });

  it("uses official images and creates no topic by accident", () => {
    const images = Object.values(compose.services).map(({ image }) => image.split(":")[0]);
    expect([...new Set(images)].toSorted()).toEqual(["apache/kafka", "bitcoin/bitcoin", "node", "postgres"]);
    expect(service("kafka").environment?.["KAFKA_AUTO_CREATE_TOPICS_ENABLE"]).toBe("false");
  });
});
