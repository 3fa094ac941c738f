// What an operator should see although no withdrawal has changed: kept as it came, the newest of each kind and key.
import type { MessageType } from "@sluice/contracts";
import type { Handler, Handlers } from "@sluice/messaging";
import { keepNotice } from "./store.ts";

type Notice = Extract<
  MessageType,
  "coin.vanished.v1" | "fee.estimated.v1" | "refill.requested.v1" | "transaction.conflicted.v1" | "transaction.stuck.v1"
>;

const keep: Handler<Notice> = (tx, { type, key, occurredAtMs, message }) =>
  keepNotice(tx, { type, key, occurredAtMs, body: message });

export const noticeHandlers: Handlers = {
  "coin.vanished.v1": keep,
  "fee.estimated.v1": keep,
  "refill.requested.v1": keep,
  "transaction.conflicted.v1": keep,
  "transaction.stuck.v1": keep,
};
