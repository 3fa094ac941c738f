// Where the tables of this package are described.

import { fileURLToPath } from "node:url";

/** For migrate(pool, [{ set: "messaging", directory: MESSAGING_MIGRATIONS }, …]), before the service's own set. */
export const MESSAGING_MIGRATIONS: string = fileURLToPath(new URL("../migrations", import.meta.url));
