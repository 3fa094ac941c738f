// Reads the Prometheus text format (its documentation, "Exposition formats", version 0.0.4), strictly.
import { expect } from "vitest";

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABELS = '\\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*",?)*\\}';
const VALUE = "[+-]?(?:Inf|NaN|[0-9.]+(?:e[+-]?[0-9]+)?)";
const SAMPLE = new RegExp(`^(${NAME})(${LABELS})? (${VALUE}|Nan)(?: [0-9]+)?$`);
const COMMENT = new RegExp(`^# (?:HELP ${NAME} .*|TYPE ${NAME} (?:counter|gauge|histogram|summary|untyped))$`);

/** The samples by name and labels; fails on a line that is neither sample nor comment, and on a sample given twice. */
export function parseExposition(text: string): ReadonlyMap<string, string> {
  expect(text.endsWith("\n")).toBe(true);
  const samples = new Map<string, string>();
  for (const line of text.split("\n").filter((line) => line !== "")) {
    if (COMMENT.test(line)) continue;
    const [, name, labels = "", value = ""] = SAMPLE.exec(line) ?? [];
    expect(name, line).toBeDefined();
    expect(samples.has(`${name}${labels}`), line).toBe(false);
    samples.set(`${name}${labels}`, value);
  }
  return samples;
}
