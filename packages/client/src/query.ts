// The query of a call: what is given, in its order; empty, or beginning with "?".
export function queryOf(filter: Readonly<Record<string, string | number | bigint | undefined>>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) if (value !== undefined) given.set(name, String(value));
  return given.size === 0 ? "" : `?${given}`;
}
