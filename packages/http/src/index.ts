// The HTTP server of every online service, and the types that its routes are written with.
export type { FastifyBaseLogger, FastifyReply, FastifyRequest } from "fastify";
export type { FastifyPluginAsyncZod, ZodTypeProvider } from "fastify-type-provider-zod";
export { z } from "zod";
export { type Dependency, HEALTH_PATHS } from "./health.ts";
export { merged, type OpenApiInfo, type Refusals } from "./openapi.ts";
export * from "./problem.ts";
export { type AnsweredRequest, createHttpServer, type HttpServer, type HttpServerOptions } from "./server.ts";
export { fieldErrors } from "./validation.ts";
