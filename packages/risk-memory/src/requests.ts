// All SQL about signed requests: the bytes that were signed.
import type { SignedRequest } from "@sluice/contracts";
import type { Transaction } from "@sluice/postgres";

export async function findBodySha256(tx: Transaction, id: string): Promise<Buffer | undefined> {
  const { rows } = await tx.query<{ body_sha256: Buffer }>(
    "select body_sha256 from withdrawal_request where withdrawal_id = $1",
    [id],
  );
  return rows[0]?.body_sha256;
}

export type NewRequest = {
  readonly id: string;
  readonly keyId: string;
  readonly nonce: string;
  readonly signed: SignedRequest;
  readonly bodySha256: Uint8Array;
  readonly receivedAtMs: number;
};

/** False when a request with this id is there. Waits for another transaction that stores the same id. */
export async function insertRequest(tx: Transaction, request: NewRequest): Promise<boolean> {
  const { id, keyId, nonce, signed, bodySha256, receivedAtMs } = request;
  const { rowCount } = await tx.query(
    `insert into withdrawal_request (withdrawal_id, key_id, nonce, method, authority, path, query, content_type,
       content_digest, signature_input, signature, body, body_sha256, received_at_ms)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) on conflict (withdrawal_id) do nothing`,
    [
      ...[id, keyId, nonce, signed.method, signed.authority, signed.path, signed.query, signed.contentType],
      ...[signed.contentDigest, signed.signatureInput, signed.signature, signed.body, bodySha256, receivedAtMs],
    ],
  );
  return rowCount === 1;
}

/** By the withdrawal's id. */
export async function loadRequests(
  tx: Transaction,
  ids: readonly string[],
): Promise<ReadonlyMap<string, SignedRequest>> {
  const { rows } = await tx.query<SignedRequest & { readonly id: string }>(
    `select withdrawal_id as id, method, authority, path, query, content_type as "contentType",
       content_digest as "contentDigest", signature_input as "signatureInput", signature, body
     from withdrawal_request where withdrawal_id = any($1)`,
    [ids],
  );
  return new Map(rows.map(({ id, ...request }) => [id, { ...request, body: new Uint8Array(request.body) }]));
}

export type KeptRequest = Omit<SignedRequest, "body"> & { readonly body: string };

/** For a column of JSON: bytes as base64. */
export function keptRequest(request: SignedRequest): string {
  return JSON.stringify({ ...request, body: Buffer.from(request.body).toString("base64") } satisfies KeptRequest);
}

export function readKept(request: KeptRequest): SignedRequest {
  return { ...request, body: new Uint8Array(Buffer.from(request.body, "base64")) };
}
