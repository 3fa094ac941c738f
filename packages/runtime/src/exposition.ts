// Several processes' metrics as one text: Prometheus wants every family once, with all its samples together.

type Family = { readonly meta: string[]; readonly samples: string[] };

const META = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) /;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? \S+( -?[0-9]+)?$/;

/** Joins texts of the Prometheus exposition format 0.0.4. Lines that are none of it are left out. */
export function joinExpositions(texts: readonly string[]): string {
  const families = new Map<string, Family>();
  for (const text of texts) readInto(families, text);
  return [...families.values()].flatMap(({ meta, samples }) => [...meta, ...samples, ""]).join("\n");
}

function readInto(families: Map<string, Family>, text: string): void {
  let current = "";
  for (const line of text.split("\n")) {
    const [, kind, named] = META.exec(line) ?? [];
    if (named !== undefined) {
      current = named;
      const { meta } = familyOf(families, named);
      if (!meta.some((known) => known.startsWith(`# ${kind} `))) meta.push(line);
      continue;
    }
    const [, name] = SAMPLE.exec(line) ?? [];
    if (name === undefined) continue;
    // The samples of a histogram or summary carry suffixes of their family's name.
    const family = new RegExp(`^${current}(_bucket|_sum|_count)?$`).test(name) && current !== "" ? current : name;
    familyOf(families, family).samples.push(line);
  }
}

function familyOf(families: Map<string, Family>, name: string): Family {
  const known = families.get(name);
  if (known !== undefined) return known;
  const family: Family = { meta: [], samples: [] };
  families.set(name, family);
  return family;
}
