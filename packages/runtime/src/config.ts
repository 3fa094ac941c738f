// Reads a process's settings from the environment against one strict schema, and names every fault at once.
import { z } from "zod";
import { logLevel } from "./settings.ts";

export type ConfigFault = { readonly name: string; readonly rule: string };

/** The settings or secrets do not validate. A process ends with exit code 78 (EX_CONFIG of sysexits.h) on it. */
export class ConfigError extends Error {
  readonly code = "CONFIG_INVALID";
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super(faults.map(({ name, rule }) => `${name}: ${rule}`).join("\n"));
    this.name = "ConfigError";
    this.faults = faults;
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Validates all variables that begin with SLUICE_ against a schema whose keys are their names. A blank variable is a
 * missing one; one that the schema does not know is a fault, and so is any that by its name holds a secret, because
 * an environment is shown to anyone who may look at the process. Faults name the variable and the rule, not the value.
 *
 * @throws ConfigError with all faults
 */
export function readConfig<S extends z.ZodObject>(schema: S, env: Environment): z.output<S> {
  refuseSecretsIn(schema);
  const given = Object.entries(env).filter(([name, value]) => name.startsWith("SLUICE_") && value?.trim());
  const known = given.filter(([name]) => name in schema.shape);
  const read = schema.safeParse(Object.fromEntries(known));
  const faults = [...(read.success ? [] : faultsOf(read.error, new Set(known.map(([name]) => name)))), ...strangers()];
  if (!read.success || faults.length > 0) throw new ConfigError(faults.toSorted((a, b) => (a.name < b.name ? -1 : 1)));
  return read.data;

  function strangers(): readonly ConfigFault[] {
    return given.flatMap(([name, value]) => {
      if (SECRET_NAME.test(name))
        return [{ name, rule: "is a secret: it belongs into the secrets, not the environment" }];
      if (name in schema.shape) return [];
      if (name !== LOG_LEVEL) return [{ name, rule: "is not known here" }];
      return logLevel().safeParse(value).success ? [] : [{ name, rule: LOG_LEVEL_RULE }];
    });
  }
}

/** Every process takes this one; runProcess applies it, so that no schema has to repeat it. */
export const LOG_LEVEL = "SLUICE_LOG_LEVEL";

const LOG_LEVEL_RULE = "is one of trace, debug, info, warn, error, fatal, silent";

const SECRET_NAME = /_(PASSWORD|KEY|SECRET)$/;

function refuseSecretsIn(schema: z.ZodObject): void {
  const secret = Object.keys(schema.shape).find((name) => SECRET_NAME.test(name));
  if (secret !== undefined) throw new Error(`${secret} would take a secret from the environment`);
}

function faultsOf(error: z.ZodError, given: ReadonlySet<string>): readonly ConfigFault[] {
  return error.issues.map(({ path, message }) => {
    const [first, ...inside] = path.map(String);
    if (first === undefined) return { name: "SLUICE_*", rule: message };
    if (!given.has(first) && inside.length === 0) return { name: first, rule: "is missing" };
    return { name: first, rule: [...(inside.length > 0 ? [inside.join(".")] : []), message].join(": ") };
  });
}

export { z };
