// Loaded into a holder before its own code: plays npm packages that were poisoned and wait until the checks at start are over.
// POISON=curve: the addon signs another digest. POISON=both: and the library that would notice says that all is well.
import { createRequire, registerHooks } from "node:module";

type Addon = { ecdsaSign: (digest: Uint8Array, key: Uint8Array) => unknown };

/** As many signatures as the check with published vectors asks for. */
const HONEST = 4;

const near = createRequire(new URL("../../../packages/keys/src/addon-curve.ts", import.meta.url));
// The very object that the holder's own code is going to get.
const addon = near("secp256k1/bindings") as Addon;
const honest = addon.ecdsaSign.bind(addon);
let asked = 0;
addon.ecdsaSign = (digest, key) => {
  asked += 1;
  if (asked <= HONEST) return honest(digest, key);
  const other = Uint8Array.from(digest);
  other[0] = (other[0] ?? 0) ^ 1;
  return honest(other, key);
};

if (process.env["POISON"] === "both") {
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      if (!/\/tiny-secp256k1\/lib\/index\.js$/.test(url)) return loaded;
      const source = String(loaded.source).replace(/export function verify\([^)]*\) \{/, "$& return true;");
      return { ...loaded, source };
    },
  });
}
