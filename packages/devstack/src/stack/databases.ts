// One database and one role per service, as in production; made for one stack and dropped with it.
import { randomBytes } from "node:crypto";
import { createPool, type Pool } from "@sluice/postgres";

export type ServiceDatabase = { readonly url: string; readonly password: string };

export type Databases = {
  readonly of: (service: string) => ServiceDatabase;
  readonly drop: () => Promise<void>;
};

/** @param adminUrl an administrator's URL. @param prefix goes in front of every name, so that stacks can share a server. */
export async function createDatabases(
  adminUrl: string,
  prefix: string,
  services: readonly string[],
): Promise<Databases> {
  const admin = openAdmin(adminUrl);
  const made = new Map<string, ServiceDatabase>();
  try {
    for (const service of services) made.set(service, await createOne(admin, adminUrl, nameOf(prefix, service)));
  } finally {
    await admin.end();
  }
  return {
    of: (service) => {
      const database = made.get(service);
      if (database === undefined) throw new Error(`${service} has no database`);
      return database;
    },
    drop: async () => {
      const again = openAdmin(adminUrl);
      try {
        for (const service of services) {
          await again.query(`drop database if exists ${nameOf(prefix, service)} with (force)`);
          await again.query(`drop role if exists ${nameOf(prefix, service)}`);
        }
      } finally {
        await again.end();
      }
    },
  };
}

async function createOne(admin: Pool, adminUrl: string, name: string): Promise<ServiceDatabase> {
  const password = randomBytes(18).toString("hex");
  // Neither statement takes parameters; both texts are made here of letters, digits and underscores.
  await admin.query(`create role ${name} login password '${password}'`);
  await admin.query(`create database ${name} owner ${name}`);
  await admin.query(`revoke connect on database ${name} from public`);
  return { url: serviceUrl(adminUrl, name), password };
}

/** The administrator's URL without its password, for another user and database. */
function serviceUrl(adminUrl: string, name: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  url.password = "";
  if (url.searchParams.has("user")) url.searchParams.set("user", name);
  else url.username = name;
  return url.toString();
}

function nameOf(prefix: string, service: string): string {
  return `${prefix}${service}`.replaceAll("-", "_");
}

function openAdmin(adminUrl: string): Pool {
  return createPool({ url: adminUrl, applicationName: "devstack", max: 1 });
}
