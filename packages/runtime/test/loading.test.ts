// Our patches of zod and prom-client are in place: a process loads neither a language that it does not speak nor tracing.
import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";

const script = `
  import { registerHooks } from "node:module";
  const loaded = [];
  registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
  await import(${JSON.stringify(new URL("../src/index.ts", import.meta.url).href)});
  process.stdout.write(JSON.stringify(loaded));`;

it("is left out, and what it was loaded by is there", () => {
  const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
  const loaded = (JSON.parse(printed) as readonly string[]).map((url) => url.split("/node_modules/").at(-1) ?? url);
  expect(loaded).toContain("zod/v4/core/index.js");
  expect(loaded).toContain("prom-client/lib/metrics/processCpuTotal.js");
  expect(loaded.filter((file) => file.startsWith("zod/v4/locales/"))).toEqual(["zod/v4/locales/en.js"]);
  expect(loaded.filter((file) => file.startsWith("@opentelemetry/"))).toEqual([]);
});
