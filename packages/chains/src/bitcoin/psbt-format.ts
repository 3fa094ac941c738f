// The container format of a partially signed transaction of version 0, read strictly and written (BIP174).
import { ok, type Result } from "@sluice/core";
import { type ChainRefusal, type ChainRefusalCode, refuseChain } from "./chain-refusals.ts";
import { type ParsedTransaction, parseTransaction } from "./transaction.ts";
import { compactSize, concatBytes, equalBytes, sized, toHex, type WireFault, WireReader } from "./wire.ts";

/** One field: its type, what its key holds besides the type, and its value. */
export type PsbtField = { readonly type: number; readonly keyData: Uint8Array; readonly value: Uint8Array };
export type PsbtMap = readonly PsbtField[];

export type PsbtDocument = {
  readonly globals: PsbtMap;
  readonly inputs: readonly PsbtMap[];
  readonly outputs: readonly PsbtMap[];
  /** The unsigned transaction of the global map, parsed. */
  readonly transaction: ParsedTransaction;
};

export const GLOBAL = { UNSIGNED_TRANSACTION: 0x00, XPUB: 0x01, VERSION: 0xfb } as const;
export const INPUT = {
  PREVIOUS_TRANSACTION: 0x00,
  WITNESS_UTXO: 0x01,
  PARTIAL_SIGNATURE: 0x02,
  SIGHASH_TYPE: 0x03,
  REDEEM_SCRIPT: 0x04,
  WITNESS_SCRIPT: 0x05,
  BIP32_DERIVATION: 0x06,
  FINAL_SCRIPT_SIG: 0x07,
  FINAL_WITNESS: 0x08,
} as const;
export const OUTPUT = { REDEEM_SCRIPT: 0x00, WITNESS_SCRIPT: 0x01, BIP32_DERIVATION: 0x02 } as const;
export const PROPRIETARY = 0xfc;

export const MAX_PSBT_BYTES = 1024 * 1024;
const MAGIC = Uint8Array.of(0x70, 0x73, 0x62, 0x74, 0xff);

type Form = (bytes: Uint8Array) => boolean;
type FieldRule = { readonly keyData: Form; readonly value: Form };
const none: Form = ({ length }) => length === 0;
const anything: Form = () => true;
const publicKey: Form = ({ length, 0: prefix }) =>
  (length === 33 && (prefix === 2 || prefix === 3)) || (length === 65 && prefix === 4);
const fourBytes: Form = ({ length }) => length === 4;
const steps: Form = ({ length }) => length >= 4 && length % 4 === 0;

/** What BIP174 says of the fields it defines; a field that it does not define has no form here. */
const GLOBAL_RULES: Readonly<Record<number, FieldRule>> = {
  [GLOBAL.UNSIGNED_TRANSACTION]: { keyData: none, value: anything },
  [GLOBAL.XPUB]: { keyData: ({ length }) => length === 78, value: steps },
  [GLOBAL.VERSION]: { keyData: none, value: fourBytes },
};
const INPUT_RULES: Readonly<Record<number, FieldRule>> = {
  [INPUT.PREVIOUS_TRANSACTION]: { keyData: none, value: anything },
  [INPUT.WITNESS_UTXO]: { keyData: none, value: (bytes) => readWitnessUtxo(bytes) !== null },
  [INPUT.PARTIAL_SIGNATURE]: { keyData: publicKey, value: anything },
  [INPUT.SIGHASH_TYPE]: { keyData: none, value: fourBytes },
  [INPUT.REDEEM_SCRIPT]: { keyData: none, value: anything },
  [INPUT.WITNESS_SCRIPT]: { keyData: none, value: anything },
  [INPUT.BIP32_DERIVATION]: { keyData: publicKey, value: steps },
  [INPUT.FINAL_SCRIPT_SIG]: { keyData: none, value: anything },
  [INPUT.FINAL_WITNESS]: { keyData: none, value: anything },
};
const OUTPUT_RULES: Readonly<Record<number, FieldRule>> = {
  [OUTPUT.REDEEM_SCRIPT]: { keyData: none, value: anything },
  [OUTPUT.WITNESS_SCRIPT]: { keyData: none, value: anything },
  [OUTPUT.BIP32_DERIVATION]: { keyData: publicKey, value: steps },
};

/** Reads the container and the unsigned transaction. What the fields mean for a payout is judged elsewhere. */
export function parsePsbt(bytes: Uint8Array): Result<PsbtDocument, ChainRefusal> {
  if (bytes.length > MAX_PSBT_BYTES) return refuseChain("PSBT_TOO_LARGE");
  const reader = new WireReader(bytes);
  if (!equalBytes(reader.take(MAGIC.length), MAGIC)) return refuseChain("PSBT_MAGIC_MISSING");
  const globals = readMap(reader, GLOBAL_RULES, "global map");
  if (!globals.ok) return globals;
  const version = fieldOf(globals.value, GLOBAL.VERSION);
  if (version?.some((byte) => byte !== 0)) return refuseChain("PSBT_VERSION_UNSUPPORTED");
  const unsigned = fieldOf(globals.value, GLOBAL.UNSIGNED_TRANSACTION);
  if (unsigned === null) return refuseChain("PSBT_TRANSACTION_MISSING");
  const transaction = parseTransaction(unsigned, "without-witness");
  if (!transaction.ok) return refuseChain("PSBT_TRANSACTION_MALFORMED", transaction.refusal.code);
  if (transaction.value.inputs.some(({ scriptSig }) => scriptSig.length > 0))
    return refuseChain("PSBT_TRANSACTION_SIGNED");

  const inputs = readMaps(reader, transaction.value.inputs.length, INPUT_RULES, "input");
  if (!inputs.ok) return inputs;
  const outputs = readMaps(reader, transaction.value.outputs.length, OUTPUT_RULES, "output");
  if (!outputs.ok) return outputs;
  if (reader.remaining > 0) return refuseChain("PSBT_TRAILING_BYTES");
  return ok({ globals: globals.value, inputs: inputs.value, outputs: outputs.value, transaction: transaction.value });
}

/** Writes the maps in their order, field by field as given. */
export function serializePsbt({ globals, inputs, outputs }: Omit<PsbtDocument, "transaction">): Uint8Array {
  const fields = [globals, ...inputs, ...outputs].flatMap((map) => [...map.map(serializeField), Uint8Array.of(0)]);
  return concatBytes(MAGIC, ...fields);
}

/** The value of a field whose key is its type alone; null when the map does not have it. */
export function fieldOf(map: PsbtMap, type: number): Uint8Array | null {
  return map.find((field) => field.type === type && field.keyData.length === 0)?.value ?? null;
}

export function fieldsOf(map: PsbtMap, type: number): PsbtMap {
  return map.filter((field) => field.type === type);
}

/** An amount and a script, and nothing besides. */
export function readWitnessUtxo(bytes: Uint8Array): { amountSat: bigint; scriptPubKey: Uint8Array } | null {
  const reader = new WireReader(bytes);
  const output = { amountSat: reader.u64(), scriptPubKey: reader.sized() };
  return reader.fault === null && reader.remaining === 0 ? output : null;
}

function serializeField({ type, keyData, value }: PsbtField): Uint8Array {
  return concatBytes(sized(concatBytes(compactSize(type), keyData)), sized(value));
}

const FAULTS = {
  TRUNCATED: "PSBT_TRUNCATED",
  NON_MINIMAL: "PSBT_LENGTH_NOT_MINIMAL",
} as const satisfies Record<WireFault, ChainRefusalCode>;

function readMaps(
  reader: WireReader,
  count: number,
  rules: Readonly<Record<number, FieldRule>>,
  name: string,
): Result<readonly PsbtMap[], ChainRefusal> {
  const maps: PsbtMap[] = [];
  for (let at = 0; at < count; at += 1) {
    const map = readMap(reader, rules, `${name} ${at}`);
    if (!map.ok) return map;
    maps.push(map.value);
  }
  return ok(maps);
}

function readMap(
  reader: WireReader,
  rules: Readonly<Record<number, FieldRule>>,
  where: string,
): Result<PsbtMap, ChainRefusal> {
  const fields: PsbtField[] = [];
  const keys = new Set<string>();
  for (;;) {
    const key = reader.sized();
    if (reader.fault !== null) return refuseChain(FAULTS[reader.fault], where);
    if (key.length === 0) return ok(fields);
    const value = reader.sized();
    if (reader.fault !== null) return refuseChain(FAULTS[reader.fault], where);
    const keyReader = new WireReader(key);
    const type = keyReader.compactSize();
    if (keyReader.fault !== null) return refuseChain(FAULTS[keyReader.fault], where);
    const keyData = keyReader.take(keyReader.remaining);
    const name = toHex(key);
    if (keys.has(name)) return refuseChain("PSBT_KEY_DUPLICATE", where);
    keys.add(name);
    const rule = rules[type];
    if (rule !== undefined && !rule.keyData(keyData)) return refuseChain("PSBT_KEY_MALFORMED", where);
    if (rule !== undefined && !rule.value(value)) return refuseChain("PSBT_VALUE_MALFORMED", where);
    fields.push({ type, keyData, value });
  }
}
