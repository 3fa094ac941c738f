// What the chain says a wallet was paid. Money from outside is income; change of our own transactions is not.
import type { Handler } from "@sluice/messaging";
import { bookCoin } from "../book-coin.ts";

export const handleCoinObserved: Handler<"coin.observed.v1"> = (tx, { message }) =>
  bookCoin(tx, { ...message, revision: message.revision ?? 0 }, true);
