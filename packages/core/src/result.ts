// A refusal is a value: what a decision returns when the answer is no, beside what it returns when the answer is yes.

export type Result<T, R> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: R };

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function refused<R>(refusal: R): { readonly ok: false; readonly refusal: R } {
  return { ok: false, refusal };
}

/** Ends a switch over a union: the compiler refuses a forgotten member, and a value from outside the union crashes. */
export function unreachable(value: never): never {
  throw new Error(`a value from outside its union: ${String(value)}`);
}
