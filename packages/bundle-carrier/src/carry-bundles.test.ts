// The folder of bundles: in the order of the versions, again when something has changed, and never what is too large.
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createTrust, open } from "@sluice/contracts";
import { createLogger } from "@sluice/runtime";
import { expect, test } from "vitest";
import { carryBundles } from "./index.ts";

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
const trust = createTrust([{ producer: "vault", keyId: "vault-1", publicKey: raw }]);

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString();

test("bundles are offered by version, again when the folder or the line has changed, and not when nothing has", async () => {
  const directory = mkdtempSync(join(tmpdir(), "bundles-"));
  const write = (name: string, content: string | Uint8Array) => writeFileSync(join(directory, name), content);
  write("10.bundle", "ten");
  write("9.bundle", "nine");
  write("notes.txt", "no bundle");
  write("11.bundle", new Uint8Array(1_000_001));
  const sent: string[] = [];
  const line = { connections: 1, state: "disconnected" as "connected" | "disconnected" };
  const carrier = carryBundles({
    directory,
    everyMs: 5,
    sealer: { producer: "vault", keyId: "vault-1", privateKey },
    logger: createLogger({ service: "test", level: "silent" }),
    bridge: {
      get state() {
        return line.state;
      },
      stats: () => ({ connections: line.connections }) as never,
      send: async (envelope) => {
        const opened = open(trust, envelope, ["bundle.offered.v1", "labels.offered.v1"]);
        if (!opened.ok) sent.push(opened.refusal.code);
        else if (opened.value.type === "labels.offered.v1") sent.push(`labels ${textOf(opened.value.message.update)}`);
        else sent.push(textOf(opened.value.message.bundle));
      },
    },
  });
  const until = async (count: number): Promise<void> => {
    while (sent.length < count) await delay(5);
  };
  try {
    await delay(20);
    expect(sent).toEqual([]);
    line.state = "connected";
    await until(2);
    write("11.bundle", "eleven");
    await until(5);
    line.connections = 2;
    await until(8);
    write("12.labels", "twelve");
    await until(12);
    await carrier.stop();
    const three = ["nine", "ten", "eleven"];
    expect(sent).toEqual(["nine", "ten", ...three, ...three, ...three, "labels twelve"]);
  } finally {
    await carrier.stop();
    rmSync(directory, { recursive: true });
  }
});
