// Draws the passwords of Postgres and bitcoind for docker-compose, into a folder that lies in memory.
import { randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderRpcAuth } from "../parts/bitcoind.ts";

const [folder, ...more] = process.argv.slice(2);
if (folder === undefined || more.length > 0) {
  process.stderr.write("usage: node bootstrap.ts FOLDER\n");
  process.exit(64);
}
if (!existsSync(join(folder, "bitcoin.conf"))) {
  const password = randomBytes(24).toString("hex");
  // Read by the Postgres image as its own user, in a volume that only the parts and the ceremony mount.
  writeFileSync(join(folder, "password"), randomBytes(24).toString("hex"), { mode: 0o444 });
  writeFileSync(join(folder, "bitcoin-password"), password, { mode: 0o400 });
  const settings = [
    `rpcauth=${renderRpcAuth({ user: "sluice", password })}`,
    // Regtest has no history of fees to estimate from.
    "fallbackfee=0.0001",
  ];
  // Last: it says that everything is drawn.
  writeFileSync(join(folder, "bitcoin.conf"), ["regtest=1", "[regtest]", ...settings, ""].join("\n"), { mode: 0o444 });
}
