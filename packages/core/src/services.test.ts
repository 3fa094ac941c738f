// The list of services holds those of the design, each once, and no semi-offline one speaks HTTP.
import { expect, test } from "vitest";
import { SERVICES } from "./services.ts";

test("the services in travel order", () => {
  expect(SERVICES.map(({ name, zone, http }) => `${name} ${zone} ${http ? "http" : "bridge only"}`)).toEqual([
    "online-risk online http",
    "vault online http",
    "semi-offline-risk semi-offline bridge only",
    "semi-offline-signer semi-offline bridge only",
    "treasury online http",
    "blockchain-gateway online http",
    "ops-console online http",
    "webhooks online http",
    "okx-facade online http",
  ]);
});
