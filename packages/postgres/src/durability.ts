// Asks the server whether "committed" means what the promises of Sluice rest on.

import type { Queryable } from "./pool.ts";

/**
 * Every setting under which a committed transaction could be lost or torn, or under which decisions would be read from
 * a standby; empty when there is none. For a service's readiness and start.
 */
export async function durabilityFaults(database: Queryable): Promise<readonly string[]> {
  const { rows } = await database.query<{ name: string; setting: string }>(
    `select name, setting from pg_settings where name = any($1)
     union all select 'in_recovery', case when pg_is_in_recovery() then 'on' else 'off' end`,
    [REQUIRED.map(({ name }) => name)],
  );
  const settings = new Map(rows.map(({ name, setting }) => [name, setting]));
  return REQUIRED.flatMap(({ name, allowed }) => {
    const setting = settings.get(name);
    return setting !== undefined && allowed.includes(setting)
      ? []
      : [`${name} is ${setting ?? "unknown"}; it must be ${allowed.join(" or ")}`];
  });
}

const REQUIRED: readonly { readonly name: string; readonly allowed: readonly string[] }[] = [
  { name: "synchronous_commit", allowed: ["on", "remote_apply"] },
  { name: "fsync", allowed: ["on"] },
  { name: "full_page_writes", allowed: ["on"] },
  { name: "data_checksums", allowed: ["on"] },
  { name: "in_recovery", allowed: ["off"] },
];
