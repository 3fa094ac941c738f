// Keeps every change of a withdrawal, so that a person can see how it came to where it is.
import type { Handler } from "@sluice/messaging";
import { addChange } from "../store.ts";

export const handleWithdrawalChanged: Handler<"withdrawal.changed.v1"> = (tx, { message }) => addChange(tx, message);
