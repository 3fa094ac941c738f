// A coin left the best chain with its block: what it had brought in is booked back, until it is in a block again.
import type { Handler } from "@sluice/messaging";
import { bookCoin } from "../book-coin.ts";

export const handleCoinVanished: Handler<"coin.vanished.v1"> = (tx, { message }) => bookCoin(tx, message, false);
