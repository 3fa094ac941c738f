// Reads a JSON body and keeps its exact bytes: signatures and digests of requests are over the bytes, not their meaning.
import type { FastifyInstance } from "fastify";
import { Problem, SERVER_PROBLEMS } from "./problem.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The body as it was sent; empty when there was none. */
    rawBody: Buffer;
  }
}

const NONE = Buffer.alloc(0);

/** JSON only, and only in UTF-8: any other content type answers 415, so that nothing reaches a handler unread. */
export function readJsonBodies(server: FastifyInstance): void {
  server.decorateRequest("rawBody");
  server.addHook("onRequest", async (request) => {
    request.rawBody = NONE;
  });
  server.removeAllContentTypeParsers();
  const parseJson = server.getDefaultJsonParser("error", "error");
  server.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body: Buffer, done) => {
    request.rawBody = body;
    const text = utf8(body);
    if (text === null) return done(new Problem(SERVER_PROBLEMS.JSON_MALFORMED));
    if (ESCAPED_NUL.test(text)) return done(new Problem({ ...SERVER_PROBLEMS.JSON_MALFORMED, detail: NO_NUL }));
    parseJson(request, text, (error, value) => {
      if (error !== null) done(new Problem({ ...SERVER_PROBLEMS.JSON_MALFORMED, detail: "The body cannot be parsed" }));
      else done(null, value);
    });
  });
}

/** No text has it, and no database of ours stores it: nobody who means well sends it. A raw one is no JSON anyway. */
const ESCAPED_NUL = /(?<!\\)(?:\\\\)*\\u0000/;
const NO_NUL = "The body holds the character U+0000";

/**
 * Bytes that are no UTF-8 are refused, not replaced, and so is a byte order mark, which some parsers skip and others do
 * not: what is verified and what is understood must be the same, here and wherever the bytes are read again.
 */
function utf8(body: Buffer): string | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
    return text.startsWith("\uFEFF") ? null : text;
  } catch {
    return null;
  }
}
