// sluice labels verify, lookup: whether an update or a store is whole, and what a store says of an address.
import { existsSync } from "node:fs";
import {
  canonicalAddress,
  checkLabels,
  checkStore,
  LabelsBroken,
  labelSignersSchema,
  openLabelReader,
  openUpdate,
  readLabelSigners,
} from "@sluice/address-labels";
import { type Command, type Outcome, requiredText, UsageError } from "../command.ts";
import { readJson, refusedWith } from "./bundle-files.ts";

export const labelsVerify: Command = {
  name: "labels verify",
  summary: "reads every byte of an update, and its seals, or of a store",
  usage: ["--update FILE   an update", "--signers FILE   who may seal it, as pinned", "--store DIR   or a store"],
  options: { update: { type: "string" }, signers: { type: "string" }, store: { type: "string" } },
  run: async (values) => {
    const { update, store } = values;
    if (typeof store === "string") return refusing(() => verifyStore(store));
    if (typeof update !== "string") throw new UsageError("--update or --store is needed");
    return verifyUpdate(update, requiredText(values, "signers"));
  },
};

export const labelsLookup: Command = {
  name: "labels lookup",
  summary: "says what a store knows of an address; the store may be in use",
  usage: ["--store DIR   the store", "--chain NAME   bitcoin, ethereum, tron, …", "--address TEXT   the address"],
  options: { store: { type: "string" }, chain: { type: "string" }, address: { type: "string" } },
  run: async (values) => {
    const directory = folder(requiredText(values, "store"));
    const chain = requiredText(values, "chain");
    const canonical = canonicalAddress(chain, requiredText(values, "address"));
    if (!canonical.ok) return refusedWith(canonical.refusal);
    return refusing(() => {
      const reader = openLabelReader(directory);
      const found = reader.find(chain, canonical.value);
      const version = reader.status()?.version ?? 0;
      reader.close();
      if (!found.ok) return refusedWith(found.refusal);
      const labels = found.value.map(({ sinceMs, ...label }) => ({ ...label, since: new Date(sinceMs).toISOString() }));
      const lines = labels.map(
        ({ tier, category, source, confidence, since }) =>
          `${tier}: ${category}, says ${source} since ${since}, confidence ${confidence} of 100`,
      );
      return {
        kind: "done",
        lines: [...(lines.length === 0 ? ["no label"] : lines), `by version ${version} of the labels`],
        json: { version, labels },
      };
    });
  },
};

function verifyUpdate(path: string, signersFile: string): Outcome {
  if (!existsSync(path)) throw new UsageError(`${path} is not there`);
  const pinned = labelSignersSchema.safeParse(readJson(signersFile));
  if (!pinned.success) throw new UsageError("the signers' file is not one");
  const opened = openUpdate(path, readLabelSigners(pinned.data));
  if (!opened.ok) return refusedWith(opened.refusal);
  const whole = checkLabels(path);
  if (!whole.ok) return refusedWith(whole.refusal);
  const { content, sha256, signedBy } = whole.value;
  const { kind, version, previousSha256, madeAtMs, body } = content;
  const made = new Date(madeAtMs).toISOString();
  return {
    kind: "done",
    lines: [
      `${kind} ${version}, made ${made}, ${body.records} records, sealed by ${signedBy.join(" and ")}`,
      `sha256 ${sha256}`,
      `follows ${previousSha256 === "" ? "nothing" : previousSha256}`,
    ],
    json: { kind, version, sha256, previousSha256, madeAtMs, records: body.records, signedBy: [...signedBy] },
  };
}

function verifyStore(directory: string): Outcome {
  const { version, records, segments } = checkStore(folder(directory));
  return {
    kind: "done",
    lines: [`version ${version} of the labels: ${records} records in ${segments} segments, every byte is whole`],
    json: { version, records, segments },
  };
}

function folder(path: string): string {
  if (existsSync(path)) return path;
  throw new UsageError(`${path} is not there`);
}

function refusing(work: () => Outcome): Outcome {
  try {
    return work();
  } catch (error) {
    if (error instanceof LabelsBroken) return refusedWith({ code: error.code, detail: error.message });
    throw error;
  }
}
