// Changes of the unsigned transaction as a whole.
import { input, inputMap, output, piled, row, type Tampering } from "./control.ts";

export const TRANSACTION: readonly Tampering[] = [
  row("TRANSACTION_VERSION", "version 1", (draft) => Object.assign(draft.transaction, { version: 1 })),
  piled("TRANSACTION_VERSION", "version 3", (draft) => Object.assign(draft.transaction, { version: 3 })),
  piled("TRANSACTION_LOCKTIME", "a locktime in the future", (draft) =>
    Object.assign(draft.transaction, { locktime: 900_000 }),
  ),
  row("TRANSACTION_LOCKTIME", "a locktime of one", (draft) => Object.assign(draft.transaction, { locktime: 1 })),
  row("TRANSACTION_NO_INPUTS", "no inputs", (draft) => {
    draft.transaction.inputs.splice(0);
    draft.inputs.splice(0);
  }),
  row("TRANSACTION_NO_OUTPUTS", "no outputs", (draft) => {
    draft.transaction.outputs.splice(0);
    draft.outputs.splice(0);
  }),
  row("TRANSACTION_TOO_LARGE", "more outputs than nodes relay", (draft) => {
    for (let more = 0; more < 3_300; more += 1) {
      draft.transaction.outputs.push({ amountSat: 294n, scriptPubKey: output(draft).scriptPubKey });
      draft.outputs.push([]);
    }
  }),
  row("TRANSACTION_INPUT_DUPLICATE", "an input twice", (draft) => {
    draft.transaction.inputs.push({ ...input(draft) });
    draft.inputs.push([...inputMap(draft)]);
  }),
  row("TRANSACTION_INPUT_DUPLICATE", "the second input spends the first's outpoint", (draft) =>
    Object.assign(input(draft, 1), { txid: input(draft).txid, vout: input(draft).vout }),
  ),
  piled("TRANSACTION_SEQUENCE", "a final sequence", (draft) => Object.assign(input(draft), { sequence: 0xffff_ffff })),
  row("TRANSACTION_SEQUENCE", "a sequence without the signal", (draft) =>
    Object.assign(input(draft, 1), { sequence: 0xffff_fffe }),
  ),
  row("TRANSACTION_SEQUENCE", "a relative lock", (draft) => Object.assign(input(draft, 1), { sequence: 144 })),
];
