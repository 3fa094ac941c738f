// How a request is refused behind the API; the routes turn it into problem details.
import { refused, type WithdrawalState } from "@sluice/core";
import { type FieldError, type Problem, problem } from "@sluice/http";

export type ApiRefusal = {
  readonly status: 400 | 401 | 403 | 404 | 409 | 422;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly FieldError[];
  /** The state that stood against it. */
  readonly state?: WithdrawalState | null;
};

export function refuse(status: ApiRefusal["status"], code: string, detail: string) {
  return refused<ApiRefusal>({ status, code, detail });
}

/** Several fields can be at fault at once; the problem has the code of the first. */
export function refuseFields(status: ApiRefusal["status"], errors: readonly [FieldError, ...FieldError[]]) {
  const [{ field, rule, code }] = errors;
  return refused<ApiRefusal>({ status, code, detail: `${field} ${rule}`, errors });
}

export function problemOf({ status, code, detail, errors, state }: ApiRefusal): Problem {
  return problem({
    ...{ status, code, title: TITLES[status], detail },
    ...(errors === undefined ? {} : { errors }),
    ...(state === undefined ? {} : { more: { state } }),
  });
}

const TITLES: Readonly<Record<ApiRefusal["status"], string>> = {
  400: "The request cannot be read",
  401: "The request is not signed as it has to be",
  403: "The key may not do this",
  404: "There is no such withdrawal",
  409: "The withdrawal stands against this",
  422: "Some fields of the request break a rule",
};
