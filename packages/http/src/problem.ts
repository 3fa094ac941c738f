// Problem details (RFC 9457): the one form in which a request is refused, with a code that stays the same.

export type FieldError = {
  /** Where: a path into the body such as destination.address; query., path. and header. name the other places. */
  readonly field: string;
  /** The rule that the value breaks, for people. */
  readonly rule: string;
  /** UPPER_SNAKE, for programs. */
  readonly code: string;
};

export type ProblemSpec = {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  /** Further members of the answer, such as a state that stood in the way. */
  readonly more?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
};

/** What is written to the client. `instance` names this one occurrence and stands in the log too. */
export type ProblemDetails = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: string;
  readonly errors?: readonly FieldError[];
};

/** Thrown by a handler to refuse a request. Whatever is thrown that is no Problem answers 500 and shows nothing of it. */
export class Problem extends Error {
  readonly status: number;
  readonly statusCode: number;
  readonly code: string;
  readonly spec: ProblemSpec;

  constructor(spec: ProblemSpec) {
    super(spec.detail ?? spec.title);
    this.name = "Problem";
    this.status = spec.status;
    // Fastify and its plugins look at this name.
    this.statusCode = spec.status;
    this.code = spec.code;
    this.spec = spec;
  }
}

export function problem(spec: ProblemSpec): Problem {
  return new Problem(spec);
}

export const PROBLEM_CONTENT_TYPE = "application/problem+json";

/** @param requestId the UUID that the server gave to the request */
export function problemDetails({ spec }: Problem, requestId: string): ProblemDetails {
  return {
    ...spec.more,
    type: `urn:sluice:problem:${spec.code.toLowerCase().replaceAll("_", "-")}`,
    title: spec.title,
    status: spec.status,
    detail: spec.detail ?? spec.title,
    instance: `urn:uuid:${requestId}`,
    code: spec.code,
    ...(spec.errors === undefined ? {} : { errors: spec.errors }),
  };
}

/** The codes with which the server itself refuses, before or after any handler of a service. */
export const SERVER_PROBLEMS = {
  HTTP_MALFORMED: { status: 400, code: "HTTP_MALFORMED", title: "What was sent is not HTTP" },
  REQUEST_MALFORMED: { status: 400, code: "REQUEST_MALFORMED", title: "The request cannot be read" },
  JSON_MALFORMED: { status: 400, code: "JSON_MALFORMED", title: "The body is not JSON in UTF-8" },
  REQUEST_INVALID: { status: 400, code: "REQUEST_INVALID", title: "Some fields of the request break a rule" },
  ROUTE_UNKNOWN: { status: 404, code: "ROUTE_UNKNOWN", title: "There is nothing under this path" },
  METHOD_NOT_ALLOWED: { status: 405, code: "METHOD_NOT_ALLOWED", title: "This path does not take this method" },
  REQUEST_TIMEOUT: { status: 408, code: "REQUEST_TIMEOUT", title: "The request took too long to arrive" },
  BODY_TOO_LARGE: { status: 413, code: "BODY_TOO_LARGE", title: "The body is too large" },
  PATH_TOO_LONG: { status: 414, code: "PATH_TOO_LONG", title: "A part of the path is too long" },
  CONTENT_TYPE_UNSUPPORTED: {
    status: 415,
    code: "CONTENT_TYPE_UNSUPPORTED",
    title: "The body has to be application/json",
  },
  RATE_LIMITED: { status: 429, code: "RATE_LIMITED", title: "Too many requests" },
  HEADERS_TOO_LARGE: { status: 431, code: "HEADERS_TOO_LARGE", title: "The headers are too large" },
  INTERNAL: { status: 500, code: "INTERNAL", title: "The server failed", detail: "It is logged under this instance." },
  NOT_READY: { status: 503, code: "NOT_READY", title: "Something that the server needs is not there" },
  OVERLOADED: {
    status: 503,
    code: "OVERLOADED",
    title: "The server has too much to do",
    headers: { "retry-after": "1" },
  },
  STOPPING: {
    status: 503,
    code: "STOPPING",
    title: "The server is stopping",
    headers: { "retry-after": "1" },
  },
} as const satisfies Readonly<Record<string, ProblemSpec>>;
