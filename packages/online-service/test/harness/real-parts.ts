// The real parts that the environment names, and a database on one of them.
import { randomBytes } from "node:crypto";
import { createPool } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";

export function named(name: "KAFKA_BROKERS" | "DATABASE_URL"): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: this test needs real parts.`);
  return value;
}

/** Owned by a role of its own, as in production: nothing works here only because an administrator may do anything. */
export async function createServiceDatabase() {
  const adminUrl = named("DATABASE_URL");
  const password = randomBytes(18).toString("hex");
  const database = await createTestDatabase(adminUrl);
  const name = new URL(database.url).pathname.slice(1);
  const admin = createPool({ url: adminUrl, applicationName: "test administration", max: 1 });
  await admin.query(`create role ${name} login password '${password}'`);
  await admin.query(`alter database ${name} owner to ${name}`);
  const url = new URL(database.url);
  url.username = name;
  url.password = "";
  return {
    adminUrl: database.url,
    url: url.toString(),
    password,
    drop: async () => {
      await database.drop();
      await admin.query(`drop role ${name}`);
      await admin.end();
    },
  };
}
