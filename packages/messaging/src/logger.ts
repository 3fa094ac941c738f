// What this package needs of a logger: the shape of pino's methods.

type Log = (fields: Readonly<Record<string, unknown>>, message: string) => void;

export type Logger = { readonly debug: Log; readonly info: Log; readonly warn: Log; readonly error: Log };
