// Branded ids: a string becomes an id only through its parse function, so that one kind is never passed for another.
import { type Refusal, type RefusalCode, refusal } from "./refusals.ts";
import { ok, type Result, refused } from "./result.ts";

export type Brand<T, B extends string> = T & { readonly __brand: B };

/** The client's own id of a withdrawal, unique per exchange backend. */
export type WithdrawalId = Brand<string, "WithdrawalId">;
/** The exchange's id of the customer's account that pays. */
export type AccountId = Brand<string, "AccountId">;
/** The id of one hot wallet of this deployment. */
export type WalletId = Brand<string, "WalletId">;
/** The id of one signature task. */
export type TaskId = Brand<string, "TaskId">;

export function parseWithdrawalId(text: unknown): Result<WithdrawalId, Refusal<"WITHDRAWAL_ID_MALFORMED">> {
  return parse<WithdrawalId, "WITHDRAWAL_ID_MALFORMED">(text, ID_PATTERN, "WITHDRAWAL_ID_MALFORMED");
}

export function parseAccountId(text: unknown): Result<AccountId, Refusal<"ACCOUNT_ID_MALFORMED">> {
  return parse<AccountId, "ACCOUNT_ID_MALFORMED">(text, ID_PATTERN, "ACCOUNT_ID_MALFORMED");
}

export function parseWalletId(text: unknown): Result<WalletId, Refusal<"WALLET_ID_MALFORMED">> {
  return parse<WalletId, "WALLET_ID_MALFORMED">(text, ID_PATTERN, "WALLET_ID_MALFORMED");
}

export function parseTaskId(text: unknown): Result<TaskId, Refusal<"TASK_ID_MALFORMED">> {
  return parse<TaskId, "TASK_ID_MALFORMED">(text, TASK_ID_PATTERN, "TASK_ID_MALFORMED");
}

/** Ids stay within what is safe in a URL path, a log line, a file name and a message key without any escaping. */
export const ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
export const TASK_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

function parse<Id extends string, C extends RefusalCode>(
  text: unknown,
  pattern: RegExp,
  code: C,
): Result<Id, Refusal<C>> {
  return typeof text === "string" && pattern.test(text) ? ok(text as Id) : refused(refusal(code));
}
