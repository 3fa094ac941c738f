// A coin left the best chain with its block. It may come back in another one, and usually does.
import type { Handler } from "@sluice/messaging";
import { clearAgain, noteSighting } from "@sluice/wallet-memory";
import { withdrawUntaken } from "../store/tasks.ts";
import { tellOfWork } from "../work.ts";

/**
 * It is not planned until it is back. A task that spends it and was never sent is planned anew with other coins; every
 * other one waits, since it may be signed: it confirms when the coin is back, and shows until then what it waits for.
 */
export const handleCoinVanished: Handler<"coin.vanished.v1"> = async (tx, { message }) => {
  const outpoint = `${message.transactionId}:${message.vout}`;
  if (!(await noteSighting(tx, outpoint, false, message.revision))) return;
  await clearAgain(tx, await withdrawUntaken(tx, outpoint, "COIN_VANISHED"), "COIN_VANISHED", null);
  await tellOfWork(tx);
};
