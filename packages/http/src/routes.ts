// Remembers which methods each path takes, so that a wrong method is told from a wrong path.
import type { FastifyInstance } from "fastify";

type Pattern = { readonly matches: RegExp; readonly methods: readonly string[] };

/** Has to be called before any route is added. Returns the methods that a path takes, sorted; none for an unknown path. */
export function rememberRoutes(server: FastifyInstance): (path: string) => readonly string[] {
  const patterns: Pattern[] = [];
  server.addHook("onRoute", ({ url, method }) => {
    patterns.push({ matches: patternOf(url), methods: [method].flat() });
  });
  return (path) => {
    const methods = patterns.filter(({ matches }) => matches.test(path)).flatMap(({ methods }) => methods);
    return [...new Set(methods)].toSorted();
  };
}

/** /v1/withdrawals/:id → one part of a path for each :name, anything for a star. */
function patternOf(url: string): RegExp {
  const parts = url.split("/").map((part) => {
    if (part.startsWith(":")) return "[^/]+";
    return part === "*" ? ".*" : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("/")}$`);
}
