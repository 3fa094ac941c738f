// What people decide for the semi-offline zone: bundles, releases, vetoes. Kept in its Postgres, served on its console.
import { fileURLToPath } from "node:url";

export * from "./bundles.ts";
export * from "./console-commands.ts";
export * from "./decisions.ts";

/** Applied under the name of this package, beside the migrations of the service. */
export const GOVERNANCE_MIGRATIONS = {
  set: "governance",
  directory: fileURLToPath(new URL("../migrations", import.meta.url)),
};
