// Covers a share on its way over a console: sealed to a key that the holder draws at start and overwrites when it serves.
import sodium, { type SecureBuffer } from "sodium-native";
import { guarded, wipe } from "./guarded-memory.ts";

export type ShareBox = {
  /** X25519, 32 bytes, public. */
  readonly recipient: Uint8Array;
  /** Into guarded memory; `null` when it was not sealed to this box, or was changed. */
  readonly open: (sealed: Uint8Array) => SecureBuffer | null;
  /** What was sealed to this box opens nowhere any more. */
  readonly destroy: () => void;
};

export function createShareBox(): ShareBox {
  const recipient = Buffer.alloc(sodium.crypto_box_PUBLICKEYBYTES);
  const secret = guarded(sodium.crypto_box_SECRETKEYBYTES);
  sodium.crypto_box_keypair(recipient, secret);
  sodium.sodium_mprotect_noaccess(secret);
  let destroyed = false;
  const within = <T>(act: () => T): T => {
    sodium.sodium_mprotect_readwrite(secret);
    try {
      return act();
    } finally {
      sodium.sodium_mprotect_noaccess(secret);
    }
  };
  return {
    recipient,
    open: (sealed) => {
      const length = sealed.length - sodium.crypto_box_SEALBYTES;
      if (destroyed || length < 1) return null;
      const share = guarded(length);
      if (within(() => sodium.crypto_box_seal_open(share, asBuffer(sealed), recipient, secret))) return share;
      wipe(share);
      return null;
    },
    destroy: () => {
      destroyed = true;
      within(() => wipe(secret));
    },
  };
}

/** At the custodian's end. The sender stays unknown to the box: who may speak at a console is the console's matter. */
export function sealToBox(recipient: Uint8Array, share: Uint8Array): Uint8Array {
  const sealed = Buffer.alloc(share.length + sodium.crypto_box_SEALBYTES);
  sodium.crypto_box_seal(sealed, asBuffer(share), asBuffer(recipient));
  return sealed;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
