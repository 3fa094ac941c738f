// Words from outside, made fit for a text column: Postgres refuses a zero character, and nothing may fail for its words.

export function storable(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\uFFFD").slice(0, 2_000).toWellFormed();
}
