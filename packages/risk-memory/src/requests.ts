// All SQL about signed requests: the bytes that were signed.
import type { SignedRequest } from "@sluice/contracts";
import type { Transaction } from "@sluice/postgres";

/** By id, of those that are stored. */
export async function findBodySha256(tx: Transaction, ids: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
  const { rows } = await tx.query<{ id: string; sha256: Buffer }>(
    "select withdrawal_id as id, body_sha256 as sha256 from withdrawal_request where withdrawal_id = any($1)",
    [ids],
  );
  return new Map(rows.map(({ id, sha256 }) => [id, sha256]));
}

export type NewRequest = {
  readonly id: string;
  readonly keyId: string;
  readonly nonce: string;
  readonly signed: SignedRequest;
  readonly bodySha256: Uint8Array;
  readonly receivedAtMs: number;
};

/**
 * The ids of those that are stored now; of the others a request with this id is there. Waits for another transaction that
 * stores the same id; in one order everywhere, so that two do not wait for each other.
 */
export async function insertRequests(tx: Transaction, requests: readonly NewRequest[]): Promise<ReadonlySet<string>> {
  const column = <T>(of: (request: NewRequest) => T) => requests.map(of);
  const { rows } = await tx.query<{ id: string }>(
    `insert into withdrawal_request (withdrawal_id, key_id, nonce, method, authority, path, query, content_type,
       content_digest, signature_input, signature, body, body_sha256, received_at_ms)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
       $9::text[], $10::text[], $11::text[], $12::bytea[], $13::bytea[], $14::bigint[]) as given (id) order by id
     on conflict (withdrawal_id) do nothing returning withdrawal_id as id`,
    [
      ...[column(({ id }) => id), column(({ keyId }) => keyId), column(({ nonce }) => nonce)],
      ...[column(({ signed }) => signed.method), column(({ signed }) => signed.authority)],
      ...[column(({ signed }) => signed.path), column(({ signed }) => signed.query)],
      ...[column(({ signed }) => signed.contentType), column(({ signed }) => signed.contentDigest)],
      ...[column(({ signed }) => signed.signatureInput), column(({ signed }) => signed.signature)],
      ...[column(({ signed }) => Buffer.from(signed.body)), column(({ bodySha256 }) => Buffer.from(bodySha256))],
      column(({ receivedAtMs }) => receivedAtMs),
    ],
  );
  return new Set(rows.map(({ id }) => id));
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
