// The one error that a call of the API ends with.
import type { FieldError } from "./api.ts";

/** `status` is that of the answer, or 0 when none came: then whether the request arrived is not known. */
export class SluiceApiError extends Error {
  override readonly name = "SluiceApiError";
  readonly status: number;
  /** The API's own code, or UNREACHABLE, ANSWER_MALFORMED of this client. */
  readonly code: string;
  readonly errors: readonly FieldError[];

  constructor(
    problem: {
      readonly status: number;
      readonly code: string;
      readonly detail: string;
      readonly errors?: readonly FieldError[] | undefined;
    },
    options?: { readonly cause?: unknown },
  ) {
    super(`${problem.code}: ${problem.detail}`, options);
    this.status = problem.status;
    this.code = problem.code;
    this.errors = problem.errors ?? [];
  }
}
