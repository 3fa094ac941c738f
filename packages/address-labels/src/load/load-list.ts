// A list in one of the forms that are known, as changes of labels.
import { loadOfac } from "./ofac.ts";
import type { BadRow, Loaded } from "./row.ts";
import { loadCsv, loadNdjson } from "./tables.ts";

export const LIST_FORMATS = ["ofac", "csv", "ndjson"] as const;
export type ListFormat = (typeof LIST_FORMATS)[number];

export type List = {
  readonly format: ListFormat;
  readonly path: string;
  readonly source: string;
  /** The date of a list that has none in its rows (ofac). */
  readonly since: string;
};

/** Rows that break a rule are passed over and put among the bad ones: whoever finds any there keeps nothing of the list. */
export function loadList({ format, path, source, since }: List, bad: BadRow[]): Loaded {
  switch (format) {
    case "ofac":
      return loadOfac(path, source, bad, since);
    case "csv":
      return loadCsv(path, source, bad);
    case "ndjson":
      return loadNdjson(path, source, bad);
    default:
      return format satisfies never;
  }
}
