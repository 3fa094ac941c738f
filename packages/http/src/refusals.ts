// Answers whatever goes wrong with problem details: thrown problems, Fastify's own errors, and bytes that are no HTTP.
import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { PROBLEM_CONTENT_TYPE, Problem, type ProblemSpec, problemDetails, SERVER_PROBLEMS } from "./problem.ts";

// Not imported: an import of node:http by its names loads all of Node's fetch, a tenth of what a service's start costs.
const { STATUS_CODES } = process.getBuiltinModule("node:http");

/** @param methodsOf the methods that a path takes, to tell 405 from 404 */
export function refuseWithProblems(server: FastifyInstance, methodsOf: (path: string) => readonly string[]): void {
  server.setErrorHandler((error: unknown, request, reply) => answerError(error, request, reply));
  const limited = server.hasDecorator("rateLimit") ? { preHandler: server.rateLimit() } : {};
  server.setNotFoundHandler(limited, (request, reply) => {
    const allow = methodsOf(request.url.split("?", 1)[0] ?? "");
    if (allow.length === 0) return sendProblem(new Problem(SERVER_PROBLEMS.ROUTE_UNKNOWN), request, reply);
    const headers = { allow: allow.join(", ") };
    return sendProblem(new Problem({ ...SERVER_PROBLEMS.METHOD_NOT_ALLOWED, headers }), request, reply);
  });
}

/** A request is refused in its own words or in none: what failed inside is for the log alone. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refused = error instanceof Problem ? error : problemOf(error);
  if (refused.status >= 500 && refused.code === "INTERNAL") request.log.error({ err: error }, "a request failed");
  return sendProblem(refused, request, reply);
}

function sendProblem(refused: Problem, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply
    .code(refused.status)
    .headers(refused.spec.headers ?? {})
    .header("content-type", PROBLEM_CONTENT_TYPE)
    .serializer(JSON.stringify)
    .send(problemDetails(refused, request.id));
}

const OF_FASTIFY: Readonly<Record<string, ProblemSpec>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: SERVER_PROBLEMS.BODY_TOO_LARGE,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: SERVER_PROBLEMS.CONTENT_TYPE_UNSUPPORTED,
  FST_ERR_CTP_EMPTY_JSON_BODY: SERVER_PROBLEMS.JSON_MALFORMED,
  FST_ERR_CTP_INVALID_JSON_BODY: SERVER_PROBLEMS.JSON_MALFORMED,
  FST_ERR_MAX_PARAM_LENGTH: SERVER_PROBLEMS.PATH_TOO_LONG,
};

function problemOf(error: unknown): Problem {
  const { code = "", statusCode = 500 } = error instanceof Error ? (error as Partial<FastifyError>) : {};
  const known = OF_FASTIFY[code];
  if (known !== undefined) return new Problem(known);
  const clientsFault = code.startsWith("FST_ERR_") && statusCode >= 400 && statusCode < 500;
  return new Problem(clientsFault ? SERVER_PROBLEMS.REQUEST_MALFORMED : SERVER_PROBLEMS.INTERNAL);
}

/** Answers on the bare socket when what came is not HTTP, too long, or too slow. */
export function answerBrokenHttp(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const spec = OF_NODE[error.code ?? ""] ?? SERVER_PROBLEMS.HTTP_MALFORMED;
  const body = JSON.stringify(problemDetails(new Problem(spec), randomUUID()));
  const head = [
    `HTTP/1.1 ${spec.status} ${STATUS_CODES[spec.status] ?? ""}`,
    `content-type: ${PROBLEM_CONTENT_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

const OF_NODE: Readonly<Record<string, ProblemSpec>> = {
  HPE_HEADER_OVERFLOW: SERVER_PROBLEMS.HEADERS_TOO_LARGE,
  ERR_HTTP_REQUEST_TIMEOUT: SERVER_PROBLEMS.REQUEST_TIMEOUT,
};
