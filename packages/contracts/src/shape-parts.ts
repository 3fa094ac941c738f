// What the shapes of messages are made of.
import { z } from "zod";

export const name = z.string().min(1).max(256);
export const text = z.string().max(64 * 1024);
export const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, "must be bytes");
export const someBytes = bytes.refine((value) => value.length > 0, "must not be empty");
export const satoshi = z.bigint().min(0n).max(2_100_000_000_000_000n);
export const count = z.number().int().min(0);
export const atMs = z.bigint().min(0n).max(BigInt(Number.MAX_SAFE_INTEGER)).transform(Number);
export const transactionId = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hexadecimal digits");
export const blockHash = transactionId;
export const outpoint = z.string().regex(/^[0-9a-f]{64}:(0|[1-9][0-9]{0,9})$/, "must be txid:vout");
export const list = <T extends z.ZodType>(item: T) => z.array(item).max(10_000).readonly();
export const attempt = z.object({ withdrawalId: name, attempt: z.number().int().min(1) }).readonly();
