// Signed requests: published vectors, each refusal with its own code, and no part that can change unnoticed.
import { createPublicKey, verify } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyring } from "./fixtures.ts";
import { signatureBase } from "./signature-base.ts";
import { contentDigest, type RequestParts, type SignedRequest, signRequest, verifyRequest } from "./signed-request.ts";

const ring = keyring(["exchange-backend", "vault"]);
const backend = ring.sealer("exchange-backend");
const options = { createdAtMs: 1_700_000_000_123, nonce: "nonce-0001" };
const post: RequestParts = {
  method: "POST",
  authority: "sluice.example:8080",
  path: "/v1/withdrawals",
  query: "",
  contentType: "application/json",
  body: Buffer.from('{"id":"w1"}'),
};
const get: RequestParts = { ...post, method: "GET", query: "?limit=5", contentType: "", body: new Uint8Array() };
const code = (request: SignedRequest) => {
  const verified = verifyRequest(ring.trust, request);
  return verified.ok ? "VERIFIED" : verified.refusal.code;
};

describe("published vectors", () => {
  it("the signature base and Ed25519 signature of RFC 9421 B.2.6", () => {
    const key = createPublicKey({
      key: Buffer.from("MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=", "base64"),
      format: "der",
      type: "spki",
    });
    const base = signatureBase(
      [
        ["date", "Tue, 20 Apr 2021 02:07:55 GMT"],
        ["@method", "POST"],
        ["@path", "/foo"],
        ["@authority", "example.com"],
        ["content-type", "application/json"],
        ["content-length", "18"],
      ],
      '("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
    );
    const signature = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==";
    expect(verify(null, base, key, Buffer.from(signature, "base64"))).toBe(true);
  });

  it("the Content-Digest of RFC 9530 B.1", () => {
    expect(contentDigest(Buffer.from('{"hello": "world"}\n'))).toBe(
      "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
    );
  });
});

describe("a request", () => {
  it.each([
    ["with a body", post],
    ["without a body", get],
  ])("%s is verified, and its time is in whole seconds", (_name, parts) => {
    const verified = verifyRequest(ring.trust, signRequest(parts, backend, options));
    expect(verified.ok && verified.value.createdAtMs).toBe(1_700_000_000_000);
    expect(verified.ok && verified.value.nonce).toBe("nonce-0001");
    expect(verified.ok && verified.value.key.keyId).toBe(backend.keyId);
  });

  it("is verified whatever the case of its authority", () => {
    const request = signRequest({ ...post, authority: "Sluice.Example:8080" }, backend, options);
    expect(code({ ...request, authority: "sluice.example:8080" })).toBe("VERIFIED");
  });
});

describe("refusals", () => {
  const good = signRequest(post, backend, options);
  const bare = (input: string) => ({ ...good, signatureInput: input });
  const covered = '("@method" "@authority" "@path" "@query" "content-type" "content-digest")';
  const parameters =
    ';created=1700000000;nonce="nonce-0001";keyid="exchange-backend-1";alg="ed25519";tag="sluice-withdrawal-v1"';

  it.each<[string, SignedRequest, string]>([
    ["the untampered control", good, "VERIFIED"],
    ["the control, written by hand", bare(`sluice=${covered}${parameters}`), "VERIFIED"],
    ["no signature", { ...good, signature: "" }, "SIGNATURE_MISSING"],
    ["no input", bare(""), "SIGNATURE_MISSING"],
    ["another label", bare(`sig1=${covered}${parameters}`), "SIGNATURE_MALFORMED"],
    ["two signatures", bare(`sluice=${covered}${parameters}, sig1=${covered}`), "SIGNATURE_MALFORMED"],
    ["not a structured field", bare("sluice=(("), "SIGNATURE_MALFORMED"],
    [
      "another algorithm",
      bare(`sluice=${covered}${parameters.replace("ed25519", "hmac-sha256")}`),
      "SIGNATURE_MALFORMED",
    ],
    ["another purpose", bare(`sluice=${covered}${parameters.replace("-v1", "-v2")}`), "SIGNATURE_MALFORMED"],
    ["a parameter too many", bare(`sluice=${covered}${parameters};expires=1`), "SIGNATURE_MALFORMED"],
    ["no nonce", bare(`sluice=${covered}${parameters.replace(';nonce="nonce-0001"', "")}`), "SIGNATURE_MALFORMED"],
    [
      "a time that is text",
      bare(`sluice=${covered}${parameters.replace("1700000000", '"now"')}`),
      "SIGNATURE_MALFORMED",
    ],
    ["a short signature", { ...good, signature: "sluice=:AAAA:" }, "SIGNATURE_MALFORMED"],
    ["a component left out", bare(`sluice=("@method" "@path")${parameters}`), "SIGNATURE_INCOMPLETE"],
    [
      "a component of the request, not the message",
      bare(`sluice=${covered.replace('"@path"', '"@path";req')}${parameters}`),
      "SIGNATURE_INCOMPLETE",
    ],
    ["no digest", { ...good, contentDigest: "" }, "DIGEST_MISSING"],
    ["another body", { ...good, body: Buffer.from('{"id":"w2"}') }, "DIGEST_MISMATCH"],
    ["an unknown key", bare(`sluice=${covered}${parameters.replace("backend-1", "backend-2")}`), "KEY_UNKNOWN"],
    ["a service's key", bare(`sluice=${covered}${parameters.replace("exchange-backend-1", "vault-1")}`), "KEY_UNKNOWN"],
    ["another time", bare(`sluice=${covered}${parameters.replace("1700000000", "1700000001")}`), "SIGNATURE_INVALID"],
    ["another nonce", bare(`sluice=${covered}${parameters.replace("0001", "0002")}`), "SIGNATURE_INVALID"],
    ["another method", { ...good, method: "PUT" }, "SIGNATURE_INVALID"],
    ["another path", { ...good, path: "/v1/withdrawals/w1/cancel" }, "SIGNATURE_INVALID"],
    ["another query", { ...good, query: "?x=1" }, "SIGNATURE_INVALID"],
    ["another host", { ...good, authority: "evil.example" }, "SIGNATURE_INVALID"],
  ])("%s: %#", (_name, request, expected) => expect(code(request)).toBe(expected));

  it("a revoked key", () => {
    const revoked = keyring(["exchange-backend"], ["exchange-backend"]);
    const verified = verifyRequest(revoked.trust, signRequest(post, revoked.sealer("exchange-backend"), options));
    expect(verified.ok || verified.refusal.code).toBe("KEY_REVOKED");
  });
});

it("never throws, and never verifies, whatever the parts hold", () => {
  const text = fc.oneof(fc.string(), fc.constantFrom("sluice=()", "sluice=::", 'sluice=("@path");created=1'));
  fc.assert(
    fc.property(
      text,
      text,
      fc.string(),
      fc.uint8Array({ maxLength: 50 }),
      (signatureInput, signature, digest, body) => {
        const request = {
          ...signRequest(post, backend, options),
          signatureInput,
          signature,
          contentDigest: digest,
          body,
        };
        expect(code(request)).not.toBe("VERIFIED");
      },
    ),
    { numRuns: 2000 },
  );
});
