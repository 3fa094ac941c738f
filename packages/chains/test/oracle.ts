// A second implementation's reading of a PSBT, against which ours is held. Nothing of ours is used in here.
import { Psbt, Transaction } from "bitcoinjs-lib";
import { verify } from "tiny-secp256k1";

export type OracleReading = {
  readonly txid: string;
  /** txid:vout, in order. */
  readonly inputs: readonly string[];
  readonly outputs: readonly { readonly scriptHex: string; readonly amountSat: bigint }[];
  readonly version: number;
  readonly locktime: number;
  readonly sequences: readonly number[];
};

/** What the unsigned transaction says; null for bytes that the other implementation does not read. */
export function readByOracle(psbt: Uint8Array): OracleReading | null {
  try {
    const parsed = Psbt.fromBuffer(psbt);
    const transaction = Transaction.fromBuffer(parsed.data.getTransaction());
    return {
      txid: transaction.getId(),
      inputs: transaction.ins.map(({ hash, index }) => `${hex(hash.toReversed())}:${index}`),
      outputs: transaction.outs.map(({ script, value }) => ({ scriptHex: hex(script), amountSat: value })),
      version: transaction.version,
      locktime: transaction.locktime,
      sequences: transaction.ins.map(({ sequence }) => sequence),
    };
  } catch {
    return null;
  }
}

/** The network serialisation that the other implementation makes of a signed PSBT, every signature verified by it. */
export function finaliseByOracle(signed: Uint8Array): Uint8Array {
  const psbt = Psbt.fromBuffer(signed);
  const valid = psbt.validateSignaturesOfAllInputs((publicKey, digest, signature) =>
    verify(digest, publicKey, signature, true),
  );
  if (!valid) throw new Error("the other implementation does not verify these signatures");
  return psbt.finalizeAllInputs().extractTransaction(true).toBuffer();
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
