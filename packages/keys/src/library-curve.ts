// libsecp256k1 as the machine's distribution ships it, called by pointer into the memory that holds the key.
import { statSync } from "node:fs";
import koffi, { type LibraryHandle } from "koffi";
import type { NativeCurve } from "./native-curve.ts";

/** secp256k1.h: for signing and verifying. Newer releases call both deprecated and take them for "none"; older need them. */
const CONTEXT_SIGN_VERIFY = 0x301;
const SERIALIZE_COMPRESSED = 0x102;
const SERIALIZE_UNCOMPRESSED = 0x002;

/** Buffers go to the library as they are, not as copies (koffi passes a typed array's own address). */
export function loadLibraryCurve(path: string): NativeCurve {
  const library = load(path);
  const call = declare(library);
  const context = call.createContext(CONTEXT_SIGN_VERIFY);
  if (context === null) throw new Error(`${path} makes no context`);
  return {
    contextRandomize(seed) {
      demand(call.randomize(context, exactly(32, seed)), "the context was not randomised");
    },
    privateKeyVerify: (privateKey) => call.verifySecret(context, exactly(32, privateKey)) === 1,
    privateKeyTweakAdd(privateKey, tweak) {
      const added = call.addTweak(context, exactly(32, privateKey), exactly(32, tweak));
      demand(added, "the tweak is out of range, or the sum is no key");
      return privateKey;
    },
    publicKeyCreate(privateKey, compressed) {
      const point = new Uint8Array(64);
      demand(call.createPublic(context, point, exactly(32, privateKey)), "these bytes are no key of the curve");
      const length = compressed ? 33 : 65;
      const written = new BigUint64Array([BigInt(length)]);
      const serialized = new Uint8Array(length);
      const form = compressed ? SERIALIZE_COMPRESSED : SERIALIZE_UNCOMPRESSED;
      demand(call.serializePublic(context, serialized, written, point, form), "the public key was not written");
      return serialized;
    },
    ecdsaSign(digest, privateKey) {
      const opaque = new Uint8Array(64);
      // Without a nonce function the library takes its own, RFC 6979, and makes S low.
      const signed = call.sign(context, opaque, exactly(32, digest), exactly(32, privateKey), null, null);
      demand(signed, "nothing was signed");
      const signature = new Uint8Array(64);
      demand(call.serializeCompact(context, signature, opaque), "the signature was not written");
      return { signature };
    },
  };
}

/** Whoever may write this file decides what happens to the key. */
function load(path: string): LibraryHandle {
  const { mode } = statSync(path);
  if ((mode & 0o022) !== 0) throw new Error(`${path} may be written by group or others`);
  try {
    return koffi.load(path);
  } catch (cause) {
    throw new Error(`${path} does not load`, { cause });
  }
}

function declare(library: LibraryHandle) {
  const bytes = "const uint8_t *";
  const into = "uint8_t *";
  const of = (name: string, result: string, ...parameters: string[]) =>
    library.func(`secp256k1_${name}`, result, parameters);
  return {
    createContext: of("context_create", "void *", "unsigned int") as (flags: number) => unknown,
    randomize: of("context_randomize", "int", "void *", bytes) as Call,
    verifySecret: of("ec_seckey_verify", "int", "void *", bytes) as Call,
    addTweak: of("ec_seckey_tweak_add", "int", "void *", into, bytes) as Call,
    createPublic: of("ec_pubkey_create", "int", "void *", into, bytes) as Call,
    serializePublic: of("ec_pubkey_serialize", "int", "void *", into, "uint64_t *", bytes, "unsigned int") as Call,
    sign: of("ecdsa_sign", "int", "void *", into, bytes, bytes, "void *", "void *") as Call,
    serializeCompact: of("ecdsa_signature_serialize_compact", "int", "void *", into, bytes) as Call,
  };
}

type Call = (context: unknown, ...values: readonly (Uint8Array | BigUint64Array | number | null)[]) => number;

/** The library reads as many bytes as it wants, whatever it was given. */
function exactly(length: number, bytes: Uint8Array): Uint8Array {
  if (bytes.length !== length) throw new Error(`${length} bytes are needed, and there are ${bytes.length}`);
  return bytes;
}

function demand(answer: number, otherwise: string): void {
  if (answer !== 1) throw new Error(otherwise);
}
