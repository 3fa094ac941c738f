// The holder's local console: custodians feed their shares here, see how far it is, and lock it again.
import {
  answered,
  type Console,
  type ConsoleCommand,
  ConsoleError,
  type JsonObject,
  refusedAs,
  serveConsole,
} from "@sluice/console";
import { type KeyLock, SHARE_BYTES, SHARE_REFUSALS } from "@sluice/keys/custody";
import { ConfigError, type Logger } from "@sluice/runtime";

/** A sealed share and room for another version of it; nothing larger is ever taken. */
const LIMITS = { headBytes: 4_096, binaryBytes: 4 * SHARE_BYTES };

export function openKeyConsole(parts: {
  readonly path: string;
  readonly holder: string;
  readonly lock: KeyLock;
  readonly logger: Logger;
  /** After every change of the lock. */
  readonly onChange: () => void;
  readonly veto: ConsoleCommand;
}): Promise<Console> {
  const { path, holder, lock, logger, onChange, veto } = parts;
  const status = (): JsonObject => {
    const recipient = Buffer.from(lock.recipient()).toString("hex");
    return { holder, ...lock.status(), recipient };
  };
  return serveConsole({
    path,
    logger,
    limits: LIMITS,
    commands: {
      veto,
      status: () => answered(status()),
      feed: async (_, sealed) => {
        const code = await lock.feed(sealed);
        const { state, shares, threshold, custodians } = lock.status();
        if (code !== null) {
          logger.warn({ code, held: shares, threshold }, "a custodian's share was not taken");
          return refusedAs(code, SHARE_REFUSALS[code]);
        }
        logger.info({ state, held: shares, threshold, custodians }, "a custodian's share was taken");
        onChange();
        return answered(status());
      },
      lock: () => {
        lock.lock();
        logger.warn({ holder }, "locked at the console: the key is overwritten");
        onChange();
        return answered(status());
      },
    },
  }).catch((error: unknown) => {
    if (!(error instanceof ConsoleError)) throw error;
    throw new ConfigError([{ name: "SLUICE_CONSOLE_SOCKET", rule: `${error.code}: ${error.message}` }]);
  });
}
